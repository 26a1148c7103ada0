//! A fleet that is migrated by runs of which most are killed, and what SQL says about it afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::postgres::Postgres;
use sandbox::{Sandbox, seed};
use serde_json::Value;
use tokio::process::Command;

use crate::network::{Losses, Network, Weather};

/// A run that nothing disturbs takes seconds; the retries of a bad network take a minute.
const LONGEST: Duration = Duration::from_secs(300);
/// What the shop has when it is migrated: its own tables, and that of refinery.
const MIGRATIONS: i64 = 13;

/// What rounds share.
pub struct Account {
    pub sandbox: Sandbox,
    pub postgres: Postgres,
    pub address: SocketAddr,
    /// `REPOSITORY@sha256:…`
    pub image: String,
}

/// What has become of a round.
#[derive(Debug, Default)]
pub struct Outcome {
    pub runs: u64,
    pub killed: u64,
    pub interrupted: u64,
    pub databases: u64,
    pub tasks: u64,
    pub verdicts: BTreeMap<String, u64>,
    pub losses: Losses,
    /// What is not as it must be, in sentences.
    pub violations: Vec<String>,
}

/// What is drawn for a database.
struct Database {
    name: String,
    /// One that is not there cannot be migrated.
    is_there: bool,
}

/// One round, from no database to none.
///
/// # Errors
/// PostgreSQL or this machine refuses something; the round has not said anything then.
pub async fn round(account: &Account, seed: u64) -> Result<Outcome> {
    let mut dice = Rng::with_seed(seed);
    let databases: Vec<Database> = (0..dice.usize(1..=6))
        .map(|number| Database { name: format!("round_{seed}_{number}"), is_there: dice.u8(0..10) > 0 })
        .collect();
    for one in databases.iter().filter(|one| one.is_there) {
        account.postgres.create_database(&one.name).await?;
    }
    let outcome = lived(account, &databases, &mut dice).await;
    for one in &databases {
        account.postgres.drop_database(&one.name).await?;
    }
    outcome
}

async fn lived(account: &Account, databases: &[Database], dice: &mut Rng) -> Result<Outcome> {
    let home = tempfile::tempdir().context("make a directory")?;
    let network = Network::before(account.address, Weather::drawn(dice), dice.u64(..)).await?;
    let mut outcome = Outcome { databases: databases.len() as u64, ..Outcome::default() };
    let mut flags = vec![
        format!("--max-parallel={}", dice.u8(1..=4)),
        format!("--databases-per-task={}", if dice.bool() { "1" } else { "auto" }),
        "--keep-going".into(),
        "--log-drain=1s".into(),
    ];
    let state = home.path().join("state.jsonl");
    flags.push(format!("--state={}", state.display()));
    flags.extend(databases.iter().map(|one| format!("--database={}", one.name)));

    let kills = dice.u8(0..=3);
    for number in 0..=kills {
        let resume = (number > 0 && state.exists()).then(|| "--resume".to_owned());
        let end = (number < kills).then(|| {
            let signal = if dice.u8(0..5) == 0 { Signal::SIGINT } else { Signal::SIGKILL };
            (signal, Duration::from_millis(dice.u64(50..6_000)))
        });
        let Some(ended) = run(account, &network, home.path(), flags.iter().chain(&resume), end).await? else {
            outcome.killed += 1;
            continue;
        };
        outcome.runs += 1;
        outcome.interrupted += u64::from(ended.was_interrupted);
        judge(account, databases, &ended, &mut outcome).await?;
    }
    alone(account, databases, &mut outcome);
    outcome.losses = network.losses();
    Ok(outcome)
}

/// A run that came to its end.
struct Ended {
    code: i32,
    result: Option<Value>,
    said: String,
    was_interrupted: bool,
}

/// None where it was killed.
async fn run(
    account: &Account,
    network: &Network,
    home: &Path,
    flags: impl Iterator<Item = &String>,
    end: Option<(Signal, Duration)>,
) -> Result<Option<Ended>> {
    let endpoint = format!("http://{}", network.address);
    let child = Command::new(env!("CARGO_BIN_EXE_fargate-migrate"))
        .args(seed::MIGRATE)
        .args(["--image", &account.image, "--format=json"])
        .args(flags)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .envs(account.sandbox.environment())
        .env("AWS_ENDPOINT_URL", endpoint)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start fargate-migrate")?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw).context("a pid")?;
    let mut output = std::pin::pin!(child.wait_with_output());
    let mut was_interrupted = false;
    if let Some((signal, after)) = end {
        match tokio::time::timeout(after, &mut output).await {
            Ok(output) => return Ok(ended(&output.context("wait for a run")?, false)),
            Err(_) => {
                was_interrupted = signal == Signal::SIGINT;
                kill(pid, signal).context("signal a run")?;
            }
        }
    }
    match tokio::time::timeout(LONGEST, &mut output).await {
        Ok(output) => Ok(ended(&output.context("wait for a run")?, was_interrupted)),
        Err(_) => bail!("a run did not end within {LONGEST:?}"),
    }
}

/// None where it was killed.
fn ended(output: &std::process::Output, was_interrupted: bool) -> Option<Ended> {
    Some(Ended {
        code: output.status.code()?,
        result: serde_json::from_slice(&output.stdout).ok(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        was_interrupted,
    })
}

/// Whether SQL finds all that the shop's migrations make.
async fn is_migrated(postgres: &Postgres, database: &str) -> Result<bool> {
    let client = postgres.connect(database).await?;
    let there = client
        .query_one("select to_regclass('refinery_schema_history') is not null", &[])
        .await
        .context("ask for the history")?;
    if !there.get::<_, bool>(0) {
        return Ok(false);
    }
    let count =
        client.query_one("select count(*) from refinery_schema_history", &[]).await.context("count")?;
    Ok(count.get::<_, i64>(0) == MIGRATIONS)
}

async fn judge(
    account: &Account,
    databases: &[Database],
    ended: &Ended,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut violate = |what: String| outcome.violations.push(what);
    let Some(rows) = ended.result.as_ref().and_then(|result| result["databases"].as_array()) else {
        // It ended before it had a verdict to say.
        if ended.code == 0 {
            violate(format!("exit code 0 without a result: {}", ended.said));
        }
        return Ok(());
    };
    let mut proved = 0;
    for one in databases {
        let rows: Vec<&Value> = rows.iter().filter(|row| row["database"] == one.name.as_str()).collect();
        let [row] = rows[..] else {
            violate(format!("{} has {} verdicts", one.name, rows.len()));
            continue;
        };
        let verdict = row["verdict"].as_str().unwrap_or_default();
        *outcome.verdicts.entry(verdict.to_owned()).or_default() += 1;
        if verdict == "migrated" {
            proved += 1;
            if !one.is_there || !is_migrated(&account.postgres, &one.name).await? {
                violate(format!("{} is said to be migrated, and SQL says that it is not", one.name));
            }
        }
    }
    if (ended.code == 0) != (proved == databases.len()) {
        violate(format!("exit code {} with {proved} of {} databases proved", ended.code, databases.len()));
    }
    Ok(())
}

/// No database has two containers at once.
fn alone(account: &Account, databases: &[Database], outcome: &mut Outcome) {
    let ours = |task: &Value| -> Vec<String> {
        let variables = task["overrides"]["containerOverrides"][0]["environment"].as_array();
        let variables = variables.into_iter().flatten();
        let told = variables.flat_map(|one| {
            let value = one["value"].as_str().unwrap_or_default();
            match one["name"].as_str() {
                Some("DATABASE_NAME") if !value.is_empty() => vec![value.to_owned()],
                Some("DATABASE_NAMES") => serde_json::from_str(value).unwrap_or_default(),
                _ => Vec::new(),
            }
        });
        told.collect()
    };
    let all = account.sandbox.tasks();
    let tasks: Vec<(Vec<String>, &Value)> = all.iter().map(|task| (ours(task), task)).collect();
    for one in databases {
        let mut spans: Vec<(f64, f64)> = tasks
            .iter()
            .filter(|(names, _)| names.contains(&one.name))
            .filter_map(|(_, task)| {
                let end = task["executionStoppedAt"].as_f64().unwrap_or(f64::INFINITY);
                Some((task["startedAt"].as_f64()?, end))
            })
            .collect();
        outcome.tasks += spans.len() as u64;
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            outcome.violations.push(format!("{} had two containers at once: {spans:?}", one.name));
        }
    }
}
