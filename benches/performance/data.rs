//! What was found, as it is committed in docs/performance/. Times are in seconds.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where and when something was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Circumstances {
    pub command: String,
    /// UTC.
    pub date: String,
    pub commit: String,
    /// Tracked files differ from the commit.
    pub changed: bool,
    pub cores: usize,
    pub processor: String,
    pub memory_gib: f64,
    pub system: String,
    /// Load average of the last minute, before and after.
    pub load: [f64; 2],
    pub seconds: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured<T> {
    pub circumstances: Circumstances,
    pub found: T,
}

/// Several rounds of one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    /// # Panics
    /// Never: none is 0.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        match sorted.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => sorted[half],
            _ => f64::midpoint(sorted[half - 1], sorted[half]),
        }
    }

    pub fn range(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        (least, self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (least, most) = self.range();
        let to = if least < 0.0 { " to " } else { "–" };
        write!(f, "{:.digits$} ({least:.digits$}{to}{most:.digits$})", self.median())
    }
}

/// One database, by us and by benches/baseline.sh, on the same sandbox at Fargate's own pace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    pub aws_cli: String,
    /// Sandboxes at the same time, each with one program after the other.
    pub at_a_time: usize,
    /// `--log-drain`.
    pub log_drain: f64,
    pub cases: Vec<Case>,
    pub in_a_row: InARow,
    /// None without MiniStack or a Docker Engine.
    pub ministack: Option<MiniStack>,
}

/// The name of the case in which the container prints no migration report.
pub const WITHOUT_REPORT: &str = "30 s task without a report";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub ours: Vec<Run>,
    /// Round by round on the same sandbox as ours; none where it would do as in another case.
    pub baseline: Vec<Run>,
}

impl Case {
    /// By how much less overhead ours ended before the baseline, round by round.
    pub fn before_baseline(&self) -> Rounds {
        let pairs = self.ours.iter().zip(&self.baseline);
        Rounds(pairs.map(|(ours, baseline)| baseline.overhead() - ours.overhead()).collect())
    }
}

/// One run to its end with exit code 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Start of the program to its end.
    pub wall: f64,
    /// Of the task: createdAt to its container's exit, executionStoppedAt.
    pub task: f64,
    /// The container's exit to the program's end.
    pub exit_to_end: f64,
    /// From when DescribeTasks shows the exit to the program's end.
    pub shown_to_end: f64,
    /// The program's end to stoppedAt; negative when it ended after that.
    pub end_to_stopped: f64,
    pub calls: BTreeMap<String, u64>,
}

impl Run {
    pub fn overhead(&self) -> f64 {
        self.wall - self.task
    }

    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// Databases one after the other, on a simulated clock at Fargate's pace; rounds with other lengths of phases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InARow {
    pub databases: usize,
    pub makespan: Rounds,
    /// The sum of what each task still had to go until it was STOPPED when the next one was created, or the run ended.
    pub saved: Rounds,
}

/// A task of some seconds on MiniStack: whole programs, from start to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MiniStack {
    pub version: String,
    /// Of the container's work.
    pub seconds: u64,
    pub with_report: Rounds,
    pub without_report: Rounds,
    pub baseline: Rounds,
}

pub fn rounds(runs: &[Run], of: impl Fn(&Run) -> f64) -> Rounds {
    Rounds(runs.iter().map(of).collect())
}

/// Fleets on a simulated AWS, one task per database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fleet {
    pub sizes: Vec<Size>,
}

/// One run over so many databases. Times but the last two are AWS's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Size {
    pub databases: usize,
    pub makespan: f64,
    /// What a launcher that knew everything would take for these tasks, to the exit of the last container.
    pub floor: f64,
    pub tasks: usize,
    pub calls: u64,
    pub run_tasks: u64,
    pub throttled: u64,
    /// RunTask's failures[].
    pub refused: u64,
    /// Of the process, which is also the simulated AWS.
    pub peak_mib: f64,
    pub cpu_seconds: f64,
    pub real_seconds: f64,
}

impl Size {
    pub fn over_floor(&self) -> f64 {
        self.makespan / self.floor
    }

    pub fn calls_per_database(&self) -> f64 {
        self.calls as f64 / self.databases as f64
    }

    pub fn beyond_run_task(&self) -> f64 {
        self.calls.saturating_sub(self.run_tasks) as f64 / self.databases as f64
    }
}

/// Lines from CloudWatch Logs into files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Logs {
    pub paths: Vec<LogPath>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogPath {
    pub name: String,
    pub lines: usize,
    /// Of the program alone, without what a run without lines costs.
    pub client_cpu_seconds: f64,
    pub peak_mib: f64,
    /// Of the whole run, with the sandbox on the same machine, and waiting included.
    pub wall: f64,
    /// Calls that read them.
    pub reads: u64,
}

impl LogPath {
    pub fn lines_per_second(&self) -> f64 {
        self.lines as f64 / self.client_cpu_seconds
    }

    pub fn cpu_per_million(&self) -> f64 {
        self.client_cpu_seconds * 1e6 / self.lines as f64
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartUp {
    pub binary_bytes: u64,
    /// `--plan` with the task definition in a file.
    pub plan: Rounds,
    pub peak_mib: f64,
    /// `aws --version` in the same rounds, where there is one.
    pub aws_version: Option<Rounds>,
}

/// Build and push of one executable, changed by a byte.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// The engine's version.
    pub docker: String,
    pub app_bytes: u64,
    pub binary: Rounds,
    pub dockerfile: Rounds,
}

/// Services rolled onto an image, on a simulated AWS at Fargate's pace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deploys {
    pub sizes: Vec<Rollouts>,
}

/// Deploys of so many services of two tasks. Seconds of AWS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollouts {
    pub services: usize,
    /// With an image that starts; as many again with one that does not.
    pub rounds: usize,
    /// Of the run.
    pub length: Rounds,
    /// From `finishedAt` of each service deployment to its SUCCESSFUL being seen, and to "deployed".
    pub finished_to_seen: Rounds,
    pub finished_to_verdict: Rounds,
    /// From the moment that ROLLBACK_IN_PROGRESS shows to "rolled back".
    pub rollback_to_verdict: Rounds,
    /// Median of a run.
    pub calls: BTreeMap<String, f64>,
    /// The largest part of each API bucket's rate that a run has used over its length.
    pub shares: BTreeMap<String, f64>,
}

impl Rollouts {
    pub fn largest_share(&self) -> f64 {
        self.shares.values().copied().fold(0.0, f64::max)
    }
}

/// Nothing is pending, and a task has many databases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packed {
    pub packed: Vec<Size>,
    /// The same with one task each.
    pub single: Vec<Size>,
    pub real: Real,
}

/// Packs, with the shop and PostgreSQL, in real time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Real {
    pub databases: usize,
    pub server: String,
    pub megabytes_per_database: f64,
    pub makespan: f64,
    pub tasks: usize,
    pub calls: u64,
    pub throttled: u64,
    /// Start of a container to its end.
    pub longest_container: f64,
    /// Of the program alone.
    pub peak_mib: f64,
    pub cpu_seconds: f64,
}

impl Real {
    pub fn calls_each(&self) -> f64 {
        self.calls as f64 / self.databases as f64
    }
}

/// What the witness costs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Witness {
    pub server: String,
    /// Of the executable.
    pub bytes: u64,
    /// A command that does nothing.
    pub alone: Rounds,
    /// The same with the witness in front.
    pub in_front: Rounds,
    /// A migration of an image.
    pub without: Rounds,
    /// The same with a layer that is new.
    pub with: Rounds,
}

impl Witness {
    /// Seconds that it adds to a command.
    pub fn overhead(&self) -> f64 {
        self.in_front.median() - self.alone.median()
    }

    /// Seconds that adding it to an image takes.
    pub fn layer(&self) -> f64 {
        self.with.median() - self.without.median()
    }
}

/// What the shop says of a database's schema, on a connection that is new each time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Schema {
    pub server: String,
    pub tables: i64,
    /// Lines of the listing.
    pub objects: usize,
    pub listing: Rounds,
}

/// All that was measured and kept.
#[derive(Default)]
pub struct Everything {
    pub one: Option<Measured<One>>,
    pub fleet: Option<Measured<Fleet>>,
    pub deploy: Option<Measured<Deploys>>,
    pub packed: Option<Measured<Packed>>,
    pub check: Option<Measured<Real>>,
    pub logs: Option<Measured<Logs>>,
    pub start_up: Option<Measured<StartUp>>,
    pub image: Option<Measured<Image>>,
    pub schema: Option<Measured<Schema>>,
    pub witness: Option<Measured<Witness>>,
}

impl Everything {
    /// # Errors
    /// A file is there and is not what it should be.
    pub fn read(checkout: &Path) -> Result<Self> {
        let at = checkout.join("docs/performance");
        Ok(Self {
            one: read(&at.join("one.json"))?,
            fleet: read(&at.join("fleet.json"))?,
            deploy: read(&at.join("deploy.json"))?,
            packed: read(&at.join("packed.json"))?,
            check: read(&at.join("check.json"))?,
            logs: read(&at.join("logs.json"))?,
            start_up: read(&at.join("start-up.json"))?,
            image: read(&at.join("image.json"))?,
            schema: read(&at.join("schema.json"))?,
            witness: read(&at.join("witness.json"))?,
        })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Measured<T>>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).map(Some).with_context(|| format!("read the figures in {}", path.display()))
}
