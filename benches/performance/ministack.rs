//! One database on MiniStack: an emulator that others wrote, whose tasks are containers of a Docker Engine. A task is
//! STOPPED there as soon as its container has exited.

use std::time::Instant;

use anyhow::{Context as _, Result};
use sandbox::{real_parts, seed};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::data::{MiniStack, Rounds};
use crate::elsewhere::Elsewhere;
use crate::one::LOG_DRAIN;
use crate::support::program::compiled;
use crate::{programs, python};

const ROUNDS: usize = 3;
const SECONDS: u64 = 8;
const REQUIREMENTS: &str = include_str!("../../tests/fidelity/requirements-ministack.txt");

/// Prints a line each second for as long as SECONDS says, then a migration report unless REPORT is `no`.
const SOURCE: &str = r#"
fn main() {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or(default.into());
    for second in 0..SECONDS {
        println!("working, {second} s");
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    if variable("REPORT", "yes") == "yes" {
        println!(
            "{{\"migration_report\":{{\"version\":1,\"database\":\"{}\",\"applied\":[],\"pending\":0,\"current\":\"1\",\"tables\":1,\"ms\":1}}}}",
            variable("DATABASE_NAME", "")
        );
    }
}
"#;

/// None where MiniStack or a Docker Engine is missing, which is said.
pub async fn measure() -> Result<Option<MiniStack>> {
    let Some(server) = python::ministack().filter(|_| real_parts::docker_engine()) else { return Ok(None) };
    let secret = json!({"host": "127.0.0.1", "port": 9, "username": "nobody", "password": "hunter2hunter2"});
    let Some(aws) = Elsewhere::start(server, "ministack_server.py", &secret) else { return Ok(None) };
    let image = image(&aws).await?;
    let drain = format!("--log-drain={}s", LOG_DRAIN.as_secs());
    let without_report = ["--env", "REPORT=no", "--proof", "exit-code", &drain];
    let mut walls = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // Who goes first alternates.
        for which in (0..walls.len()).map(|n| (n + round) % 3) {
            walls[which].push(match which {
                0 => wall(ours(&aws, &image, &[])).await,
                1 => wall(ours(&aws, &image, &without_report)).await,
                _ => wall(baseline(&aws, &image)).await,
            }?);
        }
    }
    let [with_report, without_report, baseline] = walls.map(Rounds);
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("ministack=="));
    let version = version.context("read the version of MiniStack")?.to_owned();
    Ok(Some(MiniStack { version, seconds: SECONDS, with_report, without_report, baseline }))
}

/// The program as an image in MiniStack's registry.
async fn image(aws: &Elsewhere) -> Result<String> {
    let (_directory, program) = compiled(&SOURCE.replace("0..SECONDS", &format!("0..{SECONDS}")));
    let mut build = programs::fargate_migrate(aws.directory.path(), environment(aws));
    build
        .args(["build", "--repository", seed::REPOSITORY, "--tag=v1", "--format=json", "--binary"])
        .arg(program);
    let output = build.output().await.context("run fargate-migrate build")?;
    programs::ended_well(&output)?;
    let built: Value = serde_json::from_slice(&output.stdout).context("read the result of build")?;
    Ok(built["image"]["reference"].as_str().context("read the image of build")?.to_owned())
}

fn ours(aws: &Elsewhere, image: &str, more: &[&str]) -> Command {
    let [subnets, security_groups] = network(aws);
    let mut command = programs::fargate_migrate(aws.directory.path(), environment(aws));
    command.args(["migrate", "--cluster", seed::CLUSTER, "--task-definition", seed::TASK_FAMILY]);
    command.args(["--database", seed::DATABASES[0], "--image", image]);
    command.args(["--subnets", &subnets, "--security-groups", &security_groups]).args(more);
    command
}

fn baseline(aws: &Elsewhere, image: &str) -> Command {
    let [subnets, security_groups] = network(aws);
    let told = [
        ("TASK_FAMILY", seed::TASK_FAMILY),
        ("IMAGE", image),
        ("DATABASE", seed::DATABASES[0]),
        ("SUBNETS", &subnets),
        ("SECURITY_GROUPS", &security_groups),
    ];
    programs::baseline(aws.directory.path(), environment(aws), &told)
}

/// By id: MiniStack finds no subnet by its tag.
fn network(aws: &Elsewhere) -> [String; 2] {
    let groups = aws.account["security_groups"].as_array().into_iter().flatten();
    let groups = groups.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    [aws.private_subnets().join(","), groups]
}

fn environment(aws: &Elsewhere) -> Vec<(String, String)> {
    let variables = [
        ("AWS_ENDPOINT_URL", aws.endpoint()),
        ("AWS_REGION", "us-east-1".to_owned()),
        // The name that version 1 of the AWS CLI reads.
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Seconds from a program's start to its end.
async fn wall(mut command: Command) -> Result<f64> {
    let began = Instant::now();
    let output = command.output().await.context("run a program")?;
    let wall = began.elapsed().as_secs_f64();
    programs::ended_well(&output)?;
    Ok(wall)
}
