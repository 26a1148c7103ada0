//! Services of MiniStack: their tasks are real containers, and its circuit breaker counts those that end. It has no
//! record of service deployments, so `deploy` goes by DescribeServices alone, and `rollback` has to be told where to.

use std::time::{Duration, Instant};

use sandbox::seed;
use serde_json::{Value, json};

use super::ministack;
use crate::elsewhere::Elsewhere;
use crate::support::program::compiled;
use crate::support::{Finished, Run};

const FAMILY: &str = "web";

/// Ends at once.
const BREAKS: &str = r#"
fn main() {
    println!("no configuration");
    std::process::exit(3);
}
"#;

/// Prints its version and runs until it is ended.
const SERVES: &str = r#"
fn main() {
    println!("this is version VERSION");
    std::thread::sleep(std::time::Duration::from_secs(600));
}
"#;

#[tokio::test]
async fn a_service_is_deployed_by_the_weaker_proof_or_rolled_back_by_ministacks_breaker() {
    let Some(ministack) = ministack() else { return };
    let (first, second, broken) =
        tokio::join!(version(&ministack, "1"), version(&ministack, "2"), image(&ministack, "broken", BREAKS));
    register(&ministack, &first);
    create_service(&ministack, "good", 2);
    create_service(&ministack, "bad", 1);

    let (good, bad) = tokio::join!(
        deploy(&ministack, "good", &second, &["--deploy-timeout=100s"]).finish(),
        deploy(&ministack, "bad", &broken, &["--deploy-timeout=100s"]).finish(),
    );

    good.exits(0).says("weaker proof");
    let row = service(&good);
    assert_eq!((&row["verdict"], &row["evidence"]), (&json!("deployed"), &json!("classic")), "{row}");
    assert_eq!(row["proved_tasks"], 2, "{row}");
    assert_eq!(runs(&ministack, "good", "2"), [second.as_str(), &second]);

    bad.exits(1).says("circuit breaker was triggered");
    let row = service(&bad);
    assert_eq!((&row["verdict"], &row["evidence"]), (&json!("rolled back"), &json!("classic")), "{row}");
    assert_eq!(row["cause"]["exit_code"], 3, "{row}");
    assert_eq!(row["cause"]["stop_code"], "EssentialContainerExited", "{row}");
    assert_eq!(row["cause"]["log"]["tail"], json!(["no configuration"]), "{row}");
    assert_eq!(runs(&ministack, "bad", "1"), [first.as_str()]);
}

#[tokio::test]
async fn rollback_asks_where_to_and_goes_there() {
    let Some(ministack) = ministack() else { return };
    let (first, second) = tokio::join!(version(&ministack, "1"), version(&ministack, "2"));
    let back = register(&ministack, &first);
    register(&ministack, &second);
    create_service(&ministack, "web", 1);

    let refused = rollback(&ministack, &[]).finish().await;
    refused.exits(2).says("nothing is recorded that service web ran").says("--to family:revision");
    assert_eq!(runs(&ministack, "web", "2"), [second]);

    let to = format!("--to={FAMILY}:1");
    let run = rollback(&ministack, &[&to, "--deploy-timeout=100s"]).finish().await;
    // That it ran before is recorded nowhere.
    run.exits(0).says("weaker proof").never_says("ran before");
    let row = service(&run);
    assert_eq!((&row["verdict"], &row["evidence"]), (&json!("rolled back"), &json!("classic")), "{row}");
    assert_eq!((&row["registered"], &row["to"]["task_definition"]), (&json!(false), &back), "{row}");
    assert_eq!(runs(&ministack, "web", "1"), [first]);
}

fn deploy(ministack: &Elsewhere, service: &str, image: &str, more: &[&str]) -> Run {
    let names =
        ["deploy", "--no-migration", "--cluster", seed::CLUSTER, "--service", service, "--image", image];
    ministack.command(&[&names[..], &["--format=json"], more].concat())
}

fn rollback(ministack: &Elsewhere, more: &[&str]) -> Run {
    let names = ["rollback", "--cluster", seed::CLUSTER, "--service=web", "--format=json"];
    ministack.command(&[&names[..], more].concat())
}

/// The one service of a run's report.
fn service(run: &Finished) -> Value {
    run.result()["services"][0].clone()
}

/// The image of [`SERVES`] in this version.
async fn version(ministack: &Elsewhere, version: &str) -> String {
    image(ministack, version, &SERVES.replace("VERSION", version)).await
}

/// Pushes what the source compiles to, and answers its name by digest.
async fn image(ministack: &Elsewhere, tag: &str, source: &str) -> String {
    let (_directory, program) = compiled(source);
    let program = program.display().to_string();
    let flags =
        ["build", "--binary", &program, "--repository", seed::REPOSITORY, "--tag", tag, "--format=json"];
    let run = ministack.command(&flags).finish().await;
    run.exits(0);
    run.result()["image"]["reference"].as_str().expect("a reference").to_owned()
}

/// A revision of [`FAMILY`], as an ARN.
fn register(ministack: &Elsewhere, image: &str) -> Value {
    let logs = json!({
        "awslogs-group": seed::LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": FAMILY,
    });
    let container = json!({
        "name": "web", "image": image, "essential": true, "command": ["app"],
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
    });
    let arguments = json!({
        "family": FAMILY, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "containerDefinitions": [container],
    });
    ministack.call("ecs", "register_task_definition", &arguments)["taskDefinition"]["taskDefinitionArn"]
        .clone()
}

/// A service of the newest revision.
fn create_service(ministack: &Elsewhere, name: &str, tasks: i32) {
    let arguments = json!({
        "cluster": seed::CLUSTER, "serviceName": name, "taskDefinition": FAMILY, "desiredCount": tasks,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ministack.private_subnets()}},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
    });
    let answer = ministack.call("ecs", "create_service", &arguments);
    assert!(answer["error"].is_null(), "{answer}");
}

/// Waits until what each running container of the service has printed is the version's line, and answers their images.
#[track_caller]
fn runs(ministack: &Elsewhere, service: &str, version: &str) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let tasks = running(ministack, service);
        let printed: Vec<Value> = tasks.iter().map(|task| printed(ministack, task)).collect();
        let line = json!(format!("this is version {version}"));
        if !printed.is_empty() && printed.iter().all(|printed| *printed == line) {
            let image = |task: &Value| task["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
            return tasks.iter().map(image).collect();
        }
        assert!(Instant::now() < deadline, "{printed:?} is not {line}: {tasks:#?}");
    }
}

/// The first line of a task's log, if there is one.
fn printed(ministack: &Elsewhere, task: &Value) -> Value {
    let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("a task");
    let stream = json!({"logGroupName": seed::LOG_GROUP, "logStreamName": format!("{FAMILY}/web/{id}")});
    ministack.call("logs", "get_log_events", &stream)["events"][0]["message"].clone()
}

fn running(ministack: &Elsewhere, service: &str) -> Vec<Value> {
    let listed =
        ministack.call("ecs", "list_tasks", &json!({"cluster": seed::CLUSTER, "serviceName": service}));
    if listed["taskArns"] == json!([]) {
        return Vec::new();
    }
    let arguments = json!({"cluster": seed::CLUSTER, "tasks": listed["taskArns"]});
    let answer = ministack.call("ecs", "describe_tasks", &arguments);
    let tasks = answer["tasks"].as_array().unwrap_or_else(|| panic!("{answer}"));
    tasks.iter().filter(|task| task["lastStatus"] == "RUNNING").cloned().collect()
}
