use std::time::Duration;

use sandbox::{Disturbance, Fault, Options, RepositorySettings, Script, seed};
use serde_json::json;

use crate::support::{HEALTH, IMAGE, PROD, Run, World};

/// `migrate` with everything given; a flag of `changes` takes the place of its default.
pub fn arguments(changes: &[(&str, &str)]) -> Vec<String> {
    let defaults = [
        ("--cluster", seed::CLUSTER),
        ("--task-definition", seed::TASK_FAMILY),
        ("--subnets", seed::SUBNETS),
        ("--image", IMAGE),
        ("--database", HEALTH),
        ("--log-drain", "1s"),
    ];
    let kept = defaults.iter().filter(|(flag, _)| !changes.iter().any(|(changed, _)| changed == flag));
    let given = kept.chain(changes).filter(|(_, value)| !value.is_empty());
    std::iter::once("migrate".to_owned())
        .chain(given.map(|(flag, value)| format!("{flag}={value}")))
        .collect()
}

async fn fails(world: &World, changes: &[(&str, &str)], code: i32, said: &[&str]) {
    let arguments = arguments(changes);
    let run = world.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).finish().await;
    run.exits(code).says("error:").says("hint:");
    for text in said {
        run.says(text);
    }
    assert_eq!(world.called("RunTask"), 0, "nothing ran");
    assert_eq!(world.called("RegisterTaskDefinition"), 0, "nothing was registered");
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_what_does() {
    let world = World::new().await;
    fails(
        &world,
        &[("--cluster", "startup")],
        2,
        &["cluster startup does not exist in us-east-1", seed::CLUSTER],
    )
    .await;
    fails(
        &world,
        &[("--task-definition", "startupwebapp")],
        2,
        &["task definition startupwebapp does not exist", seed::TASK_FAMILY],
    )
    .await;
    fails(&world, &[("--container", "app")], 2, &["app", "migration"]).await;
    fails(
        &world,
        &[("--image", ""), ("--binary", "/bin/true"), ("--tag", "v1"), ("--repository", "backend")],
        2,
        &["repository backend does not exist", seed::REPOSITORY],
    )
    .await;
    fails(
        &world,
        &[("--subnets", "tag:Name=public-*")],
        2,
        &["no subnet has a tag Name that matches public-*", "startupwebapp-private-subnet-1a"],
    )
    .await;
    fails(
        &world,
        &[("--subnets", ""), ("--network-from-service", "web")],
        2,
        &["service web does not exist"],
    )
    .await;
    let image = format!("{}/{}:nope", world.sandbox.registry().host(), seed::REPOSITORY);
    fails(&world, &[("--image", &image)], 2, &["repository startupwebapp-backend has no image nope"]).await;
}

#[tokio::test]
async fn bad_input_is_refused_before_aws_is_asked() {
    let world = World::new().await;
    for (changes, said) in [
        ([("--database", "a b")], "is not a database name"),
        ([("--database", "a,a")], "database a is named twice"),
        ([("--database", "")], "no database given"),
        ([("--cluster", "")], "no cluster given"),
        ([("--subnets", "10.0.0.0/8")], "is not a subnet"),
        ([("--timeout", "soon")], "is not a duration"),
        ([("--env", "DATABASE_NAME=x")], "the database variable"),
        ([("--env", "DATABASE_NAMES=[\"x\"]")], "the variable that names the databases of a task"),
        ([("--tag", "a:b")], "is not an image tag"),
        ([("--command", "a 'b")], "a quote without its end"),
    ] {
        fails(&world, &changes, 2, &[said]).await;
    }
    assert!(world.operations().is_empty(), "{:?}", world.operations());
}

#[tokio::test]
async fn flags_that_exclude_each_other_are_refused() {
    let world = World::new().await;
    for flags in [
        ["--image=x", "--binary=y"],
        ["--binary=x", "--dockerfile=y"],
        ["--network-from-service=x", "--subnets=subnet-1"],
    ] {
        let run = world.command(&[["migrate"].as_slice(), &flags].concat()).finish().await;
        run.exits(2).says("cannot be used with");
    }
}

#[tokio::test]
async fn credentials_that_aws_refuses_are_told() {
    let world = World::new().await;
    let arguments = arguments(&[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wrong = world.command(&arguments).variable("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONGWRONG1");
    wrong.finish().await.exits(2).says("AWS refuses the credentials");
}

#[tokio::test]
async fn a_wrong_region_is_named() {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH, "--region", "eu-west-1"]).finish().await;
    run.exits(2).says("does not exist in eu-west-1");
}

#[tokio::test]
async fn a_denied_call_names_the_action_and_the_resource_to_allow() {
    let world = World::new().await;
    for (operation, action) in [
        ("ecs:DescribeTaskDefinition", "ecs:DescribeTaskDefinition"),
        ("ecs:DescribeClusters", "ecs:DescribeClusters"),
        ("ecs:RegisterTaskDefinition", "ecs:RegisterTaskDefinition"),
        ("ecs:RunTask", "ecs:RunTask"),
    ] {
        world.sandbox.faults().push(Fault::call(operation, Disturbance::AccessDenied));
        let run = world.migrate(&["--database", HEALTH]).finish().await;
        run.exits(3).says(&format!("allow {action} on ")).says("access denied");
        world.sandbox.faults().clear();
    }
}

#[tokio::test]
async fn a_denied_log_read_is_said_once_and_the_run_goes_on() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("logs:GetLogEvents", Disturbance::AccessDenied).always());
    let flags = ["--database", PROD, "--database", HEALTH, "--proof=exit-code"];
    let run = world.migrate(&flags).in_actions().finish().await;
    run.exits(0).says("allow logs:GetLogEvents");
    let notes = run.stdout.lines().filter(|line| line.contains("allow logs:GetLogEvents")).count();
    assert_eq!(notes, 2, "when it happens and at the end, not once a database: {}", run.stdout);
    assert!(
        run.summary.contains("logs&#58;GetLogEvents") || run.summary.contains("logs:GetLogEvents"),
        "{}",
        run.summary
    );
    let strict = world.migrate(&["--database", PROD]).finish().await;
    strict.exits(1).says("docs/migration-report.md").says("--proof exit-code");
}

#[tokio::test]
async fn throttling_and_server_errors_are_waited_out() {
    let world = World::new().await;
    for operation in ["ecs:DescribeTaskDefinition", "ecs:RunTask", "ecs:DescribeTasks", "logs:GetLogEvents"] {
        world.sandbox.faults().push(Fault::call(operation, Disturbance::Throttle).times(2));
        world.sandbox.faults().push(Fault::call(operation, Disturbance::ServerError));
    }
    world.migrate(&["--database", HEALTH]).finish().await.exits(0);
    assert_eq!(world.sandbox.tasks().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_run_task_does_not_start_a_second_task() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::DropAfter));
    world.migrate(&["--database", HEALTH]).finish().await.exits(0);
    assert!(world.called("RunTask") >= 2);
    assert_eq!(world.sandbox.tasks().len(), 1, "the client token made both calls one");
}

#[tokio::test]
async fn every_call_has_a_deadline() {
    let world = World::new().await;
    for operation in
        ["sts:GetCallerIdentity", "ecs:DescribeTaskDefinition", "ecs:ListTasks", "ecs:RegisterTaskDefinition"]
    {
        world.sandbox.faults().push(Fault::call(operation, Disturbance::Hang).always());
        let started = std::time::Instant::now();
        let run = world.migrate(&["--database", HEALTH, "--call-timeout=2s"]).finish().await;
        run.exits(3).says("did not answer");
        assert!(started.elapsed() < Duration::from_secs(30), "{operation}");
        world.sandbox.faults().clear();
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_success() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::MalformedBody).always());
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "unproved", "its task has started all the same");
    assert_eq!(world.sandbox.tasks().len(), 1);
}

/// Its effect may be there all the same, and is looked for.
#[tokio::test]
async fn a_revision_whose_answer_was_cut_off_is_found() {
    let world = World::new().await;
    world
        .sandbox
        .faults()
        .push(Fault::call("ecs:RegisterTaskDefinition", Disturbance::MalformedBody).always());
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    run.exits(0).says("startupwebapp-migration-task:3 is used: it was registered meanwhile");
    assert_eq!(world.called("RegisterTaskDefinition"), 1);
}

/// `FROM scratch`, or a slim image without the package.
#[tokio::test]
async fn a_machine_without_ca_certificates_is_said_and_not_a_panic() {
    let world = World::new().await;
    let arguments = arguments(&[]);
    let run = world.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let run = run.variable("SSL_CERT_FILE", "/dev/null").variable("SSL_CERT_DIR", "/nonexistent");
    run.finish().await.exits(2).says("no CA certificates").says("SSL_CERT_FILE");
}

#[tokio::test]
async fn expired_credentials_are_said_and_the_row_tells_what_is_not_known() {
    let world = World::new().await;
    world.program(|_| Script::new().line("working").sleep(Duration::from_secs(30)));
    world
        .sandbox
        .faults()
        .push(Fault::call("ecs:DescribeTasks", Disturbance::ExpiredToken).always().after(1));
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    assert_ne!(run.code, 0);
    assert_eq!(run.verdict(HEALTH), "unproved");
    assert!(run.row(HEALTH)["explanation"].to_string().contains("expired"), "{run:#?}");
}

#[tokio::test]
async fn a_secret_of_the_variables_name_is_refused_with_the_fix() {
    let world = World::new().await;
    let mut document = seed::task_definition().expect("the seed's");
    let secrets = &mut document["taskDefinition"]["containerDefinitions"][0]["secrets"];
    secrets
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "DATABASE_NAME", "valueFrom": "arn:aws:ssm:x"}));
    let path = world.directory.path().join("task.json");
    std::fs::write(&path, document.to_string()).expect("write");
    fails(&world, &[("--task-definition", &path.display().to_string())], 2, &["DATABASE_NAME", "secret"])
        .await;
}

#[tokio::test]
async fn a_build_that_can_not_be_is_refused_before_anything_changes() {
    let world = World::new().await;
    let nowhere = world.directory.path().join("nowhere").display().to_string();
    fails(&world, &[("--image", ""), ("--context", &nowhere), ("--tag", "v1")], 2, &["nowhere"]).await;
    fails(&world, &[("--image", ""), ("--binary", &nowhere), ("--tag", "v1")], 2, &["is not a file"]).await;
}

#[tokio::test]
async fn errors_before_the_plan_leave_a_summary_with_a_row_for_every_database() {
    let world = World::with(Options::default()).await;
    world.sandbox.create_repository("other", RepositorySettings::default());
    let arguments = arguments(&[("--cluster", "nowhere"), ("--database", "a,b")]);
    let run =
        world.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).in_actions().finish().await;
    run.exits(2);
    assert!(run.summary.contains("nowhere"), "{}", run.summary);
    assert_eq!(run.outputs["failed"], "a,b");
    assert_eq!(run.outputs["exit-code"], "2");
    assert!(run.stdout.contains("::error"), "an annotation: {}", run.stdout);
}

#[tokio::test]
async fn help_is_there_for_everything() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = Run::new(directory.path(), &["migrate", "--help"]).finish().await;
    run.exits(0).says("--database-variable").says("--proof");
}
