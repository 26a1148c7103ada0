//! Tasks of a sandbox that runs as a program, over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use sandbox::postgres::Postgres;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::image::{own_roots, push_system};
use crate::{eventually, signal, up};

/// One call of an AWS JSON service.
fn call(port: u16, target: &str, input: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (body, key) = (input.to_string(), "SANDBOXACCESSKEY0000");
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\nX-Amz-Target: \
         {target}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={key}/20261123/us-east-1/any/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    serde_json::from_str(body).unwrap()
}

/// Runs a task of the seed's family with these overrides of its container. Answers the container and its lines.
fn run(port: u16, mut overrides: Value) -> (Value, Vec<String>) {
    let ecs = |operation: &str, input: Value| {
        call(port, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &input)
    };
    let (cluster, family) = ("startupwebapp-cluster", "startupwebapp-migration-task");
    overrides["name"] = json!("migration");
    let ran = ecs(
        "RunTask",
        json!({
            "cluster": cluster, "taskDefinition": family, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
            "overrides": {"containerOverrides": [overrides]},
        }),
    );
    let arn = ran["tasks"][0]["taskArn"].as_str().unwrap_or_else(|| panic!("{ran}"));
    let mut task = Value::Null;
    eventually("the task's end", || {
        let described = ecs("DescribeTasks", json!({"cluster": cluster, "tasks": [arn]}));
        task = described["tasks"][0].clone();
        task["lastStatus"] == "STOPPED"
    });
    let id = arn.rsplit('/').next().unwrap();
    let log = call(
        port,
        "Logs_20140328.GetLogEvents",
        &json!({
            "logGroupName": "/ecs/startupwebapp-migrations",
            "logStreamName": format!("migration/migration/{id}"), "startFromHead": true,
        }),
    );
    let lines = log["events"].as_array().unwrap().iter();
    (
        task["containers"][0].clone(),
        lines.map(|event| event["message"].as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn a_stand_in_migrates_the_databases_that_a_task_is_told() {
    let (mut child, [port, _]) = up(&["--stand-in"]);
    for (told, names) in [
        (json!([{"name": "DATABASE_NAME", "value": "tenant_1"}]), &["tenant_1"][..]),
        (
            json!([{"name": "DATABASE_NAME", "value": ""}, {"name": "DATABASE_NAMES", "value": "[\"a\",\"b\"]"}]),
            &["a", "b"],
        ),
    ] {
        let (container, lines) = run(port, json!({"environment": told}));
        assert_eq!(container["exitCode"], 0, "{container}");
        let reports = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut reported: Vec<String> = reports
            .filter_map(|line| Some(line["migration_report"]["database"].as_str()?.to_owned()))
            .collect();
        reported.sort_unstable();
        assert_eq!(reported, names);
    }
    signal(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[tokio::test]
async fn an_image_runs_in_its_own_root() {
    let Some(options) = own_roots() else { return };
    let directory = tempfile::tempdir().unwrap();
    let images = Some(directory.path().join("images"));
    let sandbox = Sandbox::start(Options { images, ..options }).await.unwrap();
    push_system(&sandbox, "migrate.sh", &[("bin/migrate.sh", b"#!/bin/sh\necho $* /*; exit 3\n")]);
    sandbox.stop().await;

    let (mut child, [port, _]) = up(&["--state", directory.path().to_str().unwrap()]);
    let (container, lines) = run(port, json!({"command": ["migrate"]}));
    assert_eq!(container["exitCode"], 3, "{container}");
    assert_eq!(lines[0].replace(" /lib64", ""), "migrate /bin /dev /etc /lib /proc /sys");
    signal(&child, Signal::SIGINT);
    child.wait().unwrap();
    Postgres::forget(&directory.path().join("postgres")).unwrap();
}
