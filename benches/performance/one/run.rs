use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandbox::{Sandbox, seed};
use serde_json::Value;
use tokio::process::Command;

use crate::data::Run;
use crate::programs;

/// A task is STOPPED 10 to 30 s after its container's exit.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

pub async fn ours(
    sandbox: &Sandbox,
    home: &Path,
    family: &str,
    database: &str,
    more: &[&str],
) -> Result<Run> {
    let mut command = programs::fargate_migrate(home, sandbox.environment());
    command.args([
        "migrate",
        "--cluster",
        seed::CLUSTER,
        "--task-definition",
        family,
        "--database",
        database,
    ]);
    command.args(["--subnets", seed::SUBNETS, "--security-groups", seed::SECURITY_GROUPS]);
    command.args(more);
    run(sandbox, command).await
}

pub async fn baseline(
    sandbox: &Sandbox,
    home: &Path,
    family: &str,
    database: &str,
    image: &str,
) -> Result<Run> {
    let name = |tag: &'static str| tag.trim_start_matches("tag:Name=");
    let told = [
        ("TASK_FAMILY", family),
        ("IMAGE", image),
        ("DATABASE", database),
        ("SUBNETS", name(seed::SUBNETS)),
        ("SECURITY_GROUPS", name(seed::SECURITY_GROUPS)),
    ];
    run(sandbox, programs::baseline(home, sandbox.environment(), &told)).await
}

async fn run(sandbox: &Sandbox, mut command: Command) -> Result<Run> {
    let (calls_before, tasks_before) = (sandbox.calls().len(), sandbox.tasks().len());
    let began = Instant::now();
    let output = command.output().await.context("run a program")?;
    let (wall, ended) = (began.elapsed().as_secs_f64(), sandbox.now() as f64 / 1000.0);
    programs::ended_well(&output)?;
    let calls = sandbox.calls().split_off(calls_before);
    let tasks = sandbox.tasks();
    ensure!(tasks.len() == tasks_before + 1, "{} tasks instead of one", tasks.len() - tasks_before);
    let newest = |task: &&Value| task["createdAt"].as_f64().map(|at| (at * 1000.0) as i64);
    let arn = tasks.iter().max_by_key(newest).and_then(|task| task["taskArn"].as_str());
    let arn = arn.context("find the task")?;
    let task = once_stopped(sandbox, arn).await?;
    let time = |name: &str| task[name].as_f64().with_context(|| format!("read {name} of the task"));
    let (created, exited, stopped) = (time("createdAt")?, time("executionStoppedAt")?, time("stoppedAt")?);
    let shown = sandbox.exit_shown(arn).context("find out when the exit was shown")? as f64 / 1000.0;
    if std::env::var_os("TIMELINE").is_some() {
        let timeline =
            calls.iter().map(|call| format!("{:.1} {}", call.at as f64 / 1000.0 - created, call.operation));
        eprintln!(
            "exit {:.1} s, shown {:.1} s, STOPPED {:.1} s: {}; ended {:.1} s",
            exited - created,
            shown - created,
            stopped - created,
            timeline.collect::<Vec<_>>().join(", "),
            ended - created
        );
    }
    let mut counted = BTreeMap::new();
    for call in &calls {
        *counted.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
    }
    Ok(Run {
        wall,
        task: exited - created,
        exit_to_end: ended - exited,
        shown_to_end: ended - shown,
        end_to_stopped: stopped - ended,
        calls: counted,
    })
}

/// The task, when it is STOPPED: a program may have ended before.
async fn once_stopped(sandbox: &Sandbox, arn: &str) -> Result<Value> {
    let began = Instant::now();
    loop {
        let task = sandbox.tasks().into_iter().find(|task| task["taskArn"] == arn);
        let task = task.context("find the task again")?;
        if task["stoppedAt"].is_f64() {
            return Ok(task);
        }
        ensure!(began.elapsed() < STOPPED_WITHIN, "{arn} is not STOPPED");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
