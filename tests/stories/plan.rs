use fargate_migrate::ports::CALLS;
use serde_json::{Value, json};

use crate::support::program::static_program;
use crate::support::{FINTECH, HEALTH, IMAGE, PROD, Run, World};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sandbox/fixtures/describe-task-definition.json");

#[tokio::test]
async fn a_plan_makes_reading_calls_only() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let flags = ["--plan", "--binary", &binary, "--tag=v1", "--database", PROD, "--database", HEALTH];
    world.migrate(&flags).finish().await.exits(0);
    let operations = world.operations();
    assert!(operations.len() > 4, "it looked at AWS: {operations:?}");
    for operation in &operations {
        let call = CALLS.iter().find(|call| call.action.ends_with(&format!(":{operation}")));
        assert!(call.is_some_and(|call| !call.changes), "{operation} is not a reading call of ports.rs");
    }
    assert!(world.sandbox.tasks().is_empty());
    assert_eq!(world.sandbox.task_definitions().len(), 1);
}

#[tokio::test]
async fn the_diff_shows_the_variable_that_was_missing_and_no_value_of_another() {
    let world = World::new().await;
    let planned = world.migrate(&["--plan", "--database", HEALTH]).finish().await;
    planned
        .exits(0)
        .says("+ DATABASE_NAME = __set-by-fargate-migrate__")
        .says("DATABASE_NAME = healthtech_experiment by RunTask")
        .says("AWS_REGION = (hidden)");
    planned.never_says("rds/startupwebapp/multi-tenant/master\"");
}

#[tokio::test]
async fn a_plan_from_a_file_needs_no_aws() {
    let directory = tempfile::tempdir().expect("a directory");
    let arguments = [
        "migrate",
        "--plan",
        "--task-definition",
        FIXTURE,
        "--cluster=startupwebapp-cluster",
        "--subnets=subnet-1",
        "--database",
        HEALTH,
    ];
    let planned = Run::new(directory.path(), &arguments).finish().await;
    planned
        .exits(0)
        .says("planned without AWS")
        .says("+ DATABASE_NAME = __set-by-fargate-migrate__")
        .says("123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend")
        .says(r#""value": "healthtech_experiment""#);
}

/// A service of the seed's cluster that runs the seed's family.
fn web(world: &World, more: Value) {
    let mut service = json!({
        "cluster": "startupwebapp-cluster",
        "serviceName": "web",
        "taskDefinition": "startupwebapp-migration-task",
        "desiredCount": 1,
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-0a1b2c3d4e5f60001"],
            "securityGroups": ["sg-0a1b2c3d4e5f60001"],
        }},
    });
    service.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    world.sandbox.create_service(&service).expect("a service");
}

const FROM_SERVICE: [&str; 11] = [
    "migrate",
    "--config=/dev/null",
    "--cluster=startupwebapp-cluster",
    "--network-from-service=web",
    "--task-definition=startupwebapp-migration-task",
    "--image",
    crate::support::IMAGE,
    "--command=app migrate",
    "--log-drain=1s",
    "--database",
    HEALTH,
];

#[tokio::test]
async fn a_services_family_is_left_to_the_service() {
    let world = World::new().await;
    world.sandbox.set_program("startupwebapp-migration-task-migration", |context| {
        crate::support::migrates(crate::support::database(context))
    });
    web(&world, json!({}));
    let note = "service web runs family startupwebapp-migration-task, so the migration's revision goes into family \
                startupwebapp-migration-task-migration";
    let planned = world.command(&[FROM_SERVICE.as_slice(), &["--plan"]].concat()).finish().await;
    planned.exits(0).says("register a new revision of startupwebapp-migration-task-migration").says(note);
    let run = world.command(&FROM_SERVICE).finish().await;
    run.exits(0).says(note);
    let registered = world.inputs("RegisterTaskDefinition");
    let families: Vec<&Value> = registered.iter().map(|input| &input["family"]).collect();
    assert_eq!(families, ["startupwebapp-migration-task-migration"]);

    // The base is the service's family again, and an equal revision is used again.
    world
        .command(&FROM_SERVICE)
        .finish()
        .await
        .exits(0)
        .says("reuse startupwebapp-migration-task-migration:1");
    assert_eq!(world.called("RegisterTaskDefinition"), 1);

    let named = world.command(&[FROM_SERVICE.as_slice(), &["--plan", "--family=shop-admin"]].concat());
    named
        .finish()
        .await
        .exits(0)
        .says("register a new revision of shop-admin")
        .never_says("service web runs");
    let own = [FROM_SERVICE.as_slice(), &["--plan", "--family=startupwebapp-migration-task"]].concat();
    world.command(&own).finish().await.exits(0).says("--family puts the migration's revision there");
    world.command(&[FROM_SERVICE.as_slice(), &["--family=a b"]].concat()).finish().await.exits(2);
}

#[tokio::test]
async fn a_service_is_known_by_its_tasks_and_its_tasks_migrate_nothing() {
    let world = World::new().await;
    let task = json!({
        "cluster": "startupwebapp-cluster",
        "taskDefinition": "startupwebapp-migration-task",
        "launchType": "FARGATE",
        "group": "service:web",
        "startedBy": "ecs-svc/0123456789012345678",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        "overrides": {"containerOverrides": [{
            "name": "migration",
            "environment": [{"name": "DATABASE_NAME", "value": HEALTH}],
        }]},
    });
    world.sandbox.run_task(&task).expect("a task");
    let planned = world.migrate(&["--plan", "--database", HEALTH]).finish().await;
    planned
        .exits(0)
        .says("service web runs family startupwebapp-migration-task, so")
        .never_says("migrated by a task");
}

#[tokio::test]
async fn the_network_of_a_service_that_does_not_say_it_is_refused() {
    for (more, said) in [(
        json!({"deploymentController": {"type": "EXTERNAL"}, "networkConfiguration": null}),
        "the deployment controller EXTERNAL",
    )] {
        let world = World::new().await;
        web(&world, more);
        let planned = world.command(&[FROM_SERVICE.as_slice(), &["--plan"]].concat()).finish().await;
        planned.exits(2).says(said).says("pass --subnets and --security-groups");
    }
}

#[tokio::test]
async fn the_json_plan_holds_the_run_task_input_of_every_database() {
    let world = World::new().await;
    let flags = [
        "--plan",
        "--format=json",
        "--database",
        PROD,
        "--database",
        HEALTH,
        "--env",
        "A=b=c",
        "--command",
        "app migrate 'a b'",
    ];
    let planned = world.migrate(&flags).finish().await;
    planned.exits(0);
    let plan: Value = serde_json::from_str(&planned.stdout).expect("one JSON document on stdout");
    assert_eq!(plan["task_definition"]["action"], "register");
    let inputs: Vec<&Value> =
        plan["databases"].as_array().expect("rows").iter().map(|row| &row["run_task"]).collect();
    for (input, database) in inputs.iter().zip([PROD, HEALTH]) {
        let container = &input["overrides"]["containerOverrides"][0];
        assert_eq!(container["name"], "migration");
        assert_eq!(container["environment"][0]["value"], database);
        assert_eq!(container["environment"][1], json!({"name": "A", "value": "(hidden)"}));
        assert_eq!(container["command"][2], "a b");
        assert_eq!(input["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED");
        assert_eq!(
            input["networkConfiguration"]["awsvpcConfiguration"]["subnets"].as_array().map(Vec::len),
            Some(2),
            "the tag pattern is resolved"
        );
    }
}

#[tokio::test]
async fn what_is_planned_is_what_is_done() {
    let world = World::new().await;
    let planned = world.migrate(&["--plan", "--format=json", "--database", PROD]).in_actions().finish().await;
    let plan: Value = serde_json::from_str(&planned.exits(0).stdout).expect("a document");
    world.migrate(&["--database", PROD]).in_actions().finish().await.exits(0);
    let mut planned = plan["databases"][0]["run_task"].clone();
    let mut done = world.inputs("RunTask").remove(0);
    for input in [&mut planned, &mut done] {
        // Only the new revision's number, and what derives from it, is not known before.
        assert!(
            input["taskDefinition"]
                .as_str()
                .is_some_and(|name| name.contains("startupwebapp-migration-task"))
        );
        input
            .as_object_mut()
            .expect("an object")
            .retain(|key, _| key != "taskDefinition" && key != "clientToken");
    }
    assert_eq!(planned, done);
}

#[tokio::test]
async fn a_plan_says_whether_the_image_is_there() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let flags = ["--binary", &binary, "--tag=v1", "--database", PROD];
    let plan = [flags.as_slice(), &["--plan"]].concat();
    world.migrate(&plan).finish().await.exits(0).says("the repository has no image v1 yet");
    world.migrate(&flags).finish().await.exits(0);
    world.migrate(&plan).finish().await.exits(0).says("the repository has tag v1 already").says("no change");
}

#[tokio::test]
async fn the_markdown_plan_goes_to_the_summary_and_can_not_be_broken_out_of() {
    let world = World::new().await;
    let hostile = "A=`</details>|<img src=x>\n```\n# pwned";
    let flags = ["--plan", "--format=markdown", "--database", PROD, "--database", FINTECH, "--env", hostile];
    let planned = world.migrate(&flags).in_actions().finish().await;
    planned.exits(0);
    assert!(planned.stdout.contains(planned.summary.trim()));
    assert_eq!(planned.summary.matches("<details>").count(), 2);
    assert!(!planned.summary.lines().any(|line| line.starts_with("# pwned")), "{}", planned.summary);
    assert!(
        planned.summary.contains("startupwebapp&#45;cluster")
            || planned.summary.contains("startupwebapp-cluster")
    );
    planned.never_says(&format!("{IMAGE} is not pinned"));
}
