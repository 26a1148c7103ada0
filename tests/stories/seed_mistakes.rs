//! Each test is named after what went wrong in the pipeline that this tool replaces.

use sandbox::{Fault, RepositorySettings, Script, TaskFault, seed};
use serde_json::{Value, json};

use crate::support::program::static_program;
use crate::support::{FINTECH, HEALTH, PROD, World, database, migrates, report};

fn variables(definition: &Value, container: usize) -> Vec<(String, String)> {
    let entries =
        definition["containerDefinitions"][container]["environment"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect()
}

#[tokio::test]
async fn mistake_1_a_variable_that_was_missing_was_never_added() {
    let world = World::new().await;
    world.program(|context| migrates(database(context)));
    for name in [PROD, HEALTH, FINTECH] {
        world.migrate(&["--database", name]).finish().await.exits(0);
    }
    let registered = world.inputs("RegisterTaskDefinition");
    assert_eq!(registered.len(), 1, "another choice of databases registers nothing");
    let named: Vec<String> = variables(&registered[0], 0)
        .into_iter()
        .filter_map(|(variable, value)| (variable == "DATABASE_NAME").then_some(value))
        .collect();
    assert_eq!(named, ["__set-by-fargate-migrate__"], "exactly one, and the name of no database");
    for (asked, name) in world.inputs("RunTask").iter().zip([PROD, HEALTH, FINTECH]) {
        let told = &asked["overrides"]["containerOverrides"][0]["environment"];
        assert_eq!(*told, json!([{"name": "DATABASE_NAME", "value": name}]), "exactly the one asked for");
    }
}

#[tokio::test]
async fn mistake_1_again_an_image_that_ignores_the_variable_is_caught() {
    let world = World::new().await;
    world.program(|_| Script::new().line("No migrations to apply.").line(report("startupwebapp_prod")));
    let flags = ["--database", PROD, "--database", HEALTH, "--database", FINTECH, "--keep-going"];
    let run = world.migrate(&flags).in_actions().finish().await;
    run.exits(1).says("wrong database");
    assert_eq!(run.outputs["migrated"], PROD);
    assert_eq!(run.outputs["failed"], format!("{HEALTH},{FINTECH}"));
}

#[tokio::test]
async fn mistake_2_the_log_was_looked_for_under_a_name_that_does_not_exist() {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    run.exits(0).says("applied V10__create_orders");
    let names = world.inputs("GetLogEvents");
    let task = world.sandbox.tasks()[0]["taskArn"]
        .as_str()
        .and_then(|arn| arn.rsplit('/').next())
        .map(str::to_owned);
    assert_eq!(names[0]["logStreamName"], format!("migration/migration/{}", task.expect("a task")));
}

#[tokio::test]
async fn mistake_2_again_a_log_that_never_appears_is_said() {
    let world = World::new().await;
    world.program(|_| Script::new().exit(4));
    let run = world.migrate(&["--database", HEALTH]).in_actions().finish().await;
    run.exits(1);
    assert!(run.summary.contains("printed nothing"), "{}", run.summary);
}

#[tokio::test]
async fn mistake_4_the_reason_why_a_task_never_started_was_never_printed() {
    let world = World::new().await;
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                  failed: unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch \
                  secret: RequestCanceled: request context canceled caused by: context deadline exceeded";
    world.sandbox.faults().push(Fault::task(TaskFault::FailToStart(reason.into())));
    let run = world.migrate(&["--database", HEALTH]).in_actions().finish().await;
    run.exits(3).says("never started").says("context deadline exceeded").says("NAT");
    assert!(run.summary.contains("context deadline exceeded"), "{}", run.summary);
    assert!(run.summary.contains("NAT"), "{}", run.summary);
}

/// A definition whose first container is a log router, and whose second one migrates.
fn with_a_sidecar(world: &World) -> String {
    let mut document = seed::task_definition().expect("the seed's");
    let definition = &mut document["taskDefinition"];
    definition["family"] = json!("with-sidecar");
    definition["taskDefinitionArn"] =
        json!("arn:aws:ecs:us-east-1:123456789012:task-definition/with-sidecar:1");
    definition["revision"] = json!(1);
    let sidecar = json!({
        "name": "router", "image": "registry.example/router:1", "essential": false,
        "environment": [{"name": "DATABASE_NAME", "value": "untouched"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": seed::LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "router"}},
    });
    definition["containerDefinitions"].as_array_mut().expect("containers").insert(0, sidecar);
    world.sandbox.register_task_definition(&document).expect("register");
    "with-sidecar".into()
}

#[tokio::test]
async fn mistake_5_the_first_container_was_taken_for_the_one_that_migrates() {
    let world = World::new().await;
    let family = with_a_sidecar(&world);
    world.sandbox.set_program("with-sidecar/router", |_| Script::new().line("routing").until_stopped());
    world.sandbox.set_program("with-sidecar/migration", |context| {
        migrates(database(context)).exit(if database(context) == PROD { 0 } else { 3 })
    });
    let base =
        ["migrate", "--cluster", seed::CLUSTER, "--task-definition", &family, "--subnets", seed::SUBNETS];
    let run = |name: &'static str| {
        let more = ["--image", crate::support::IMAGE, "--log-drain=1s", "--format=json", "--database", name];
        world.command(&[base.as_slice(), &more].concat())
    };
    run(PROD).finish().await.exits(0);
    let failed = run(HEALTH).finish().await;
    failed.exits(1);
    assert_eq!(failed.row(HEALTH)["exit_code"], 3);
    let registered = &world.inputs("RegisterTaskDefinition")[0];
    assert_eq!(variables(registered, 0), [("DATABASE_NAME".into(), "untouched".into())]);
    let placeholder = "__set-by-fargate-migrate__".into();
    assert!(variables(registered, 1).contains(&("DATABASE_NAME".into(), placeholder)));
    assert_eq!(world.called("RegisterTaskDefinition"), 1, "another choice of databases registers nothing");
    assert_eq!(registered["containerDefinitions"][0]["image"], "registry.example/router:1");
}

#[tokio::test]
async fn mistake_5_again_a_launch_that_failed_was_never_looked_at() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::run_task("MISSING"));
    world.migrate(&["--database", HEALTH]).finish().await.exits(3).says("RunTask: MISSING");
}

#[tokio::test]
async fn mistake_7_a_password_in_a_diff_or_a_log_of_ours() {
    let world = World::new().await;
    let mut document = seed::task_definition().expect("the seed's");
    document["taskDefinition"]["containerDefinitions"][0]["environment"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "DJANGO_SUPERUSER_PASSWORD", "value": "correct-horse-battery"}));
    document["taskDefinition"]["revision"] = json!(3);
    document["taskDefinition"]["taskDefinitionArn"] =
        json!("arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:3");
    world.sandbox.register_task_definition(&document).expect("register");
    let plan = world.migrate(&["--plan", "--database", HEALTH]).in_actions().finish().await;
    plan.exits(0).says("DJANGO_SUPERUSER_PASSWORD").never_says("correct-horse-battery");
    let run = world.migrate(&["--database", HEALTH]).in_actions().finish().await;
    run.exits(0).never_says("correct-horse-battery");
    assert!(!run.outputs["result"].contains("correct-horse-battery"));
}

#[tokio::test]
async fn mistake_8_tags_were_lost_and_a_revision_was_made_when_nothing_changed() {
    let world = World::new().await;
    world.sandbox.create_repository(seed::REPOSITORY, RepositorySettings::default());
    let binary = static_program().display().to_string();
    let flags = ["--binary", &binary, "--tag=v1", "--database", PROD, "--format=json"];
    let first = world.migrate(&flags).finish().await;
    first.exits(0);
    assert_eq!(first.result()["task_definition"]["registered"], true);
    let tags = json!([
        {"key": "Application", "value": "StartupWebApp"},
        {"key": "Environment", "value": "production"},
    ]);
    assert_eq!(world.inputs("RegisterTaskDefinition")[0]["tags"], tags);
    let second = world.migrate(&flags).finish().await;
    second.exits(0);
    assert_eq!(second.result()["task_definition"]["registered"], false);
    assert_eq!(second.result()["image"]["source"], "reused");
    assert_eq!(world.called("RegisterTaskDefinition"), 1);
    assert!(!world.sandbox.task_definitions().iter().any(|definition| {
        definition["taskDefinition"]["revision"] != 2
            && definition["taskDefinition"]["containerDefinitions"][0]["image"]
                .to_string()
                .contains(":latest")
    }));
}

#[tokio::test]
async fn mistake_9_only_the_first_page_of_the_log_was_read() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new().lines((0..25_000).map(|n| format!("row {n:05}"))).line(report(&name))
    });
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    run.exits(0).says("row 00000").says("row 24999");
    assert_eq!(run.stdout.matches("row ").count(), 25_000);
}
