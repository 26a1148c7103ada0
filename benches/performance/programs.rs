//! The programs under measurement: fargate-migrate as it is released, and the shop that it migrates with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use sandbox::seed;
use serde_json::Value;

/// `cargo bench` builds it with the release profile.
pub const FARGATE_MIGRATE: &str = env!("CARGO_BIN_EXE_fargate-migrate");
pub const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// The shop as one static executable, as its Dockerfile builds it.
pub fn app() -> Result<PathBuf> {
    package("app")
}

/// A package's program as one static executable.
pub fn package(name: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = output(Command::new(&cargo).arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("read the host of cargo -vV")?;
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", host.replace('-', "_").to_uppercase());
    println!("building {name}, static");
    let messages = output(
        Command::new(&cargo)
            .args(["build", "--locked", "--release", "--package", name, "--target", host])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(CHECKOUT)
            .env(variable, "-C target-feature=+crt-static")
            // A RUSTFLAGS of the caller would replace the one that makes it static.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().with_context(|| format!("build {name}: cargo made no executable"))
}

/// What a command printed, when it ended well.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a reader without it is told; the measurement is skipped.
pub fn needs(program: &str, arguments: &[&str], get: &str) -> Result<String> {
    let answer = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    match answer {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
        }
        _ => bail!("skipped: needs {program}, get it with {get}"),
    }
}

/// fargate-migrate with nothing in its environment but PATH and `variables`.
pub fn fargate_migrate(home: &Path, variables: Vec<(String, String)>) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(FARGATE_MIGRATE);
    scrubbed(&mut command, home, variables);
    command
}

/// benches/baseline.sh with what it is `told` beside the seed's cluster and container.
pub fn baseline(home: &Path, aws: Vec<(String, String)>, told: &[(&str, &str)]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("bash");
    scrubbed(&mut command, home, aws);
    command.arg(Path::new(CHECKOUT).join("benches/baseline.sh"));
    command.envs([("CLUSTER", seed::CLUSTER), ("CONTAINER", "migration")]).envs(told.iter().copied());
    command
}

/// # Errors
/// With what it has printed, when it ended with another exit code than 0.
pub fn ended_well(output: &std::process::Output) -> Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(
        output.status.success(),
        "it ended with {}:\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    Ok(())
}

fn scrubbed(command: &mut tokio::process::Command, home: &Path, variables: Vec<(String, String)>) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .envs(variables)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
}
