use std::path::Path;

use serde_json::json;

use crate::support::{Run, World};

const FLAGS: [&str; 13] = [
    "iam",
    "--task-definition",
    "sandbox/fixtures/describe-task-definition.json",
    "--cluster",
    "startupwebapp-cluster",
    "--subnets",
    "tag:Name=startupwebapp-private-subnet-*",
    "--security-groups",
    "tag:Name=startupwebapp-backend-sg",
    "--github-repository",
    "acme/startupwebapp",
    "--github-environment",
    "production",
];

#[tokio::test]
async fn the_page_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().expect("a directory");
    let run = Run::new(directory.path(), &FLAGS).current_directory(root).finish().await;
    run.exits(0);
    let page = std::fs::read_to_string(root.join("docs/iam.md")).expect("docs/iam.md");
    let (_, rest) = page.split_once("```console\n$ fargate-migrate iam").expect("the policy");
    let (block, _) = rest.split_once("\n```\n").expect("its end");
    let shown: Vec<&str> = block
        .lines()
        .skip_while(|line| !line.starts_with("permissions.json:"))
        .filter(|line| *line != "…")
        .collect();
    assert!(shown.len() > 20, "{shown:?}");
    let mut printed = run.stdout.lines();
    for line in shown {
        assert!(
            printed.any(|printed| printed == line),
            "docs/iam.md has {line:?}, not in this order in what is printed:\n{}",
            run.stdout
        );
    }
}

#[tokio::test]
async fn with_credentials_a_familys_name_is_enough() {
    let world = World::new().await;
    let flags = ["iam", "--task-definition=startupwebapp-migration-task", "--cluster=c", "--format=json"];
    let run = world.command(&flags).finish().await;
    run.exits(0)
        .says("role/ecsTaskExecutionRole-startupwebapp")
        .says("log-group:/ecs/startupwebapp-migrations:*");
    run.never_says("ACCOUNT_ID").never_says("LOG_GROUP");
    // No service is found in a cluster that does not exist, and that is said.
    assert_eq!(world.operations(), ["GetCallerIdentity", "DescribeTaskDefinition", "ListTasks"]);
    run.says("whether a service runs family startupwebapp-migration-task was not seen");

    let documents = run.result();
    assert_eq!(documents["trust"]["Version"], "2012-10-17");
    let names: Vec<&str> = documents["placeholders"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|placeholder| placeholder["name"].as_str())
        .collect();
    assert_eq!(names, ["OWNER", "NAME", "OWNER_ID", "REPOSITORY_ID", "ENVIRONMENT"]);
}

#[tokio::test]
async fn a_services_family_is_not_the_one_that_is_allowed() {
    let world = World::new().await;
    let cluster = "--cluster=startupwebapp-cluster";
    let flags = ["iam", "--task-definition=startupwebapp-migration-task", cluster, "--format=json"];
    let own = "task-definition/startupwebapp-migration-task:*";
    let beside = "task-definition/startupwebapp-migration-task-migration:*";
    world.command(&flags).finish().await.exits(0).says(own).never_says(beside);
    let task = json!({
        "cluster": "startupwebapp-cluster",
        "taskDefinition": "startupwebapp-migration-task",
        "launchType": "FARGATE",
        "group": "service:web",
        "startedBy": "ecs-svc/0123456789012345678",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
    });
    world.sandbox.run_task(&task).expect("a task");
    world.command(&flags).finish().await.exits(0).says(beside).never_says(own);
    let named = [flags.as_slice(), &["--family=shop"]].concat();
    world.command(&named).finish().await.exits(0).says("task-definition/shop:*").never_says(beside);
}

#[tokio::test]
async fn what_the_services_run_is_looked_at_for_a_deployment() {
    let world = World::new().await;
    let service = json!({
        "cluster": "startupwebapp-cluster",
        "serviceName": "web",
        "taskDefinition": "startupwebapp-migration-task",
        "desiredCount": 0,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
    });
    world.sandbox.create_service(&service).expect("a service");
    let cluster = "--cluster=startupwebapp-cluster";
    let flags = ["iam", "--for=deploy", "--no-migration", "--service=web", cluster, "--format=json"];
    let run = world.command(&flags).finish().await;
    run.exits(0)
        .says("service/startupwebapp-cluster/web")
        .says("task-definition/startupwebapp-migration-task:*")
        .says("role/ecsTaskExecutionRole-startupwebapp")
        .says("log-group:/ecs/startupwebapp-migrations:*")
        .never_says("SERVICE_")
        .never_says("ecs:RunTask");
    assert_eq!(world.operations(), ["GetCallerIdentity", "DescribeServices", "DescribeTaskDefinition"]);
    let missing = ["iam", "--for=rollback", "--service=webb", cluster, "--format=json"];
    let run = world.command(&missing).finish().await;
    run.exits(0).says("service webb is not in cluster startupwebapp-cluster").says("SERVICE_FAMILY");
}

#[tokio::test]
async fn in_a_job_the_repository_and_its_ids_are_known() {
    let world = World::new().await;
    let run = world
        .command(&["iam", "--cluster=c", "--format=json", "--github-environment=production"])
        .in_actions()
        .variable("GITHUB_REPOSITORY_ID", "70107")
        .variable("GITHUB_REPOSITORY_OWNER_ID", "4242");
    run.finish()
        .await
        .exits(0)
        .says("repo:octo/shop:environment:production")
        .says("repo:octo@4242/shop@70107:");
    let wrong = world.command(&["iam", "--github-ref=refs/heads/*"]).finish().await;
    wrong.exits(2).says("does not name one thing");
}

#[tokio::test]
async fn aws_that_can_not_be_asked_is_a_note() {
    let world = World::new().await;
    let run = world
        .command(&["iam", "--task-definition=f", "--cluster=c"])
        .variable("AWS_ACCESS_KEY_ID", "AKIAWRONG");
    run.finish().await.exits(0).says("note: AWS was not asked").says("LOG_GROUP");
}
