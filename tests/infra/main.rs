//! infra/: templates and scripts that other people's programs judge, and that run against MiniStack.
//!
//! drive.py has the tests of the scripts; each of them is a test here, with an account of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use sandbox::{postgres, real_parts};
use serde_json::json;

/// What the stacks made, as an account of the sandbox.
mod account;
/// A virtual environment with pinned versions, made once.
#[path = "../support/python.rs"]
mod environment;
/// The binary, its environment, and what it left behind.
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;

use account::Account;
use environment::{Python, or_skip};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the AWS CLI and MiniStack would take from the machine that runs the tests.
const FOREIGN: [&str; 2] = ["AWS_", "INFRA_"];

fn judges() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements.txt"))))
}

/// MiniStack, and the AWS CLI of the other judges, whose botocore is another one.
fn ministack() -> Option<(&'static Python, &'static Python)> {
    static MINISTACK: OnceLock<Result<Python, String>> = OnceLock::new();
    static CLI: OnceLock<Result<Python, String>> = OnceLock::new();
    let ministack = || Python::with(include_str!("../fidelity/requirements-ministack.txt"));
    let cli = || Python::with(include_str!("../fidelity/requirements.txt"));
    Some((or_skip(MINISTACK.get_or_init(ministack))?, or_skip(CLI.get_or_init(cli))?))
}

fn files(extension: Option<&str>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("infra")).expect("infra");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().and_then(|one| one.to_str()) == extension).collect();
    files.sort();
    files
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn judged(program: &str, flags: &[&str], files: &[PathBuf]) -> Option<Output> {
    let mut command = Command::new(judges()?.program(program));
    command.args(flags).args(files).current_dir(ROOT).stdin(Stdio::null());
    Some(command.output().unwrap_or_else(|error| panic!("run {program}: {error}")))
}

#[test]
fn cfn_lint_finds_nothing() {
    let templates = files(Some("yaml"));
    assert_eq!(templates.len(), 6, "{templates:?}");
    let flags = ["--include-checks", "I", "--regions", "us-east-1", "eu-central-1", "--"];
    let Some(output) = judged("cfn-lint", &flags, &templates) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
}

#[test]
fn shellcheck_finds_nothing() {
    // Those without an extension, and what they read.
    let scripts: Vec<PathBuf> = files(None)
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name != ".shellcheckrc"))
        .chain(files(Some("sh")))
        .collect();
    assert_eq!(scripts.len(), 11, "{scripts:?}");
    let Some(output) = judged("shellcheck", &["--external-sources", "--"], &scripts) else { return };
    assert!(output.status.success(), "{}", said(&output));
}

/// CloudFormation gives other characters back as `?`, and a plan would find another template.
#[test]
fn templates_are_ascii() {
    for path in files(Some("yaml")) {
        assert!(std::fs::read(&path).expect("a template").is_ascii(), "{}", path.display());
    }
}

/// A judge that is never unhappy is none.
#[test]
fn the_judges_find_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let template = directory.path().join("bad.yaml");
    std::fs::write(&template, "Resources:\n  A:\n    Type: AWS::ECS::Cluster\n    Properties: {Nmae: x}\n")
        .expect("write it");
    let script = directory.path().join("bad.sh");
    std::fs::write(&script, "#!/bin/bash\nrm -r $1\n").expect("write it");
    for (program, file, finds) in [("cfn-lint", template, "Nmae"), ("shellcheck", script, "SC2086")] {
        let Some(output) = judged(program, &["--"], &[file]) else { return };
        assert!(!output.status.success() && said(&output).contains(finds), "{}", said(&output));
    }
}

/// Runs a test of drive.py; where its parts are missing, it says so and is not run.
#[track_caller]
fn drive(test: &str, variables: &[(&str, &str)]) {
    let Some((ministack, cli)) = ministack() else { return };
    let programs = cli.program("aws").parent().expect("a directory").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).expect("a PATH");
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut command = Command::new(ministack.program("python"));
    for (name, _) in std::env::vars_os() {
        if FOREIGN.iter().any(|foreign| name.to_string_lossy().starts_with(foreign)) {
            command.env_remove(name);
        }
    }
    // -B: no compiled files beside the scripts.
    let output = command
        .arg("-B")
        .arg(Path::new(ROOT).join("tests/infra/drive.py"))
        .arg(format!("test_{test}"))
        .env("PATH", path)
        .env("TMPDIR", scratch.path())
        .env("PROGRAM", env!("CARGO_BIN_EXE_fargate-migrate"))
        .envs(variables.iter().copied())
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .output()
        .expect("run drive.py");
    let said = said(&output);
    assert!(output.status.success() && said.contains("\nRan 1 test") && !said.contains("skipped"), "{said}");
}

#[test]
fn a_plan_changes_nothing() {
    drive("a_plan_changes_nothing", &[]);
}

#[test]
fn up_again_changes_nothing_and_down_leaves_nothing() {
    drive("up_again_changes_nothing_and_down_leaves_nothing", &[]);
}

#[test]
fn each_way_out_and_from_one_to_another() {
    drive("each_way_out_and_from_one_to_another", &[]);
}

#[test]
fn an_interrupted_run_is_continued() {
    drive("an_interrupted_run_is_continued", &[]);
}

#[test]
fn a_stack_update_leaves_what_runs() {
    drive("a_stack_update_leaves_what_runs", &[]);
}

#[test]
fn a_certificate_comes_and_goes() {
    drive("a_certificate_comes_and_goes", &[]);
}

#[test]
fn a_network_and_a_database_that_are_there() {
    drive("a_network_and_a_database_that_are_there", &[]);
}

#[test]
fn what_is_wrong_is_named_before_anything_is_changed() {
    drive("what_is_wrong_is_named_before_anything_is_changed", &[]);
}

#[test]
fn what_would_not_last_or_is_half_gone_is_named() {
    drive("what_would_not_last_or_is_half_gone_is_named", &[]);
}

#[test]
fn what_another_has_made_stays() {
    drive("what_another_has_made_stays", &[]);
}

#[test]
fn down_stops_tasks_and_says_what_holds_a_stack() {
    drive("down_stops_tasks_and_says_what_holds_a_stack", &[]);
}

#[test]
fn what_an_account_may_have_is_met() {
    drive("what_an_account_may_have_is_met", &[]);
}

#[test]
fn a_stack_that_was_never_made_is_made_again() {
    drive("a_stack_that_was_never_made_is_made_again", &[]);
}

#[test]
fn objects_are_as_they_should_be() {
    drive("objects_are_as_they_should_be", &[]);
}

#[test]
fn the_command_that_init_prints_makes_what_its_file_names() {
    drive("the_command_that_init_prints_makes_what_its_file_names", &[]);
}

/// From nothing to three proved databases: infra/up makes the account and writes the file, and the commands after it
/// need no more.
#[tokio::test]
async fn what_the_stacks_make_migrates_three_databases() {
    if !real_parts::docker_engine() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("account.json");
    drive("what_the_stacks_make_is_written_down", &[("ACCOUNT", &path.display().to_string())]);
    // drive.py has said why it is not there.
    if !path.exists() {
        return;
    }
    let account = Account::of(account::read(&path)).await;
    for database in account.databases() {
        account.postgres.create_database(database).await.expect("create a database");
    }

    let plan = account.migrate(&["--plan"]).await;
    plan.exits(0);
    let plan = plan.result();
    assert_eq!(plan["notes"], json!([]), "{plan:#}");
    let sent = &plan["databases"][0]["run_task"]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(sent["subnets"], json!(account.subnets("shop-private-subnet-")), "{sent}");
    assert_eq!(sent["assignPublicIp"], "DISABLED", "{sent}");

    let run = account.migrate(&[]).await;
    run.exits(0).never_says(account.postgres.password());
    let databases = account.databases();
    assert_eq!(databases.len(), 3);
    for database in databases {
        assert_eq!(run.verdict(database), "migrated", "{run:#?}");
        let tables = account.postgres.count_tables(database).await.expect("count tables");
        assert!(tables > 50, "{database} has {tables} tables");
        let report = &run.row(database)["migration_report"];
        assert_eq!((&report["database"], &report["tables"]), (&json!(database), &json!(tables)));
    }
    let foreign = account.postgres.default_database();
    assert_eq!(account.postgres.count_tables(foreign).await.expect("count tables"), 0);
    account.stop().await;
}

#[tokio::test]
async fn the_task_makes_databases_on_a_real_server() {
    let own = postgres::Options { url: None, ..Default::default() };
    let server = postgres::Postgres::find_or_start(&own).await.expect("start PostgreSQL");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let psql =
        std::env::split_paths(&path).map(|directory| directory.join("psql")).find(|path| path.is_file());
    let Some(psql) = psql.or_else(|| real_parts::skip("psql", "apt-get install postgresql-client")) else {
        return;
    };
    let url = server.url(server.default_database());
    drive(
        "the_task_makes_databases_on_a_real_server",
        &[("PSQL", &psql.display().to_string()), ("POSTGRES", &url)],
    );
}

/// No test of the scripts is forgotten here.
#[test]
fn every_test_of_the_scripts_is_run() {
    let names = |text: &'static str, before: &str, quote: &str| -> Vec<&str> {
        let rests = text.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix(quote));
        rests.filter_map(|rest| rest.split(['(', '"']).next()).collect()
    };
    let there = names(include_str!("drive.py"), "    def test_", "");
    assert!(there.len() > 10, "{there:?}");
    assert_eq!(there, names(include_str!("main.rs"), "\n    drive(", "\""));
}
