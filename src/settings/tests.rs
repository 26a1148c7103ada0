use super::samples::{parsed as of, tried as settings};
use super::*;
use crate::database_name::PLACEHOLDER;

#[test]
fn bad_database_names_are_refused_before_anything_else() {
    let long = "x".repeat(64);
    for name in
        ["", " ", "a b", "a;drop", "a\nb", "-x", "a'b", "a\"b", "::set-output", "##[x]", &long, PLACEHOLDER]
    {
        let error = settings(&[&format!("--database={name}")]).expect_err(name);
        assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput, "{name}");
    }
    for name in ["startupwebapp_prod", "a-b.c$1", "Übung", &"x".repeat(63)] {
        assert_eq!(settings(&["--database", name]).expect(name).databases, [name]);
    }
}

#[test]
fn a_database_is_named_once() {
    let error = settings(&["--database=a,b", "--database=a"]).expect_err("twice");
    assert_eq!(error.message, "database a is named twice");
}

#[test]
fn a_task_definition_is_a_file_when_it_looks_like_a_path() {
    for (text, file) in [
        ("family", false),
        ("family:3", false),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/family:3", false),
        ("ecs/task.json", true),
        ("task.json", true),
        ("./task", true),
    ] {
        assert_eq!(
            matches!(TaskDefinitionSource::from(text.to_owned()), TaskDefinitionSource::File(_)),
            file,
            "{text}"
        );
    }
}

#[test]
fn values_of_variables_are_never_in_an_error() {
    for pair in ["--env=hunter2", "--env=9X=hunter2", "--env=DATABASE_NAME=hunter2"] {
        let error = settings(&["--database=a", pair]).expect_err(pair);
        assert!(!format!("{error:?}").contains("hunter2"), "{pair}: {error:?}");
    }
}

#[test]
fn networks_are_ids_or_tags() {
    let settings = settings(&["--database=a", "--security-groups=sg-1,tag:Name=x-*"]).expect("valid");
    assert_eq!(
        *settings.network.security_groups[1],
        Selector::Tag { key: "Name".into(), pattern: "x-*".into() }
    );
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let error = of(&["fargate-migrate", "migrate", "--task-definition=t"]).expect_err("nothing given");
    assert_eq!(error.message, "no database, cluster and subnets given");
    let hint = error.hint.expect("a hint");
    assert_eq!(
        hint,
        "pass --database NAME, --cluster NAME and --subnets ID or --network-from-service SERVICE"
    );
}

#[test]
fn the_jobs_of_a_matrix_are_runs_of_their_own() {
    let started_by = |runner| RunIdentity::of_github("4242", "1", "migrate", runner).started_by;
    assert_eq!(started_by(None), "fargate-migrate/gha-4242-1-migrate");
    assert_eq!(started_by(Some("GitHub Actions 7")), started_by(Some("GitHub Actions 7")));
    assert_ne!(started_by(Some("GitHub Actions 7")), started_by(Some("GitHub Actions 8")));
    let long =
        RunIdentity::of_github(&"9".repeat(20), "100", &"x".repeat(200), Some("Übung $(x)")).started_by;
    assert!(
        long.len() <= 128 && long.chars().all(|c| c.is_ascii_alphanumeric() || "-/_".contains(c)),
        "{long}"
    );
}
