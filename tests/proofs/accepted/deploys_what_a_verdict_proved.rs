use fargate_migrate::migration_report::Reports;
use fargate_migrate::ports::{Container, Task};
use fargate_migrate::verdict::{AllMigrated, Asked, Migrated, Verdict, judge};

/// Deploying a service demands this.
fn deploy(_: &AllMigrated) {}

fn stopped(exit_code: i32) -> Task {
    let container = Container { name: "app".into(), exit_code: Some(exit_code), ..Container::default() };
    Task {
        last_status: "STOPPED".into(),
        stop_code: Some("EssentialContainerExited".into()),
        containers: vec![container],
        ..Task::default()
    }
}

fn proofs(exit_code: i32) -> Vec<Migrated> {
    let asked = Asked { container: "app", image_digest: Some("sha256:1"), require_report: true };
    let mut reports = Reports::default();
    reports.line(r#"{"migration_report":{"version":1,"database":"shop","pending":0}}"#);
    match judge("shop", &asked, &stopped(exit_code), &reports) {
        Verdict::Migrated(proof) => vec![proof],
        _ => Vec::new(),
    }
}

fn main() {
    deploy(&AllMigrated::of(&["shop"], proofs(0)).expect("it is proved"));
    assert!(AllMigrated::of(&["shop"], proofs(1)).is_err());
}
