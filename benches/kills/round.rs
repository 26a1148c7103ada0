//! A fleet that is migrated by runs of which most are killed, and what SQL says about it afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::postgres::Postgres;
use sandbox::{Sandbox, seed};
use serde_json::Value;

use crate::network::{Losses, Network, Weather};
use crate::programs;

/// A run that nothing disturbs takes seconds; the retries of a bad network take a minute.
const LONGEST: Duration = Duration::from_secs(300);

/// What rounds share.
pub struct Account {
    pub sandbox: Sandbox,
    pub postgres: Postgres,
    pub address: SocketAddr,
    /// `REPOSITORY@sha256:…`
    pub image: String,
    /// How many migrations the shop has.
    pub migrations: i64,
}

/// What has become of a round.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Those that came to their end.
    pub runs: u64,
    /// Of these: by SIGINT.
    pub interrupted: u64,
    /// Of these: they ended before they had a verdict to say.
    pub without_result: u64,
    pub killed: u64,
    pub databases: u64,
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
    let weather = Weather::drawn(dice);
    let network = Network::before(account.address, weather, dice.u64(..)).await?;
    let mut outcome = Outcome { databases: databases.len() as u64, ..Outcome::default() };
    let state = home.path().join("state.jsonl");
    let mut flags = vec![
        format!("--max-parallel={}", dice.u8(1..=4)),
        format!("--databases-per-task={}", if dice.bool() { "1" } else { "auto" }),
        "--keep-going".into(),
        "--log-drain=1s".into(),
        format!("--state={}", state.display()),
    ];
    flags.extend(databases.iter().map(|one| format!("--database={}", one.name)));

    let kills = dice.u8(0..=3);
    let mut was_interrupted = false;
    for number in 0..=kills {
        let resume = (number > 0 && state.exists()).then(|| "--resume".to_owned());
        let end = (number < kills).then(|| {
            let signal = if dice.u8(0..5) == 0 { Signal::SIGINT } else { Signal::SIGKILL };
            (signal, Duration::from_millis(dice.u64(50..6_000)))
        });
        let began = account.sandbox.now();
        let run = run(account, &network, home.path(), flags.iter().chain(&resume), end).await?;
        was_interrupted |= run.sent == Some(Signal::SIGINT);
        match run.status.code() {
            Some(code) => {
                outcome.runs += 1;
                outcome.interrupted += u64::from(run.sent == Some(Signal::SIGINT));
                let is_undisturbed = number == kills && weather.is_good() && !was_interrupted;
                let day = Day { began, was_interrupted, is_undisturbed };
                judge(account, databases, &run, code, &day, &mut outcome).await?;
            }
            None if run.sent == Some(Signal::SIGKILL)
                && run.status.signal() == Some(Signal::SIGKILL as i32) =>
            {
                outcome.killed += 1;
            }
            None => outcome.violations.push(format!("a run died: {}\n{}", run.status, run.said)),
        }
    }
    outcome.losses = network.losses();
    Ok(outcome)
}

/// What may excuse a verdict.
struct Day {
    /// On the sandbox's clock, in milliseconds.
    began: i64,
    /// A run of this fleet has stopped its tasks, which then report that they failed.
    was_interrupted: bool,
    /// Nothing keeps this run from migrating every database that exists.
    is_undisturbed: bool,
}

/// A run that is over.
struct Over {
    status: ExitStatus,
    result: Option<Value>,
    said: String,
    /// The signal that was sent to it.
    sent: Option<Signal>,
}

async fn run(
    account: &Account,
    network: &Network,
    home: &Path,
    flags: impl Iterator<Item = &String>,
    end: Option<(Signal, Duration)>,
) -> Result<Over> {
    let mut child = programs::fargate_migrate(home, account.sandbox.environment());
    child.args(seed::MIGRATE).args(["--image", &account.image, "--format=json"]).args(flags);
    child.env("AWS_ENDPOINT_URL", format!("http://{}", network.address));
    let child = child.spawn().context("start fargate-migrate")?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw).context("a pid")?;
    let mut output = std::pin::pin!(child.wait_with_output());
    let mut sent = None;
    if let Some((signal, after)) = end {
        match tokio::time::timeout(after, &mut output).await {
            Ok(output) => return Ok(over(&output.context("wait for a run")?, sent)),
            Err(_) => {
                kill(pid, signal).context("signal a run")?;
                sent = Some(signal);
            }
        }
    }
    match tokio::time::timeout(LONGEST, &mut output).await {
        Ok(output) => Ok(over(&output.context("wait for a run")?, sent)),
        Err(_) => bail!("a run did not end within {LONGEST:?}"),
    }
}

fn over(output: &std::process::Output, sent: Option<Signal>) -> Over {
    Over {
        status: output.status,
        result: serde_json::from_slice(&output.stdout).ok(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        sent,
    }
}

/// Whether SQL finds all that the shop's migrations make.
async fn is_migrated(account: &Account, database: &str) -> Result<bool> {
    let client = account.postgres.connect(database).await?;
    let there = client
        .query_one("select to_regclass('refinery_schema_history') is not null", &[])
        .await
        .context("ask for the history")?;
    if !there.get::<_, bool>(0) {
        return Ok(false);
    }
    let count =
        client.query_one("select count(*) from refinery_schema_history", &[]).await.context("count")?;
    Ok(count.get::<_, i64>(0) == account.migrations)
}

async fn judge(
    account: &Account,
    databases: &[Database],
    run: &Over,
    code: i32,
    day: &Day,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut violate = |what: String| outcome.violations.push(what);
    let rows = run.result.as_ref().and_then(|result| result["databases"].as_array());
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
        outcome.without_result += 1;
        let is_interrupted = code == 130 && run.sent == Some(Signal::SIGINT);
        // Bad input does not come from a network, and a panic says that it is a bug.
        if day.is_undisturbed || !(code == 3 || is_interrupted) || run.said.contains("this is a bug") {
            violate(format!("exit code {code} without a result: {}", run.said));
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
        proved += usize::from(verdict == "migrated");
        let is_so = match verdict {
            "migrated" => one.is_there && is_migrated(account, &one.name).await?,
            "failed" => !one.is_there || day.was_interrupted,
            "never started" => !started(account, &one.name, day.began),
            _ => true,
        };
        if !is_so || (day.is_undisturbed && one.is_there && verdict != "migrated") {
            violate(format!("{} is {verdict}, and that is not so: {row}", one.name));
        }
    }
    if (code == 0) != (proved == databases.len()) {
        violate(format!("exit code {code} with {proved} of {} databases proved", databases.len()));
    }
    Ok(())
}

/// Whether a container was told the database since then; on the sandbox's clock, in milliseconds.
fn started(account: &Account, database: &str, since: i64) -> bool {
    let tasks = account.sandbox.tasks();
    let mut tasks = tasks.iter().filter(|task| told(task).iter().any(|name| name == database));
    tasks.any(|task| task["startedAt"].as_f64().is_some_and(|at| at * 1000.0 >= since as f64))
}

/// The databases that a task was told.
fn told(task: &Value) -> Vec<String> {
    let variables = task["overrides"]["containerOverrides"][0]["environment"].as_array();
    let names = variables.into_iter().flatten().flat_map(|one| {
        let value = one["value"].as_str().unwrap_or_default();
        match one["name"].as_str() {
            Some("DATABASE_NAME") if !value.is_empty() => vec![value.to_owned()],
            Some("DATABASE_NAMES") => serde_json::from_str(value).unwrap_or_default(),
            _ => Vec::new(),
        }
    });
    names.collect()
}

/// Databases that had two containers at once, when all tasks have ended.
pub fn overlaps(tasks: &[Value]) -> Vec<String> {
    let mut spans: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for task in tasks {
        let Some(began) = task["startedAt"].as_f64() else { continue };
        let ended = task["executionStoppedAt"].as_f64().unwrap_or(f64::INFINITY);
        for name in told(task) {
            spans.entry(name).or_default().push((began, ended));
        }
    }
    let mut found = Vec::new();
    for (name, mut spans) in spans {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            found.push(format!("{name} had two containers at once: {spans:?}"));
        }
    }
    found
}
