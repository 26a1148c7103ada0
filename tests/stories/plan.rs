use std::path::Path;

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

#[tokio::test]
async fn the_readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once("```console\n$ fargate-migrate migrate --plan").expect("a plan");
    let (block, _) = rest.split_once("\n```\n").expect("its end");
    let directory = tempfile::tempdir().expect("a directory");
    let arguments = [
        "migrate",
        "--plan",
        "--task-definition",
        "sandbox/fixtures/describe-task-definition.json",
        "--database",
        HEALTH,
        "--tag",
        "3f78685",
    ];
    for argument in &arguments[2..] {
        assert!(block.contains(argument), "the README has no {argument}");
    }
    let planned = Run::new(directory.path(), &arguments).current_directory(root).finish().await;
    planned.exits(0);
    let mut printed = planned.stdout.lines();
    let shown = block.lines().skip_while(|line| !line.starts_with("Plan:")).filter(|line| *line != "…");
    for line in shown {
        assert!(
            printed.any(|printed| printed == line),
            "the README has {line:?}, not in this order in what is printed:\n{}",
            planned.stdout
        );
    }
}

/// A service of the seed's cluster that runs the seed's family.
fn web(world: &World, more: Value) {
    let mut service = json!({
        "cluster": "startupwebapp-cluster",
        "serviceName": "web",
        "taskDefinition": "startupwebapp-migration-task",
        "desiredCount": 0,
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

#[tokio::test]
async fn a_task_has_the_tags_that_were_asked_for() {
    let world = World::new().await;
    let tags =
        ["--task-tag=Team=shop", "--task-tag", "cost:center=a b=c", "--propagate-tags", "--ecs-managed-tags"];
    let flags = [&["--database", HEALTH], &tags[..]].concat();
    let planned = world.migrate(&[&["--plan"], &flags[..]].concat()).finish().await;
    planned.exits(0).says(r#""propagateTags": "TASK_DEFINITION""#).says(r#""value": "a b=c""#);

    world.migrate(&flags).finish().await.exits(0);
    let [input] = &world.inputs("RunTask")[..] else { panic!("one RunTask") };
    assert_eq!(
        input["tags"],
        json!([{"key": "Team", "value": "shop"}, {"key": "cost:center", "value": "a b=c"}])
    );
    assert_eq!(
        (&input["propagateTags"], &input["enableECSManagedTags"]),
        (&json!("TASK_DEFINITION"), &json!(true))
    );
    let [task] = &world.sandbox.tasks()[..] else { panic!("one task") };
    let keys: Vec<&str> =
        task["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["key"].as_str()).collect();
    assert!(
        keys.starts_with(&["Team", "cost:center"]) && keys.ends_with(&["aws:ecs:clusterName"]),
        "{keys:?}"
    );
}

#[tokio::test]
async fn a_task_without_tags_is_started_without() {
    let world = World::new().await;
    world.migrate(&["--database", HEALTH]).finish().await.exits(0);
    let [input] = &world.inputs("RunTask")[..] else { panic!("one RunTask") };
    for member in ["tags", "propagateTags", "enableECSManagedTags"] {
        assert_eq!(input.get(member), None, "{member}");
    }
}

#[tokio::test]
async fn tags_that_ecs_refuses_are_bad_input() {
    let world = World::new().await;
    let long = format!("{}=v", "k".repeat(129));
    let tags: Vec<String> = (0..51).map(|number| format!("--task-tag=k{number}=v")).collect();
    let many: Vec<&str> = tags.iter().map(String::as_str).collect();
    for (flags, words) in [
        (vec!["--task-tag=Team"], "is not a tag"),
        (vec!["--task-tag==v"], "is not a tag"),
        (vec!["--task-tag=AWS:x=v"], "is not a tag"),
        (vec!["--task-tag=a=b;c"], "is not a tag"),
        (vec!["--task-tag", &long], "is not a tag"),
        (vec!["--task-tag=a=1", "--task-tag=a=2"], "--task-tag gives a twice"),
        (many, "51 tags"),
    ] {
        world.migrate(&[&["--database", HEALTH], &flags[..]].concat()).finish().await.exits(2).says(words);
    }
    assert_eq!(world.operations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_of_a_build_that_is_not_there_is_bad_input() {
    let world = World::new().await;
    std::fs::write(world.directory.path().join("Dockerfile"), "FROM scratch").expect("write a Dockerfile");
    let context = world.directory.path().display().to_string();
    for (secret, words) in [
        ("id=npm,src=nowhere/npmrc", "secret npm of --build-secret: nowhere/npmrc is not a file"),
        ("id=npm,env=NO_SUCH_TOKEN", "secret npm of --build-secret: variable NO_SUCH_TOKEN is not set"),
        ("id=npm", "is not a secret of a build"),
        ("npm", "is not a secret of a build"),
    ] {
        let flags = ["--database", HEALTH, "--context", &context, "--tag=t", "--build-secret", secret];
        world.migrate(&flags).finish().await.exits(2).says(words).says("hint:");
    }
    assert_eq!(world.called("RegisterTaskDefinition"), 0);
}
