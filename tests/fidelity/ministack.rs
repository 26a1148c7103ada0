use std::time::Duration;

use sandbox::seed::{self, DATABASES};
use sandbox::{postgres, real_parts};
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::python::{self, Python};
use crate::support::{Finished, HEALTH, PROD, Run};

mod differences;
mod program;
mod services;

use program::exiting_program;

/// A cold build compiles the app and all that it depends on, optimised: some minutes on two cores.
const BUILD_DEADLINE: Duration = Duration::from_secs(30 * 60);
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where MiniStack is installed, if it and a Docker Engine are there.
fn real_parts() -> Option<&'static Python> {
    let server = python::ministack()?;
    real_parts::docker_engine().then_some(server)
}

fn start(server: &Python, secret: &Value) -> Option<Elsewhere> {
    Elsewhere::start(server, "ministack_server.py", secret)
}

/// MiniStack for tasks that have no use for a database.
fn ministack() -> Option<Elsewhere> {
    let secret = json!({"host": "127.0.0.1", "port": 9, "username": "nobody", "password": "hunter2hunter2"});
    start(real_parts()?, &secret)
}

#[tokio::test]
async fn the_main_job_builds_pushes_and_migrates_three_databases() {
    let Some(real_parts) = real_parts() else { return };
    let own_server = postgres::Options { url: None, ..Default::default() };
    let server = postgres::Postgres::find_or_start(&own_server).await.expect("start PostgreSQL");
    let secret = json!({
        "host": server.host(),
        "port": server.port(),
        "username": server.user(),
        "password": server.password(),
    });
    let Some(ministack) = start(real_parts, &secret) else { return };
    for database in DATABASES {
        server.create_database(database).await.expect("create a database");
    }
    let run = main_job(&ministack).await;

    run.exits(0).never_says(server.password());
    let result = run.result();
    assert_eq!(result["image"]["source"], "built");
    for database in DATABASES {
        assert_eq!(run.verdict(database), "migrated", "{run:#?}");
        let row = run.row(database);
        let tables = server.count_tables(database).await.expect("count tables");
        assert!(tables > 50, "{database} has {tables} tables");
        let report = &row["migration_report"];
        assert_eq!(
            [&report["database"], &report["tables"], &report["pending"]],
            [&json!(database), &json!(tables), &json!(0)]
        );
        assert_eq!(row["exit_code"], 0);
        the_task_was_told_the_database(&ministack, &row);
        the_log_is_complete(&ministack, &row, &run);
    }
    assert_eq!(server.count_tables(server.default_database()).await.expect("count tables"), 0);
    the_registry_has_the_image(&ministack, &result);
    only_our_change_was_registered(&ministack, &result);

    let again = main_job(&ministack).await;
    again.exits(0);
    assert_eq!(again.result()["image"]["source"], "reused");
    assert_eq!(again.result()["image"]["digest"], result["image"]["digest"]);
    assert_eq!(again.result()["task_definition"]["registered"], false);
    for database in DATABASES {
        assert_eq!(again.row(database)["migration_report"]["applied"], json!([]));
    }
}

async fn main_job(ministack: &Elsewhere) -> Finished {
    let dockerfile = format!("{ROOT}/app/Dockerfile");
    let build = ["--dockerfile", &dockerfile, "--context", ROOT, "--target=production", "--tag=v1"];
    let databases = DATABASES.join(",");
    // As JSON, with -v: a report is else told as a sentence.
    let fleet = ["--database", &databases, "--max-parallel=2", "-v"];
    let run = migrate(ministack, &[build.as_slice(), &fleet].concat());
    run.spawn().finish_within(BUILD_DEADLINE).await
}

/// What boto3 sees of a task: its override, its verdict, and who started it.
fn the_task_was_told_the_database(ministack: &Elsewhere, row: &Value) {
    let task = task(ministack, row);
    let told =
        json!([{"name": "migration", "environment": [{"name": "DATABASE_NAME", "value": row["database"]}]}]);
    assert_eq!(task["overrides"]["containerOverrides"], told, "{task}");
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["containers"][0]["exitCode"], row["exit_code"]);
    assert!(task["startedBy"].as_str().is_some_and(|by| by.starts_with("fargate-migrate/")), "{task}");
}

/// The task of a database's row, as boto3 sees it.
fn task(ministack: &Elsewhere, row: &Value) -> Value {
    let arguments = json!({"cluster": seed::CLUSTER, "tasks": [row["task_arn"]]});
    ministack.call("ecs", "describe_tasks", &arguments)["tasks"][0].clone()
}

/// Every event that boto3 finds in the task's stream was read, and printed.
fn the_log_is_complete(ministack: &Elsewhere, row: &Value, run: &Finished) {
    let messages = messages(ministack, row);
    assert!(!messages.is_empty());
    assert_eq!(row["log"]["lines"], messages.len(), "{row}");
    for message in messages {
        run.says(&message);
    }
}

/// The stream of a task's container, as boto3 reads it.
fn messages(ministack: &Elsewhere, row: &Value) -> Vec<String> {
    let answer = ministack.call("logs", "get_log_events", &stream(row));
    let events = answer["events"].as_array().unwrap_or_else(|| panic!("no events: {answer}"));
    events.iter().map(|event| event["message"].as_str().expect("a message").to_owned()).collect()
}

fn stream(row: &Value) -> Value {
    let arn = row["task_arn"].as_str().expect("a task");
    let id = arn.rsplit('/').next().expect("an id");
    let name = format!("migration/migration/{id}");
    json!({"logGroupName": seed::LOG_GROUP, "logStreamName": name, "startFromHead": true})
}

fn the_registry_has_the_image(ministack: &Elsewhere, result: &Value) {
    let arguments = json!({"repositoryName": seed::REPOSITORY, "imageIds": [{"imageTag": "v1"}]});
    let answer = ministack.call("ecr", "describe_images", &arguments);
    assert_eq!(answer["imageDetails"][0]["imageDigest"], result["image"]["digest"], "{answer}");
}

/// boto3 finds in the new revision what it registered itself, but for the image and DATABASE_NAME.
fn only_our_change_was_registered(ministack: &Elsewhere, result: &Value) {
    let described = |arn: &Value| {
        let arguments = json!({"taskDefinition": arn, "include": ["TAGS"]});
        let mut answer = ministack.call("ecs", "describe_task_definition", &arguments);
        let definition = answer["taskDefinition"].as_object_mut().expect("a task definition");
        for own in ["taskDefinitionArn", "revision", "registeredAt", "registeredBy"] {
            definition.remove(own);
        }
        answer
    };
    let mut expected = described(&ministack.account["task_definition_arn"]);
    let container = &mut expected["taskDefinition"]["containerDefinitions"][0];
    container["image"] = result["image"]["reference"].clone();
    let environment = container["environment"].as_array_mut().expect("environment");
    environment.push(json!({"name": "DATABASE_NAME", "value": "__set-by-fargate-migrate__"}));
    assert_eq!(described(&result["task_definition"]["arn"]), expected);
}

#[tokio::test]
async fn the_programs_exit_code_decides_and_a_long_log_is_complete() {
    let Some(ministack) = ministack() else { return };
    for (code, lines) in [(3, 1), (7, 3_000)] {
        let variables = [format!("EXIT_CODE={code}"), format!("LINES={lines}")];
        let flags = ["--database", PROD, "--env", &variables[0], "--env", &variables[1]];
        let run = migrate_program(&ministack, &flags).finish().await;
        run.exits(1);
        let row = run.row(PROD);
        assert_eq!((&row["verdict"], &row["exit_code"]), (&json!("failed"), &json!(code)));
        assert_eq!(row["log"]["lines"], lines);
        let expected: Vec<String> = (0..lines).map(|line| format!("line {line}")).collect();
        assert_eq!(messages(&ministack, &row), expected);
        let printed = run.stderr.lines().filter_map(|line| Some(line.split_once("│ ")?.1));
        assert_eq!(printed.collect::<Vec<_>>(), expected);
    }
    // Success without a report is not a proof.
    migrate_program(&ministack, &["--database", PROD]).finish().await.exits(1).says("no migration report");
    let by_exit_code = ["--database", PROD, "--proof", "exit-code"];
    migrate_program(&ministack, &by_exit_code).finish().await.exits(0).says("not proved");
}

#[tokio::test]
async fn a_task_that_was_stopped_is_no_success_though_ministack_says_exit_code_0() {
    let Some(ministack) = ministack() else { return };
    let flags = ["--database", PROD, "--env", "SECONDS=600", "--timeout=4s"];
    let run = migrate_program(&ministack, &flags).finish().await;
    // Its StopTask answers when the container has ended, which takes it five seconds: later than we wait for one.
    run.exits(4).says("still running at --timeout, so its task was stopped");
    let row = run.row(PROD);
    assert_eq!((&row["verdict"], &row["stop_code"]), (&json!("timed out"), &json!("UserInitiated")), "{row}");
    let task = task(&ministack, &row);
    assert_eq!((&task["lastStatus"], &task["stopCode"]), (&json!("STOPPED"), &json!("UserInitiated")));
    assert_eq!(task["containers"][0]["exitCode"], differences::EXIT_CODE_OF_A_STOPPED_TASK);
}

#[tokio::test]
async fn a_secret_that_is_gone_stops_the_task_before_its_container_starts() {
    let Some(ministack) = ministack() else { return };
    let arguments = json!({"SecretId": ministack.account["secret_arn"], "ForceDeleteWithoutRecovery": true});
    ministack.call("secretsmanager", "delete_secret", &arguments);
    let run = migrate_program(&ministack, &["--database", HEALTH]).finish().await;
    never_started(&ministack, &run, "ResourceInitializationError: unable to pull secrets or registry auth");
}

#[tokio::test]
async fn a_missing_image_is_told_before_the_run_or_by_the_task_that_never_started() {
    let Some(ministack) = ministack() else { return };
    let absent = format!("{}:absent", ministack.account["repository_uri"].as_str().expect("a URI"));
    let run = migrate(&ministack, &["--image", &absent, "--database", HEALTH]).finish().await;
    run.exits(2).says("repository startupwebapp-backend has no image absent");
    let revisions = json!({"familyPrefix": seed::TASK_FAMILY});
    let revisions = ministack.call("ecs", "list_task_definitions", &revisions);
    assert_eq!(revisions["taskDefinitionArns"].as_array().map(Vec::len), Some(1), "{revisions}");

    // Another registry's, so only the task's start finds out: no host has such a name (RFC 6761).
    let digest = "1".repeat(64);
    let elsewhere = format!("registry.invalid/shop@sha256:{digest}");
    let run = migrate(&ministack, &["--image", &elsewhere, "--database", HEALTH]).finish().await;
    never_started(&ministack, &run, differences::MISSING_IMAGE_REASON);
}

/// Exit code 3, the reason is said, and boto3 agrees that no container ran.
#[track_caller]
fn never_started(ministack: &Elsewhere, run: &Finished, reason: &str) {
    run.exits(3).says(reason);
    let row = run.row(HEALTH);
    assert_eq!((&row["verdict"], &row["exit_code"]), (&json!("never started"), &Value::Null));
    assert_eq!(row["stop_code"], "TaskFailedToStart");
    let task = task(ministack, &row);
    assert_eq!(task["containers"][0]["exitCode"], Value::Null, "{task}");
    let answer = ministack.call("logs", "get_log_events", &stream(&row));
    assert_eq!(answer["error"], "ResourceNotFoundException");
}

/// A run of [`exiting_program`].
fn migrate_program(ministack: &Elsewhere, more: &[&str]) -> Run {
    let program = exiting_program().display().to_string();
    migrate(ministack, &[["--binary", &program, "--tag=v1"].as_slice(), more].concat())
}

/// The network is given by id: [`differences`] says why not by tag.
fn migrate(ministack: &Elsewhere, more: &[&str]) -> Run {
    let subnets = ministack.private_subnets().join(",");
    let groups = ministack.account["security_groups"].as_array().expect("groups");
    let groups = groups.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    let network = ["--subnets", &subnets, "--security-groups", &groups];
    ministack.migrate(&[network.as_slice(), more].concat())
}

#[tokio::test]
async fn differences_from_aws_are_those_that_are_listed() {
    let Some(ministack) = ministack() else { return };
    let gone: Vec<_> = differences::LISTED.iter().filter(|listed| !(listed.is_there)(&ministack)).collect();
    let gone: Vec<_> = gone.iter().map(|listed| (listed.ministack, listed.aws)).collect();
    assert!(gone.is_empty(), "MiniStack does as AWS now, so take it off the list: {gone:#?}");
}
