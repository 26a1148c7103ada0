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
async fn the_readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().expect("a directory");
    let run = Run::new(directory.path(), &FLAGS).current_directory(root).finish().await;
    run.exits(0);
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    assert!(
        readme.contains(&format!("{}\n```\n", run.stdout.trim_end())),
        "put this into README.md:\n{}",
        run.stdout
    );
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
