//! Following: a task while it is watched, and what it came to.

use tokio::sync::watch::Receiver;

use crate::database_name::short_list;
use crate::migration_report::Reports;
use crate::plan::{Pack, Told};
use crate::ports::Task;
use crate::recorder::Tail;
use crate::steps::task::log::files::{file_name, pack_file_name};
use crate::steps::task::log::reading::Source;
use crate::steps::task::watch::Sight;
use crate::verdict::{Death, Verdict};

/// What is known of a task while it is followed.
pub struct Following<'a> {
    /// Those that it is followed for; it may have been told others as well.
    pub databases: Vec<String>,
    pub told: Told,
    /// Where the end of its log is kept.
    pub tail: Tail,
    /// Called once, when the task has stopped and its log is still to be read.
    pub when_stopped: Option<&'a dyn Fn(&Task)>,
    pub task: Task,
    pub sight: Receiver<Sight>,
    /// None when the log is not in CloudWatch Logs, or may not be read.
    pub log: Option<Source>,
    pub log_errors: u32,
    pub reports: Reports,
    /// It is somebody else's: it is not ours to stop.
    pub leave: bool,
    /// It had begun before this process took note of it.
    pub taken_over: bool,
}

/// What a pack came to.
pub struct Outcome {
    /// For each database, in the pack's order.
    pub verdicts: Vec<Verdict>,
    /// How its task died, when databases are left that may be run again.
    pub death: Option<Death>,
}

impl Outcome {
    /// The same verdict for each database.
    pub fn all(pack: &Pack, verdict: Verdict) -> Self {
        Self { verdicts: vec![verdict; pack.databases.len()], death: None }
    }
}

/// A task, and whose it is.
pub struct Followed {
    pub task: Task,
    pub told: Told,
    pub leave: bool,
    pub taken_over: bool,
}

impl Followed {
    /// One that this process has started.
    pub fn new(task: Task, told: Told) -> Self {
        Self { task, told, leave: false, taken_over: false }
    }

    /// One that an earlier process of the run has started.
    pub fn ours(task: Task, told: Told) -> Self {
        Self { task, told, leave: false, taken_over: true }
    }

    pub fn of_others(task: Task, told: Told) -> Self {
        Self { task, told, leave: true, taken_over: true }
    }
}

impl Following<'_> {
    /// Whether its log has shown all migration reports that are to be expected.
    pub fn has_reported(&self) -> bool {
        match &self.told {
            Told::One(_) => !self.reports.is_empty(),
            Told::Pack(list) => list.iter().all(|database| self.reports.of(database).is_some()),
        }
    }

    /// Takes note of a log line; answers the database that a pack's task reports on with it.
    pub fn reported(&mut self, line: &str) -> Option<String> {
        let known = self.reports.all().len();
        self.reports.line(line);
        let new = self.reports.all().get(known).filter(|_| matches!(self.told, Told::Pack(_)));
        new.map(|report| report.database.clone())
    }

    pub fn is_ours(&self) -> bool {
        !self.leave
    }

    /// What its log lines are shown with.
    pub fn name(&self) -> String {
        short_list(&self.databases)
    }

    /// The file that its log is written to.
    pub fn log_file(&self) -> String {
        match &self.told {
            Told::One(database) => file_name(database),
            Told::Pack(list) => pack_file_name(list, self.task.id()),
        }
    }

    /// The same verdict for each database.
    pub fn all(&self, verdict: Verdict) -> Vec<Verdict> {
        vec![verdict; self.databases.len()]
    }
}
