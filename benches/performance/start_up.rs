//! Start-up: `--plan` with the task definition in a file and no credentials, and the size of the program.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::data::{Rounds, StartUp};
use crate::{process, programs};

pub fn measure(quick: bool) -> Result<StartUp> {
    let definition = Path::new(programs::CHECKOUT).join("sandbox/fixtures/describe-task-definition.json");
    let home = tempfile::tempdir().context("make a directory")?;
    let mut plan = Command::new(programs::FARGATE_MIGRATE);
    plan.args([
        "migrate",
        "--plan",
        "--cluster",
        "startupwebapp-cluster",
        "--database",
        "healthtech_experiment",
    ])
    .args(["--subnets", "tag:Name=private-*", "--security-groups", "sg-0a1b2c3d4e5f60001"])
    .args(["--image", "registry.example/app:1", "--task-definition"])
    .arg(definition);
    let mut version = Command::new("aws");
    version.arg("--version");
    for command in [&mut plan, &mut version] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", home.path()).current_dir(home.path());
        command.stdin(Stdio::null());
    }
    let aws_cli = programs::needs("aws", &["--version"], "pip install awscli").ok();
    let (mut plans, mut peaks, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if quick { 10 } else { 40 } {
        let cost = process::run(&mut plan)?;
        plans.push(cost.wall);
        peaks.push(cost.peak_mib);
        if aws_cli.is_some() {
            versions.push(process::run(&mut version)?.wall);
        }
    }
    let size =
        std::fs::metadata(programs::FARGATE_MIGRATE).context("read the size of fargate-migrate")?.len();
    Ok(StartUp {
        binary_bytes: size,
        plan: Rounds(plans),
        peak_mib: Rounds(peaks).median(),
        aws_version: aws_cli.map(|_| Rounds(versions)),
    })
}
