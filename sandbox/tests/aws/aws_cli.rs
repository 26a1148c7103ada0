use std::process::Stdio;

use sandbox::real_parts::skip;
use sandbox::{Options, Sandbox, Script};
use serde_json::Value;
use tokio::process::Command;

use crate::client::{CLUSTER, FAMILY, GROUP, seeded, task_id};

/// Runs the AWS CLI against the sandbox.
async fn aws(sandbox: &Sandbox, arguments: &[&str]) -> std::io::Result<std::process::Output> {
    Command::new("aws")
        .args(arguments)
        .args(["--output", "json"])
        .envs(sandbox.environment())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
}

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

#[tokio::test]
async fn runs_a_task_and_reads_its_log() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().line("applied 1").line("applied 2"));
    let version = aws(&sandbox, &["--version"]).await;
    if !version.is_ok_and(|output| output.status.success()) {
        skip::<()>("the AWS CLI", "pip install awscli");
        return;
    }
    let network = "awsvpcConfiguration={subnets=[subnet-0a]}";
    let run = [
        "ecs",
        "run-task",
        "--cluster",
        CLUSTER,
        "--task-definition",
        FAMILY,
        "--launch-type",
        "FARGATE",
        "--network-configuration",
        network,
    ];
    let started = json(&aws(&sandbox, &run).await.unwrap());
    let arn = started["tasks"][0]["taskArn"].as_str().unwrap().to_owned();
    let wait = ["ecs", "wait", "tasks-stopped", "--cluster", CLUSTER, "--tasks", &arn];
    json(&aws(&sandbox, &wait).await.unwrap());
    let stream = format!("migration/migration/{}", task_id(&arn));
    let read = [
        "logs",
        "get-log-events",
        "--log-group-name",
        GROUP,
        "--log-stream-name",
        &stream,
        "--start-from-head",
    ];
    let events = json(&aws(&sandbox, &read).await.unwrap());
    assert_eq!(events["events"][1]["message"], "applied 2");
    let identity = json(&aws(&sandbox, &["sts", "get-caller-identity"]).await.unwrap());
    assert_eq!(identity["Account"], "123456789012");
    let lost = aws(&sandbox, &["ecs", "list-tasks", "--cluster", "nowhere"]).await.unwrap();
    let message = String::from_utf8_lossy(&lost.stderr);
    assert!(
        message.contains("(ClusterNotFoundException)") && message.contains("Cluster not found."),
        "{message}"
    );
}
