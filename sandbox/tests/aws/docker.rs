//! An image from the sandbox's registry, pulled and run by a real Docker Engine.

use std::process::Command;

use sandbox::{Engine, Options, Sandbox, real_parts};
use serde_json::json;

use crate::client::{
    CLUSTER, GROUP, container, definition, ecs, run, run_task_input, seeded, task_id, until, until_stopped,
};
use crate::image::push_files;

const PROGRAM: &str = r#"
fn main() {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    println!("{} {} {}", set("FROM_IMAGE"), set("DATABASE_PASSWORD"), set("DATABASE_NAME"));
    match std::env::args().nth(1).as_deref() {
        Some("hang") => loop { std::thread::park() },
        Some("eat") => { let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 20]); } }
        Some(code) => std::process::exit(code.parse().unwrap()),
        None => {}
    }
}
"#;

/// None when this machine has no Docker Engine. The seed tells the containers of one sandbox from another's.
async fn with_program(seed: u64) -> Option<Sandbox> {
    if !real_parts::docker_engine() {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("program.rs");
    let program = directory.path().join("program");
    std::fs::write(&source, PROGRAM).unwrap();
    let mut compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compiler
        .args(["-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"])
        .arg(&program)
        .arg(&source);
    assert!(compiler.status().unwrap().success());
    let sandbox = seeded(Options { engine: Engine::Docker, seed, ..Options::default() }).await;
    push_files(&sandbox, "program", &[("bin/program", &std::fs::read(program).unwrap())]);
    Some(sandbox)
}

async fn start(sandbox: &Sandbox, argument: &str) -> String {
    let mut program = container("migration");
    program["command"] = json!([argument]);
    program["environment"] = json!([{ "name": "DATABASE_NAME", "value": "a b\nc" }]);
    program["stopTimeout"] = json!(10);
    program["memory"] = json!(32);
    sandbox.register_task_definition(&definition(&[program])).unwrap();
    run(sandbox, &run_task_input()).await
}

#[tokio::test]
async fn a_container_that_cannot_start_never_started() {
    let Some(sandbox) = with_program(1).await else { return };
    let no_user = "unable to find user nobody2: no matching entries in passwd file";
    let cases = [
        ("entryPoint", json!(["nope"]), "exec: \"nope\": executable file not found in $PATH"),
        (
            "entryPoint",
            json!(["/bin/nope"]),
            "exec: \"/bin/nope\": stat /bin/nope: no such file or directory",
        ),
        ("entryPoint", json!(["/bin"]), "exec: \"/bin\""),
        ("user", json!("nobody2"), no_user),
        ("workingDirectory", json!("/bin/program"), "/bin/program"),
    ];
    for (member, value, why) in cases {
        let mut program = container("migration");
        program[member] = value.clone();
        sandbox.register_task_definition(&definition(&[program])).unwrap();
        let arn = run(&sandbox, &run_task_input()).await;
        let task = until_stopped(&sandbox, &arn).await;
        assert_eq!(task["stopCode"], "TaskFailedToStart", "{value}: {task}");
        let container = &task["containers"][0];
        let reason = container["reason"].as_str().unwrap();
        assert!(reason.starts_with("CannotStartContainerError: ") && reason.contains(why), "{reason}");
        assert!(
            !reason.contains("Error response from daemon") && !reason.contains("failed to start containers"),
            "{reason}"
        );
        assert_eq!(container.get("exitCode"), None, "{task}");
        assert!(sandbox.log_events(GROUP, &format!("migration/migration/{}", task_id(&arn))).is_empty());
        let filter = format!("label=fargate-migrate.sandbox.task={}", task_id(&arn));
        let left =
            Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&left.stdout),
            "",
            "{value}: a container that did not start is removed"
        );
    }
}

#[tokio::test]
async fn the_codes_of_a_container_runtime_are_a_programs_own() {
    let Some(sandbox) = with_program(2).await else { return };
    for code in [125, 126, 127] {
        let arn = start(&sandbox, &code.to_string()).await;
        let task = until_stopped(&sandbox, &arn).await;
        assert_eq!(
            (&task["stopCode"], &task["containers"][0]["exitCode"]),
            (&json!("EssentialContainerExited"), &json!(code))
        );
        assert_eq!(sandbox.log_events(GROUP, &format!("migration/migration/{}", task_id(&arn))).len(), 2);
    }
}

#[tokio::test]
async fn containers_run_end_and_are_removed() {
    let Some(sandbox) = with_program(3).await else { return };
    let arn = start(&sandbox, "5").await;
    let task = until_stopped(&sandbox, &arn).await;
    assert_eq!(task["containers"][0]["exitCode"], 5, "{task}");
    let events = sandbox.log_events(GROUP, &format!("migration/migration/{}", task_id(&arn)));
    let lines: Vec<String> = events.into_iter().map(|event| event.message).collect();
    assert_eq!(lines, ["yes s3cret a b", "c"]);

    // The first process of a container has no default action for SIGTERM.
    let arn = start(&sandbox, "hang").await;
    until(&sandbox, &arn, "RUNNING").await;
    ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": arn })).await.ok();
    assert_eq!(until_stopped(&sandbox, &arn).await["containers"][0]["exitCode"], 137);

    let eaten = until_stopped(&sandbox, &start(&sandbox, "eat").await).await;
    assert_eq!(eaten["containers"][0]["exitCode"], 137);
    let reason = eaten["containers"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("OutOfMemoryError"), "{reason}");

    let arn = start(&sandbox, "hang").await;
    until(&sandbox, &arn, "RUNNING").await;
    sandbox.stop().await;
    let filter = format!("label=fargate-migrate.sandbox.task={}", task_id(&arn));
    let left = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}
