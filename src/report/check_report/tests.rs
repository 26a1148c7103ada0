use super::*;
use crate::document::{Colour, markdown, text};
use crate::migration_report::Reports;
use crate::workflow_commands::SUMMARY_LIMIT;

fn found(database: &str, rest: &str) -> CheckRow {
    let mut reports = Reports::default();
    let line =
        format!(r#"{{"migration_report":{{"version":1,"database":"{database}","current":"57"{rest}}}}}"#);
    assert!(reports.line(&line));
    let report = Box::new(reports.all()[0].clone());
    let verdict = match report.pending {
        0 => Checked::UpToDate(report),
        _ => Checked::Behind(report),
    };
    CheckRow { database: database.to_owned(), verdict: Some(verdict), ..CheckRow::default() }
}

fn report(databases: Vec<CheckRow>) -> CheckReport {
    CheckReport { cluster: "c".into(), family: "app".into(), databases, ..CheckReport::default() }
}

fn few() -> CheckReport {
    let lost = CheckRow {
        database: "lost".into(),
        verdict: Some(Checked::unproved("exit code 1")),
        task_arn: Some("arn:aws:ecs:us-east-1:123456789012:task/c/1".into()),
        ..CheckRow::default()
    };
    let missing = r#","pending":2,"missing":[{"version":58,"name":"add_orders"}]"#;
    let busy =
        CheckRow { migrating: Some("arn:task/2".into()), ..found("busy", r#","pending":0,"schema":"a""#) };
    report(vec![
        found("good", r#","pending":0,"schema":"a""#),
        found("old", missing),
        found("odd", r#","pending":0,"schema":"b""#),
        busy,
        lost,
    ])
}

#[test]
fn a_few_databases_read_one_by_one_and_those_that_need_a_person_first() {
    let mut report = few();
    report.end(None);
    report.ended_at = Some(report.started_at);
    assert_eq!(report.exit_code(), ExitCode::MigrationFailed);
    insta::assert_snapshot!("terminal", text(&report.document(), Colour::Never));
    insta::assert_snapshot!("page", markdown(&report.document(), SUMMARY_LIMIT));
    let names = |report: &CheckReport| {
        outputs(report).values.into_iter().find(|(name, _)| *name == "failed").map(|(_, names)| names)
    };
    assert_eq!(names(&report).as_deref(), Some("old,odd,lost"));
}

#[test]
fn of_a_fleet_those_that_are_up_to_date_are_counted() {
    let name = |number: usize| format!("tenant{number:05}");
    let good = |number| found(&name(number), r#","pending":0"#);
    let mut fleet = report((0..5_000).map(good).chain([found("old", r#","pending":1"#)]).collect());
    fleet.end(None);
    let terminal = text(&fleet.document(), Colour::Never);
    assert!(terminal.contains("… and 5,000 databases up to date"), "{terminal}");
    assert!(terminal.contains("5000 of 5,001 databases up to date: 1 behind"), "{terminal}");
    assert!(terminal.lines().count() < 10, "{terminal}");
    let page = markdown(&fleet.document(), 60_000);
    assert!(page.len() <= 60_000 && page.contains("| old |") && page.contains("more lines"), "{page}");
    let outputs = outputs(&fleet);
    assert_eq!(outputs.shortened, ["result"]);
    assert!(outputs.values.iter().all(|(_, value)| value.len() <= data::OUTPUT_LIMIT));
}

#[test]
fn the_exit_code_is_that_of_what_went_wrong_most() {
    let with = |code: Option<ExitCode>, error: Option<Failure>| {
        let unproved = |exit_code| Checked::Unproved { why: "x".into(), exit_code };
        let row = |verdict| CheckRow { verdict, ..found("a", r#","pending":0"#) };
        let mut report = report(vec![found("b", r#","pending":0"#), row(code.map(unproved))]);
        report.end(error);
        report.exit_code()
    };
    let interrupted = Failure { exit_code: ExitCode::Cancelled, ..Failure::input("stop") };
    assert_eq!(with(Some(ExitCode::TimedOut), None), ExitCode::TimedOut);
    assert_eq!(with(Some(ExitCode::Service), None), ExitCode::Service);
    assert_eq!(with(None, Some(Failure::input("x"))), ExitCode::BadInput);
    assert_eq!(with(None, Some(interrupted)), ExitCode::Cancelled);
    assert_eq!(with(Some(ExitCode::MigrationFailed), Some(Failure::service("x"))), ExitCode::MigrationFailed);
    assert_eq!(with(None, None), ExitCode::Service);
    let mut good = report(vec![found("b", r#","pending":0"#)]);
    good.end(None);
    assert_eq!(good.exit_code(), ExitCode::Done);
    assert!(annotations(&good).is_empty());
}
