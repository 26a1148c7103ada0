use super::super::samples;
use super::*;
use crate::migration_report::FailedMigration;

#[test]
fn each_failure_has_one_and_the_sql_has_its_place() {
    let mut report = samples::fleet();
    let mut ran = samples::migrated("healthtech_experiment").migration_report.unwrap();
    ran.failed = Some(FailedMigration {
        version: "12".to_owned(),
        name: "index_client_events".to_owned(),
        file: Some("app/migrations/V12__index_client_events.sql".to_owned()),
        line: Some(3),
        error: "relation \"client_events\" does not exist".to_owned(),
    });
    report.databases[1].migration_report = Some(ran);
    insta::assert_debug_snapshot!(annotations(&report), @r#"
    [
        Annotation {
            title: "healthtech_experiment: failed",
            message: "app/migrations/V12__index_client_events.sql, line 3: relation \"client_events\" does not exist\nTo fix it: read the last lines of its log",
            file: Some(
                "app/migrations/V12__index_client_events.sql",
            ),
            line: Some(
                3,
            ),
        },
        Annotation {
            title: "fintech_experiment: wrong database",
            message: "asked for fintech_experiment, but the task was connected to startupwebapp_prod (exit code 0)\nTo fix it: the image ignores the variable that names its database (DATABASE_NAME, see --database-variable): make it read that one. fintech_experiment was not migrated. Check startupwebapp_prod first: the task connected to it",
            file: None,
            line: None,
        },
    ]
    "#);
}

#[test]
fn the_tenth_says_how_many_more_there_are() {
    let mut report = samples::no_repository();
    report.databases = (0..40).map(|number| samples::failed(&format!("tenant_{number:02}"))).collect();
    let annotations = annotations(&report);
    assert_eq!(annotations.len(), MOST);
    assert_eq!(annotations[0].title, "fargate-migrate");
    assert_eq!(annotations[9].title, "tenant_08: failed");
    assert!(annotations[9].message.ends_with("And 31 more failures: the job summary has all of them."));
    assert!(!annotations[8].message.contains("more failures"));
}

#[test]
fn a_run_that_went_well_has_none() {
    assert_eq!(annotations(&samples::all_migrated()), []);
}
