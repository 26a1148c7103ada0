//! Logs: how many lines a second go from CloudWatch Logs through the program into files.
//!
//! The program is a process of its own, and the sandbox is another one, so its CPU seconds are the client's alone. What
//! the same run costs without lines is taken off. The files are compared line by line with what was printed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sandbox::{Options, Pace, Quotas, Sandbox, Script, TaskContext, seed};
use serde_json::json;

use crate::data::{LogPath, Logs};
use crate::process::Cost;
use crate::{process, programs};

const IMAGE: &str =
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";
/// Enough for the logs of a fleet to be read by FilterLogEvents.
const FLEET: usize = 24;

pub fn measure(quick: bool) -> Result<Logs> {
    // More at once would be read again and again: FilterLogEvents goes back for half a minute of log each time.
    let (own, fleet) = if quick { (480_000, 240_000) } else { (1_920_000, 480_000) };
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let paths = [("GetLogEvents, one database", 1, own), ("FilterLogEvents, 24 databases", FLEET, fleet)]
        .map(|(name, databases, lines)| {
            let idle = runtime.block_on(followed(databases, 1))?;
            let busy = runtime.block_on(followed(databases, lines / databases))?;
            println!("{name}: {busy:?}, without lines {idle:?}");
            Ok(LogPath {
                name: name.into(),
                lines,
                client_cpu_seconds: busy.0.cpu_seconds - idle.0.cpu_seconds,
                peak_mib: busy.0.peak_mib,
                wall: busy.0.wall,
                reads: busy.1,
            })
        });
    Ok(Logs { paths: paths.into_iter().collect::<Result<_>>()? })
}

fn line(database: &str, n: usize) -> String {
    format!("{n:08} {database} INSERT 0 1: a line as long as the lines of a migration usually are")
}

/// The cost of a run whose tasks print so many lines each, and how many calls read them.
async fn followed(databases: usize, lines: usize) -> Result<(Cost, u64)> {
    let options =
        Options { pace: Pace::Instant, quotas: Quotas::Off, keep_calls: false, ..Options::default() };
    let sandbox = Sandbox::start(options).await?;
    seed::account(&sandbox)?;
    sandbox.set_program(seed::TASK_FAMILY, move |context| prints(context, lines));
    let home = tempfile::tempdir().context("make a directory")?;
    let names: Vec<String> = (0..databases).map(|n| format!("tenant_{n:05}")).collect();
    let mut command = Command::new(programs::FARGATE_MIGRATE);
    command
        .args(seed::MIGRATE)
        .args(["--image", IMAGE])
        .args(["--database", &names.join(","), "--max-parallel", &FLEET.to_string(), "--api-share", "100%"])
        .args(["--format", "json", "--log-dir"])
        .arg(home.path().join("logs"))
        .env_clear()
        .envs(sandbox.environment())
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null());
    let cost = tokio::task::spawn_blocking(move || process::run(&mut command)).await.context("wait")??;
    for name in &names {
        complete(&home.path().join("logs").join(format!("db-{name}.log")), name, lines)?;
    }
    let figures = sandbox.figures();
    sandbox.stop().await;
    Ok((cost, figures.calls_of("logs:GetLogEvents") + figures.calls_of("logs:FilterLogEvents")))
}

fn prints(context: &TaskContext, lines: usize) -> Script {
    let database = context.environment.get("DATABASE_NAME").cloned().unwrap_or_default();
    let report = json!({"migration_report": {
        "version": 1, "database": database, "applied": [], "pending": 0, "current": "11", "tables": 57, "ms": 1,
    }});
    Script::new()
        .lines((0..lines).map(move |n| line(&database, n)))
        .sleep(Duration::from_millis(1))
        .line(report.to_string())
}

/// Every line once and in its order, then the report.
fn complete(path: &Path, database: &str, lines: usize) -> Result<()> {
    let file = File::open(path).with_context(|| format!("open the log of {database}"))?;
    let mut found = BufReader::new(file).lines();
    for n in 0..lines {
        let next = found.next().transpose().context("read a log")?;
        ensure!(next.as_deref() == Some(&line(database, n)), "{database}: line {n} is {next:?}");
    }
    let last = found.next().transpose().context("read a log")?.unwrap_or_default();
    ensure!(
        last.contains("migration_report") && found.next().is_none(),
        "{database}: the log goes on with {last:?}"
    );
    Ok(())
}
