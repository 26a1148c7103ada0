use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sandbox::real_parts::skip;
use sandbox::{Sandbox, seed};
use serde_json::{Value, json};

use super::account;
use crate::python::python;

/// What the pipeline's jq program deleted before it registered.
const DELETED: [&str; 7] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
];
const NETWORK: &str = "awsvpcConfiguration={subnets=[subnet-0a1b2c3d4e5f60001],\
                       securityGroups=[sg-0a1b2c3d4e5f60001],assignPublicIp=DISABLED}";
/// The names of the seed, as every command needs them.
const CLUSTER: [&str; 2] = ["--cluster", seed::CLUSTER];
const GROUP: [&str; 2] = ["--log-group-name", seed::LOG_GROUP];

/// The AWS CLI, told of one sandbox and of nothing else.
pub struct AwsCli {
    program: PathBuf,
    /// Early releases of version 2 do not know AWS_ENDPOINT_URL, and would ask AWS itself.
    endpoint: String,
    environment: Vec<(String, String)>,
}

impl AwsCli {
    pub fn new(program: PathBuf, sandbox: &Sandbox) -> Self {
        Self { program, endpoint: sandbox.endpoint(), environment: sandbox.environment() }
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(["--endpoint-url", &self.endpoint])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        output.await.expect("start the AWS CLI")
    }

    /// What it says on success, without the last newline.
    pub async fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }

    pub async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.says(&[arguments, &["--output", "json"]].concat()).await;
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("aws {arguments:?}: {error}: {said}"))
    }

    /// What it says when AWS refuses.
    pub async fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "aws {arguments:?} was not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    async fn definition(&self, name: &str, more: &[&str]) -> Value {
        self.json(&[&["ecs", "describe-task-definition", "--task-definition", name], more].concat()).await
    }

    async fn register(&self, document: &Value, directory: &Path) -> Value {
        let path = directory.join("task-definition.json");
        std::fs::write(&path, document.to_string()).expect("write the document");
        let input = format!("file://{}", path.display());
        self.json(&["ecs", "register-task-definition", "--cli-input-json", &input]).await
    }
}

/// The document as the pipeline made it: of the first container, with the image and the database.
fn patched(described: &Value) -> Value {
    let mut document = described["taskDefinition"].clone();
    document.as_object_mut().expect("an object").retain(|key, _| !DELETED.contains(&key.as_str()));
    let container = &mut document["containerDefinitions"][0];
    container["image"] = json!("registry.example/app:1234");
    let variable = json!({ "name": "DATABASE_NAME", "value": "fintech_experiment" });
    container["environment"].as_array_mut().expect("a list").push(variable);
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_pipeline_word_for_word() {
    let Some(python) = python() else { return };
    let world = account().await;
    let aws = AwsCli::new(python.program("aws"), &world.sandbox);

    let described = aws.definition(seed::TASK_FAMILY, &[]).await;
    assert_eq!(described.get("tags"), None, "tags come only when they are asked for");
    let with_tags = aws.definition(seed::TASK_FAMILY, &["--include", "TAGS"]).await;
    assert_eq!(with_tags["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(with_tags["taskDefinition"], described["taskDefinition"]);

    // Nothing but the patch and what ECS numbers anew; the tags are lost, as they were there.
    let document = patched(&described);
    let registered = aws.register(&document, world.directory.path()).await;
    assert_eq!(registered["taskDefinition"]["revision"], 3);
    assert_eq!(patched_of(&registered), document);
    let name = registered["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").to_owned();
    assert_eq!(aws.definition(&name, &["--include", "TAGS"]).await["tags"], json!([]));
    let mut tagged = document.clone();
    tagged["tags"] = with_tags["tags"].clone();
    assert_eq!(aws.register(&tagged, world.directory.path()).await["tags"], with_tags["tags"]);

    let run = ["--task-definition", &name, "--launch-type", "FARGATE", "--network-configuration", NETWORK];
    let query = ["--query", "tasks[0].taskArn", "--output", "text"];
    let arn = aws.says(&[&["ecs", "run-task"], &CLUSTER[..], &run, &query].concat()).await;
    let tasks = ["--tasks", arn.as_str()];
    aws.says(&[&["ecs", "wait", "tasks-stopped"], &CLUSTER[..], &tasks].concat()).await;
    let query = ["--query", "tasks[0].containers[0].exitCode", "--output", "text"];
    assert_eq!(aws.says(&[&["ecs", "describe-tasks"], &CLUSTER[..], &tasks, &query].concat()).await, "0");
    let task = aws.json(&[&["ecs", "describe-tasks"], &CLUSTER[..], &tasks].concat()).await;
    assert_eq!(task["tasks"][0]["stopCode"], "EssentialContainerExited");

    // The pipeline left the container's name out of the stream's, and took the error for "no logs yet".
    let id = arn.rsplit('/').next().expect("a task id");
    let read =
        [&["logs", "get-log-events"], &GROUP[..], &["--start-from-head", "--log-stream-name"]].concat();
    let refused = aws.refusal(&[&read[..], &[&format!("migration/{id}")]].concat()).await;
    let words = "An error occurred (ResourceNotFoundException) when calling the GetLogEvents operation: \
                 The specified log stream does not exist.";
    assert!(refused.contains(words), "{refused}");
    let events = aws.json(&[&read[..], &[&format!("migration/migration/{id}")]].concat()).await;
    assert_eq!(events["events"][0]["message"], "password of 14, database fintech_experiment");
}

fn patched_of(registered: &Value) -> Value {
    let mut document = registered["taskDefinition"].clone();
    document.as_object_mut().expect("an object").retain(|key, _| !DELETED.contains(&key.as_str()));
    document
}

/// A task whose log has 30 lines and its first.
async fn logged(aws: &AwsCli) -> String {
    let overrides = json!({ "containerOverrides": [
        { "name": "migration", "environment": [{ "name": "LINES", "value": "30" }] },
    ]});
    let overrides = overrides.to_string();
    let run = ["--task-definition", seed::TASK_FAMILY, "--launch-type", "FARGATE"];
    let more = ["--network-configuration", NETWORK, "--overrides", &overrides];
    let started = aws.json(&[&["ecs", "run-task"], &CLUSTER[..], &run, &more].concat()).await;
    let arn = started["tasks"][0]["taskArn"].as_str().expect("an ARN").to_owned();
    aws.says(&[&["ecs", "wait", "tasks-stopped"], &CLUSTER[..], &["--tasks", &arn]].concat()).await;
    arn.rsplit('/').next().expect("a task id").to_owned()
}

/// Version 1 of the CLI has no `logs tail`: its paginated filter-log-events is what one tails with.
#[tokio::test(flavor = "multi_thread")]
async fn version_1_reads_a_log_page_by_page() {
    let Some(python) = python() else { return };
    let world = account().await;
    let aws = AwsCli::new(python.program("aws"), &world.sandbox);
    let prefix = format!("migration/migration/{}", logged(&aws).await);
    let filter = ["logs", "filter-log-events", "--log-stream-name-prefix", &prefix, "--page-size", "7"];
    let found = aws.json(&[&filter[..], &GROUP].concat()).await;
    let lines: Vec<&str> = found["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["message"].as_str())
        .collect();
    let expected: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    assert_eq!(lines[1..], expected[..]);
    let pages = world.inputs("FilterLogEvents");
    assert_eq!(pages.len(), 5, "31 lines in pages of 7: {pages:?}");
    assert_eq!(pages[0]["limit"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2_tails_a_log() {
    let program = version_2().or_else(|| skip("version 2 of the AWS CLI on PATH", "apt-get install awscli"));
    let Some(program) = program else { return };
    let world = account().await;
    let aws = AwsCli::new(program, &world.sandbox);
    let id = logged(&aws).await;
    let said = aws.says(&["logs", "tail", seed::LOG_GROUP, "--since", "1h", "--format", "short"]).await;
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(' ')).map(|(_, text)| text).collect();
    let expected: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    assert_eq!(lines[1..], expected[..], "{said}");
    let stream = format!("migration/migration/{id}");
    let all = aws.says(&["logs", "tail", seed::LOG_GROUP, "--log-stream-names", &stream]).await;
    assert_eq!(all.lines().count(), 31, "{all}");
    let none = aws.refusal(&["logs", "tail", seed::LOG_GROUP, "--log-stream-names", "migration/never"]).await;
    assert!(none.contains("(ResourceNotFoundException)"), "{none}");
}

/// The first `aws` on PATH that is of version 2.
fn version_2() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("aws")).find(|program| {
        let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        version.is_ok_and(|output| output.stdout.starts_with(b"aws-cli/2"))
    })
}

/// The commands by which pipelines deploy a service.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_updated_waited_for_and_its_deployments_listed() {
    let Some(python) = python() else { return };
    let world = account().await;
    world.sandbox.set_program(seed::TASK_FAMILY, |_| sandbox::Script::new().until_stopped());
    let aws = AwsCli::new(python.program("aws"), &world.sandbox);
    let run = ["--task-definition", seed::TASK_FAMILY, "--launch-type", "FARGATE", "--desired-count", "1"];
    let more = ["--service-name", "web", "--network-configuration", NETWORK];
    aws.json(&[&["ecs", "create-service"], &CLUSTER[..], &run, &more].concat()).await;
    let web = ["--service", "web"];
    let updated = aws
        .json(&[&["ecs", "update-service"], &CLUSTER[..], &web, &["--force-new-deployment"]].concat())
        .await;
    let id = updated["service"]["deployments"][0]["id"].as_str().expect("an id");
    aws.says(&[&["ecs", "wait", "services-stable"], &CLUSTER[..], &["--services", "web"]].concat()).await;
    let listed = aws.json(&[&["ecs", "list-service-deployments"], &CLUSTER[..], &web].concat()).await;
    let newest = &listed["serviceDeployments"][0];
    let revision = newest["targetServiceRevisionArn"].as_str().expect("an ARN");
    assert_eq!(revision.rsplit('/').next(), id.rsplit('/').next());
    let arn = newest["serviceDeploymentArn"].as_str().expect("an ARN");
    let described =
        aws.json(&["ecs", "describe-service-deployments", "--service-deployment-arns", arn]).await;
    assert_eq!(described["serviceDeployments"][0]["status"], "SUCCESSFUL");
    let revisions = ["ecs", "describe-service-revisions", "--service-revision-arns", revision];
    let digest = &aws.json(&revisions).await["serviceRevisions"][0]["containerImages"][0]["imageDigest"];
    assert!(digest.as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{digest}");
}
