//! An image from the sandbox's registry, run as a process.

use std::path::Path;
use std::time::Duration;

use sandbox::Sandbox;
use serde_json::json;

use crate::client::{
    CLUSTER, GROUP, container, definition, ecs, run, run_task_input, seeded, task_id, until_stopped,
};
use crate::image::{own_roots, push_system};

/// None where a shell has no root of its own.
async fn with_shell() -> Option<Sandbox> {
    let sandbox = seeded(own_roots()?).await;
    push_system(&sandbox, "sh", &[]);
    Some(sandbox)
}

async fn run_script(sandbox: &Sandbox, script: &str) -> String {
    let mut shell = container("migration");
    shell["command"] = json!(["-c", script]);
    sandbox.register_task_definition(&definition(&[shell])).unwrap();
    run(sandbox, &run_task_input()).await
}

pub fn log(sandbox: &Sandbox, arn: &str) -> Vec<String> {
    let stream = format!("migration/migration/{}", task_id(arn));
    sandbox.log_events(GROUP, &stream).into_iter().map(|event| event.message).collect()
}

#[tokio::test]
async fn a_process_sees_its_environment_and_its_exit_code_is_shown() {
    let Some(sandbox) = with_shell().await else { return };
    let script = "echo $FROM_IMAGE $DATABASE_PASSWORD $HOME; echo trouble >&2; printf last; exit 4";
    let arn = run_script(&sandbox, script).await;
    let task = until_stopped(&sandbox, &arn).await;
    assert_eq!(task["containers"][0]["exitCode"], 4, "{task}");
    assert!(task["containers"][0]["imageDigest"].as_str().unwrap().starts_with("sha256:"));
    let mut lines = log(&sandbox, &arn);
    lines.sort();
    // Nothing of this machine's environment gets in: HOME is empty.
    assert_eq!(lines, ["last", "trouble", "yes s3cret"]);

    let killed = until_stopped(&sandbox, &run_script(&sandbox, "kill -9 $$").await).await;
    assert_eq!(killed["containers"][0]["exitCode"], 137);
}

#[tokio::test]
async fn stop_task_reaches_the_process_and_leaves_nothing_behind() {
    let Some(sandbox) = with_shell().await else { return };
    let script = "sleep 1000 & echo $!; trap 'echo rolled back; exit 143' TERM; while :; do sleep 0.05; done";
    let arn = run_script(&sandbox, script).await;
    let child = first_line(&sandbox, &arn).await;
    assert!(Path::new("/proc").join(&child).exists());
    ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": arn })).await.ok();
    let task = until_stopped(&sandbox, &arn).await;
    assert_eq!(
        (&task["stopCode"], &task["containers"][0]["exitCode"]),
        (&json!("UserInitiated"), &json!(143))
    );
    assert_eq!(log(&sandbox, &arn)[1..], ["rolled back"]);
    until_gone(&child).await;
}

#[tokio::test]
async fn stopping_the_sandbox_kills_its_tasks() {
    for gently in [true, false] {
        let Some(sandbox) = with_shell().await else { return };
        let arn = run_script(&sandbox, "trap '' TERM; sleep 1000 & echo $!; wait; wait").await;
        let child = first_line(&sandbox, &arn).await;
        if gently {
            sandbox.stop().await;
        } else {
            drop(sandbox);
        }
        until_gone(&child).await;
    }
}

#[tokio::test]
async fn a_command_that_is_not_in_the_image_cannot_start() {
    let Some(sandbox) = with_shell().await else { return };
    let mut bash = container("migration");
    bash["entryPoint"] = json!(["bash"]);
    sandbox.register_task_definition(&definition(&[bash])).unwrap();
    let task = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    let reason = task["containers"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("CannotStartContainerError: "), "{reason}");
    assert!(reason.contains("exec: \"bash\": executable file not found in $PATH"), "{reason}");
}

pub async fn first_line(sandbox: &Sandbox, arn: &str) -> String {
    let line = async {
        loop {
            if let Some(line) = log(sandbox, arn).into_iter().next() {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), line).await.unwrap()
}

async fn until_gone(pid: &str) {
    // A killed process is a zombie until its new parent has noticed.
    let alive = || {
        let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    let gone = async {
        while alive() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .unwrap_or_else(|_| panic!("{pid} is still there"));
}
