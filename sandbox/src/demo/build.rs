//! Builds what the demo shows: the app as a static executable, and fargate-migrate itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use crate::console::Progress;
use crate::interrupt::Interrupts;

/// The last lines of a failed build, which hold the error.
const LAST_LINES: usize = 40;

/// Builds `app` for this machine without any shared library, so that it runs in an empty image.
pub async fn app(checkout: &Path, interrupts: &Interrupts) -> anyhow::Result<PathBuf> {
    let host = host().await?;
    if !host.contains("-linux-") {
        bail!("build a static app for {host}: tasks of the process engine need Linux; use --docker there");
    }
    let mut cargo = cargo(checkout);
    cargo.args(["--package", "app", "--target", &host]);
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", host.replace('-', "_").to_uppercase());
    cargo.env(variable, "-C target-feature=+crt-static");
    // A RUSTFLAGS of the caller would replace the ones that make it static.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    executable(cargo, "app", "app, static", interrupts).await
}

/// Builds the program under demonstration.
pub async fn fargate_migrate(checkout: &Path, interrupts: &Interrupts) -> anyhow::Result<PathBuf> {
    let mut cargo = cargo(checkout);
    cargo.args(["--bin", "fargate-migrate"]);
    executable(cargo, "fargate-migrate", "fargate-migrate", interrupts).await
}

fn cargo(checkout: &Path) -> Command {
    let mut cargo = Command::new(program());
    cargo
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    cargo
}

/// Returns the cargo that runs this program, so that both builds share one toolchain.
fn program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns the target triple of this machine, as cargo names it.
async fn host() -> anyhow::Result<String> {
    let output = Command::new(program()).arg("-vV").output().await.context("run cargo -vV")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("read the host's target from cargo -vV")
}

/// Runs a build with its progress on one line. Returns the executable's path.
async fn executable(
    mut cargo: Command,
    name: &str,
    what: &str,
    interrupts: &Interrupts,
) -> anyhow::Result<PathBuf> {
    let mut child = cargo.kill_on_drop(true).spawn().context("start cargo build")?;
    let mut progress = Progress::start(what);
    let mut stderr = child.stderr.take().context("read cargo's messages")?;
    let messages = tokio::spawn(async move {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).await.map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let mut artifacts = BufReader::new(child.stdout.take().context("read cargo's messages")?).lines();
    let (mut compiled, mut path) = (0_u32, None);
    let mut tick = tokio::time::interval(std::time::Duration::from_secs(1));
    let mut current = String::new();
    loop {
        tokio::select! {
            line = artifacts.next_line() => {
                let Some(line) = line.context("read cargo's messages")? else { break };
                let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
                if message["reason"] != "compiler-artifact" {
                    continue;
                }
                if message["fresh"] == false {
                    compiled += 1;
                    current = message["target"]["name"].as_str().unwrap_or_default().to_owned();
                }
                if let Some(found) = message["executable"].as_str()
                    && message["target"]["name"] == name
                {
                    path = Some(PathBuf::from(found));
                }
            }
            _ = tick.tick() => {}
            interrupted = interrupts.heard() => {
                progress.abandon();
                return Err(interrupted.into());
            }
        }
        if compiled > 0 {
            progress.update(&format!("{compiled} crates compiled, last {current}"));
        }
    }
    let status = child.wait().await.context("wait for cargo build")?;
    if !status.success() {
        progress.abandon();
        bail!("build {name}: cargo ended with {status}\n{}", last_lines(&messages.await??));
    }
    let done =
        if compiled == 0 { "nothing to compile".to_owned() } else { format!("{compiled} crates compiled") };
    progress.finish(&done);
    path.with_context(|| format!("build {name}: cargo made no executable of that name"))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
