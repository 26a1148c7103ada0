use std::fs::OpenOptions;
use std::io::Write as _;

use super::*;
use crate::hostile::{forms, harmless, visible};

const FORMATS: [&str; 3] = ["--format=text", "--format=json", "--format=markdown"];

#[tokio::test]
async fn errors_of_aws_are_text() {
    let fleet = Fleet::new().await;
    let all = forms::joined();
    let both = ["--database", PROD, "--service", seed::SERVICE, &fleet.state, "--check"];
    for (operation, code) in [
        ("ecs:DescribeClusters", 3),
        ("ecs:ListTasks", 1),
        ("ecs:DescribeTasks", 1),
        ("ecs:DescribeServices", 1),
        ("ecs:ListServiceDeployments", 1),
        ("ecs:DescribeServiceRevisions", 0),
        ("ecs:DescribeTaskDefinition", 1),
        ("ecr:BatchGetImage", 0),
        ("ecr:DescribeImages", 0),
    ] {
        let error = Disturbance::Error { code: "InvalidParameterException".into(), message: all.clone() };
        fleet.shop.sandbox().faults().push(Fault::call(operation, error).always());
        for format in FORMATS {
            let run = fleet.status(&[&both[..], &[format]].concat()).in_actions().finish().await;
            assert_eq!(run.code, code, "{operation} {format}: {}", run.stderr);
            let seen = harmless(&run);
            assert!(seen.contains("pwned"), "{operation} {format}: what AWS says is shown: {seen}");
        }
        fleet.shop.sandbox().faults().clear();
    }
}

/// A file that anybody may have written.
#[tokio::test]
async fn a_state_file_is_text() {
    let fleet = Fleet::new().await;
    let all = forms::joined();
    let recorded = fleet.state.strip_prefix("--state=").expect("a path");
    let strange = fleet.shop.world.directory.path().join("x\n::add-mask::pwned ##[error]pwned <b>pwned");
    std::fs::copy(recorded, &strange).expect("a copy");
    let mut file = OpenOptions::new().append(true).open(&strange).expect("the file");
    let judged = |database: &str, verdict: &str| {
        let at = "2026-01-01T00:00:00Z";
        json!({"record": "verdict", "at": at, "database": database, "verdict": verdict, "task": all,
            "revision": all, "image_digest": all})
    };
    for record in [judged(PROD, &all), judged(HEALTH, "migrated, not proved")] {
        writeln!(file, "{record}").expect("written");
    }
    write!(file, "{{").expect("a line without an end");
    let state = format!("--state={}", strange.display());
    let two = format!("{PROD},{HEALTH}");
    for format in FORMATS {
        let flags = ["--database", &two, "--service", seed::SERVICE, &state, "--check", format];
        let run = fleet.status(&flags).in_actions().finish().await;
        run.exits(1);
        let seen = harmless(&run);
        forms::all().for_each(|form| visible(&seen, form));
        assert!(seen.contains("its writer was killed"), "{seen}");
    }
}

#[tokio::test]
async fn names_of_flags_are_text() {
    let fleet = Fleet::new().await;
    for form in
        ["::error::pwned", "<b>pwned</b>", "x\n::warning::pwned", "| pwned | `pwned` |", "\u{1b}[31m pwned"]
    {
        for format in FORMATS {
            let flags = ["--service", form, "--service", seed::SERVICE, format];
            let run = fleet.status(&flags).in_actions().finish().await;
            let seen = harmless(&run);
            visible(&seen, form);
        }
    }
}
