//! A simulated account with a fleet of databases, and runs of the real pipeline on it.
//!
//! Everything happens in one process and on one thread, on tokio's paused clock: the sandbox answers the SDK without a
//! socket, so the clock moves on whenever nothing else is to be done. A run can be dropped at any instant, as SIGKILL
//! would end it; its tasks go on, and another run can find them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use fargate_migrate::adapters::Aws;
use fargate_migrate::cli::{self, Command};
use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::operations::migrate::Migrate;
use fargate_migrate::operations::{Surroundings, done};
use fargate_migrate::progress::{Mode, Progress, Stream, Vocabulary};
use fargate_migrate::report::Report;
use fargate_migrate::settings::{RunIdentity, Settings};
use futures::FutureExt as _;
use sandbox::{Figures, Options, Pace, Quotas, Sandbox, StandIn, seed};
use tempfile::TempDir;
use tokio::time::Instant;

/// A task, from its creation to its end.
// By its path: the benchmarks load this file by one as well.
#[path = "life.rs"]
mod life;

pub use life::Life;

/// The stand-in needs no image; nothing is pulled.
pub const IMAGE: &str =
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// How an account is to be.
#[derive(Clone)]
pub struct Shape {
    /// `tenant_00000` and so on.
    pub databases: usize,
    /// Everything that is left to chance repeats with it.
    pub seed: u64,
    pub pace: Pace,
    pub quotas: Quotas,
    /// Four tasks of 0.25 run on one.
    pub vcpus: f64,
    /// The part of every API bucket that others use up.
    pub neighbour: f64,
    /// How long ECS's stores take to agree on a new task.
    pub settles: Duration,
    /// What runs in the tasks.
    pub image: StandIn,
}

impl Default for Shape {
    /// A new account at Fargate's pace; every migration takes 5 to 65 s and ends well.
    fn default() -> Self {
        Self {
            databases: 100,
            seed: 1,
            pace: Pace::Realistic { scale: 1.0 },
            quotas: Quotas::Documented,
            vcpus: sandbox::quotas::VCPUS,
            neighbour: 0.0,
            settles: Duration::ZERO,
            image: StandIn::rehearsal(),
        }
    }
}

pub struct World {
    pub sandbox: Sandbox,
    pub databases: Vec<String>,
    pub shape: Shape,
    began: Instant,
    /// Logs, which end with the world.
    directory: TempDir,
}

/// A finished run.
pub struct Ran {
    pub report: Report,
    /// From its start to its end.
    pub took: Duration,
}

impl Ran {
    /// How many databases have each verdict.
    pub fn verdicts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.report.databases {
            let word = row.verdict.as_ref().map_or("none".to_owned(), |verdict| verdict.word().to_string());
            *counts.entry(word).or_default() += 1;
        }
        counts
    }

    pub fn migrated(&self) -> usize {
        let rows = self.report.databases.iter();
        rows.filter(|row| row.verdict.as_ref().is_some_and(|verdict| verdict.is_migrated())).count()
    }
}

/// Runs a simulation to its end, on a thread of its own with a clock of its own.
///
/// # Panics
/// When the simulation does.
pub fn simulate<T>(seed: u64, simulation: impl AsyncFnOnce() -> T) -> T {
    // The SDK rolls its back-off with this thread's dice.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(simulation())
}

impl World {
    /// Inside [`simulate`].
    pub fn new(shape: Shape) -> Self {
        let sandbox = Sandbox::in_process(Options {
            pace: shape.pace,
            seed: shape.seed,
            quotas: shape.quotas,
            vcpus: shape.vcpus,
            settles: shape.settles,
            keep_calls: false,
            record: None,
            ..Options::default()
        });
        let sandbox = sandbox.expect("start the sandbox");
        sandbox.set_neighbour(shape.neighbour);
        seed::account(&sandbox).expect("create the seed's account");
        let image = shape.image.clone();
        sandbox.set_program(seed::TASK_FAMILY, move |context| image.script(context));
        let databases = (0..shape.databases).map(|n| format!("tenant_{n:05}")).collect();
        let directory = TempDir::new().expect("a directory");
        Self { sandbox, databases, shape, began: Instant::now(), directory }
    }

    /// `fargate-migrate migrate` over all databases, with `more` flags, to its end.
    pub async fn migrate(&self, more: &[&str]) -> Ran {
        self.migrate_as("fleet", more).await
    }

    /// Another run of the same job is `of` the same name; a run of another one is told apart by it.
    pub async fn migrate_as(&self, of: &str, more: &[&str]) -> Ran {
        self.migrate_these(of, &self.databases, more).await
    }

    /// A run over these databases.
    pub async fn migrate_these(&self, of: &str, databases: &[String], more: &[&str]) -> Ran {
        let began = Instant::now();
        let settings = self.settings(of, databases, more);
        let progress = Progress::new(Mode::Silent, Stream::Stdout, Vocabulary::Plain);
        let (_keep, interrupt) = Interrupt::by_hand();
        let config = self.sandbox.sdk_config();
        let (timeout, share) = (*settings.common.aws.call_timeout, *settings.fleet.api_share);
        let connect = async move { Ok(Aws::from_config(config, timeout, share)) };
        let surroundings = Surroundings { progress: &progress, interrupt: &interrupt, github: None };
        let report = done(&Migrate::of(settings), connect, &surroundings).boxed_local().await;
        Ran { report, took: began.elapsed() }
    }

    /// A run that is killed after `lives`, unless it has ended by then.
    pub async fn killed_after(&self, lives: Duration, of: &str, more: &[&str]) -> Option<Ran> {
        tokio::time::timeout(lives, self.migrate_as(of, more)).await.ok()
    }

    /// A run that is killed as soon as `is_time` after any step of it, however small.
    pub async fn killed_when(&self, is_time: impl Fn() -> bool, of: &str, more: &[&str]) -> Option<Ran> {
        let mut run = std::pin::pin!(self.migrate_as(of, more));
        std::future::poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(ran) => Poll::Ready(Some(ran)),
            Poll::Pending if is_time() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    fn settings(&self, of: &str, databases: &[String], more: &[&str]) -> Settings {
        let databases = format!("--database={}", databases.join(","));
        let logs = format!("--log-dir={}", self.directory.path().join("logs").display());
        let own = [databases.as_str(), logs.as_str()];
        let given = more.iter().any(|flag| flag.starts_with("--image="));
        let image = format!("--image={IMAGE}");
        let image = (!given).then_some(image.as_str());
        let base = ["fargate-migrate"].iter().chain(&seed::MIGRATE).chain(&own);
        let arguments = base.chain(&image).chain(more).map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nonexistent")).expect("flags");
        let Command::Migrate(flags) = cli.command else { panic!("migrate is the command") };
        Settings::new(flags, None, RunIdentity::of_github(of, "1", "migrate", None)).expect("settings")
    }

    pub fn figures(&self) -> Figures {
        self.sandbox.figures()
    }

    /// Since the world began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tasks that run at the same time, when all of them are as small as the seed's.
    pub fn slots(&self) -> usize {
        (self.shape.vcpus * 4.0) as usize
    }

    /// Lets the clock run on until every task so far is STOPPED: a run ends before.
    pub async fn all_stopped(&self) {
        while self.lives().iter().any(|life| life.stopped.is_none()) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Every task so far.
    pub fn lives(&self) -> Vec<Life> {
        self.sandbox.tasks().iter().map(Life::of).collect()
    }

    /// Databases that a second task was started for before the first one's work had ended.
    pub fn tasked_twice_at_once(&self) -> Vec<String> {
        self.overlapping(|life| Some(life.created))
    }

    /// Databases that two containers worked on at the same time: there must never be one.
    pub fn migrated_twice_at_once(&self) -> Vec<String> {
        self.overlapping(|life| life.started)
    }

    /// Databases with two tasks at once of which one run has started both, or of which the second was started so long
    /// after the first one that its run must have known: ListTasks shows a task that is not stopping yet.
    pub fn tasked_twice_knowingly(&self, unseen_for: Duration) -> Vec<String> {
        let lives = self.lives();
        let pairs = lives.iter().flat_map(|first| lives.iter().map(move |second| (first, second)));
        let twice = pairs.filter(|(first, second)| {
            let after = second.created - first.created;
            let is_known = match first.started_by == second.started_by {
                true => second.created < first.end(),
                false => {
                    after > unseen_for.as_secs_f64() && first.stopping.is_none_or(|at| second.created < at)
                }
            };
            after >= 0.0 && is_known && !std::ptr::eq(*first, *second)
        });
        let of_both = |(first, second): (&Life, &Life)| {
            let of_both = first.databases.iter().filter(|name| second.databases.contains(name));
            let and_when = |name: &String| {
                format!(
                    "{name}: {} {}, {} {}",
                    first.started_by, first.created, second.started_by, second.created
                )
            };
            of_both.map(and_when).collect::<Vec<_>>()
        };
        twice.flat_map(of_both).collect()
    }

    fn overlapping(&self, from: impl Fn(&Life) -> Option<f64>) -> Vec<String> {
        let mut by_database: HashMap<String, Vec<(f64, f64)>> = HashMap::new();
        for life in self.lives() {
            let Some(started) = from(&life) else { continue };
            let ended = life.end();
            for database in life.databases {
                by_database.entry(database).or_default().push((started, ended));
            }
        }
        let twice = by_database.into_iter().filter_map(|(database, mut spans)| {
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            spans.windows(2).any(|pair| pair[1].0 < pair[0].1).then_some(database)
        });
        twice.collect()
    }
}
