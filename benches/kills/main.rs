//! `cargo bench -- kills`: the real program, killed and resumed for as long as it is told, with a real PostgreSQL, behind
//! a network that loses answers. SQL says whether what it claims is so.
//!
//! A program of its own, since it says other things than a measurement. With another first argument it has nothing to do.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use sandbox::postgres::{self, Postgres};
use sandbox::{Options, Pace, Sandbox, seed};
use serde::Serialize;

use crate::network::Losses;
use crate::round::{Account, Outcome};

/// What is between the program and AWS.
mod network;
/// The programs that take part.
#[expect(dead_code, reason = "the measurements need more of it")]
#[path = "../performance/programs.rs"]
mod programs;
/// A fleet, and its runs.
mod round;

/// How many seconds of Fargate pass in one.
const PACE: f64 = 20.0;

/// The shop's migrations take less.
const SETTLED: Duration = Duration::from_secs(60);

#[derive(Parser)]
#[command(name = "cargo bench -- kills", about = "Kills and resumes the real program with a real PostgreSQL")]
struct Arguments {
    #[arg(hide = true)]
    what: String,
    /// Fleets
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rounds: u64,
    /// End after this many minutes, whatever --rounds says
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// The seed of the first fleet
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// Fleets at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    at_a_time: usize,
    /// Write the figures into this directory, as kills.json
    #[arg(long, value_name = "DIRECTORY")]
    json: Option<PathBuf>,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The figures of all rounds.
#[derive(Debug, Default, Serialize)]
struct Sum {
    rounds: u64,
    runs: u64,
    interrupted: u64,
    without_result: u64,
    killed: u64,
    databases: u64,
    tasks: usize,
    verdicts: BTreeMap<String, u64>,
    network: Losses,
    violations: Vec<String>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.rounds += 1;
        self.runs += outcome.runs;
        self.interrupted += outcome.interrupted;
        self.without_result += outcome.without_result;
        self.killed += outcome.killed;
        self.databases += outcome.databases;
        for (verdict, count) in outcome.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        self.network.requests += outcome.losses.requests;
        self.network.lost_requests += outcome.losses.lost_requests;
        self.network.lost_answers += outcome.losses.lost_answers;
        self.network.half_answers += outcome.losses.half_answers;
        self.network.slow += outcome.losses.slow;
        self.violations.extend(outcome.violations.into_iter().map(|what| format!("round {seed}: {what}")));
    }
}

fn main() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() != Some("kills") {
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let sum = runtime.block_on(all(&arguments))?;
    let text = serde_json::to_string_pretty(&sum).context("write figures as JSON")? + "\n";
    println!("{text}");
    if let Some(directory) = &arguments.json {
        let path = directory.join("kills.json");
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(if sum.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn all(arguments: &Arguments) -> Result<Sum> {
    let account = Arc::new(account().await?);
    let until = arguments.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let mut sum = Sum::default();
    let mut seeds = arguments.first..arguments.first + arguments.rounds;
    let mut lanes = tokio::task::JoinSet::new();
    loop {
        let is_time = until.is_none_or(|until| Instant::now() < until);
        if lanes.len() < arguments.at_a_time
            && is_time
            && let Some(seed) = seeds.next()
        {
            let account = account.clone();
            lanes.spawn(async move { (seed, round::round(&account, seed).await) });
            continue;
        }
        let Some(ended) = lanes.join_next().await else { break };
        let (seed, outcome) = ended.context("a round panicked")?;
        let outcome = outcome.with_context(|| format!("round {seed}"))?;
        for what in &outcome.violations {
            println!("round {seed}: {what}");
        }
        sum.add(seed, outcome);
        if sum.rounds.is_multiple_of(50) {
            println!(
                "{} rounds, {} runs were killed, violations: {}",
                sum.rounds,
                sum.killed,
                sum.violations.len()
            );
        }
    }
    // A run may end while it does not know whether its task runs, and says so.
    let running = || account.sandbox.tasks().iter().filter(|task| task["lastStatus"] != "STOPPED").count();
    let until = Instant::now() + SETTLED;
    while running() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if running() > 0 {
        sum.violations.push(format!("{} tasks run {SETTLED:?} after all rounds", running()));
    }
    let tasks = account.sandbox.tasks();
    sum.tasks = tasks.len();
    sum.violations.extend(round::overlaps(&tasks));
    // Nothing was migrated that nobody had asked for.
    for database in [account.postgres.default_database()].into_iter().chain(seed::DATABASES) {
        let tables = account.postgres.count_tables(database).await?;
        if tables > 0 {
            sum.violations.push(format!("{database} has {tables} tables, and no round has asked for it"));
        }
    }
    if let Some(account) = Arc::into_inner(account) {
        account.sandbox.stop().await;
        account.postgres.stop();
    }
    Ok(sum)
}

/// The seed's account with a real server, and the shop's image in its repository.
async fn account() -> Result<Account> {
    let app = programs::app()?;
    let own_server = postgres::Options { url: None, ..Default::default() };
    let postgres = Postgres::find_or_start(&own_server).await?;
    let options = Options {
        pace: Pace::Realistic { scale: PACE },
        keep_calls: false,
        settles: Duration::from_millis(300),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await?;
    seed::seed(&sandbox, &postgres).await?;
    let home = tempfile::tempdir().context("make a directory")?;
    let mut build = programs::fargate_migrate(home.path(), sandbox.environment());
    build
        .args(["build", "--repository", seed::REPOSITORY, "--tag", "v1", "--format=json", "--binary"])
        .arg(&app);
    let built = build.output().await.context("run fargate-migrate build")?;
    programs::ended_well(&built).context("build the image")?;
    let built: serde_json::Value = serde_json::from_slice(&built.stdout).context("read what build says")?;
    let image = built["image"]["reference"].as_str().context("the image's reference")?.to_owned();
    let address = sandbox.endpoint().trim_start_matches("http://").parse().context("parse the address")?;
    let files =
        std::fs::read_dir(Path::new(programs::CHECKOUT).join("app/migrations")).context("list migrations")?;
    let files = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let migrations = files.filter(|name| name.ends_with(".sql")).count() as i64;
    Ok(Account { sandbox, postgres, address, image, migrations })
}
