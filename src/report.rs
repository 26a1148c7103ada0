//! What was done: data that every step adds to, and that the renderers below read.
//!
//! Rendering is a pure function of a [`Report`]. The texts in it come from outside (container logs, AWS messages,
//! names) and are raw here: each renderer makes them harmless for the place where they will stand.

use jiff::Timestamp;

use crate::database_name::{DatabaseName, is_fleet};
use crate::diagnosis::Diagnosis;
pub use crate::document::LogTail;
use crate::failure::Failure;
use crate::migration_report::MigrationReport;
use crate::plan::ImageSource;
use crate::settings::{Settings, TaskDefinitionSource};
use crate::verdict::{Drift, Verdict};

mod annotations;
pub mod back_report;
pub mod build_report;
pub mod check_report;
mod compare;
mod data;
mod document;
mod exit_code;
mod gantt;
mod next;
mod outputs;
pub mod run_report;
#[cfg(test)]
mod samples;
mod service_report;
mod services;
mod stages;
mod table;
mod words;

pub use annotations::{Annotation, annotations};
pub(crate) use data::OUTPUT_LIMIT;
pub use data::{result, write_result};
pub use outputs::{OUTPUTS, Outputs, outputs};
#[cfg(test)]
pub(crate) use samples::HOSTILE;
pub use service_report::{Cause, Moment, OfServices, ServiceContent, ServiceReport, Stage};

/// The run so far. It is whole at any time: a killed run leaves what it had.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub cluster: String,
    /// Absent when AWS was not asked.
    pub region: Option<String>,
    pub account: Option<String>,
    pub family: String,
    /// The migration container.
    pub container: String,
    /// The commit or tag that names the image.
    pub tag: Option<String>,
    pub image: Option<ImageUsed>,
    pub revision: Option<RevisionUsed>,
    /// Unified diff of the task definition; empty when nothing changes.
    pub diff: String,
    pub databases: Vec<DatabaseReport>,
    /// Those of the configuration file that have a database of this run, in their order; else empty.
    pub stages: Vec<StageReport>,
    /// Services that are deployed once all databases are migrated; empty where none is asked for.
    pub services: Vec<ServiceReport>,
    /// `--no-migration`: a person says that the databases are proved elsewhere.
    pub no_migration: bool,
    /// The logs of tasks that migrate packs, in the order in which they began.
    pub pack_logs: Vec<PackLog>,
    /// A state file has all of it: another run can go on from there.
    pub is_resumable: bool,
    /// Databases of the fleet that this run leaves out, and that no run has begun.
    pub never_ran: usize,
    /// What ended the run before its databases could be judged.
    pub error: Option<Failure>,
    /// Things said once, such as log reads that were denied.
    pub notes: Vec<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUsed {
    /// `repository@sha256:…`.
    pub reference: String,
    pub digest: Option<String>,
    pub source: ImageSource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionUsed {
    pub arn: String,
    /// False when the family's current revision was already what was wanted.
    pub registered: bool,
}

impl OfServices for Report {
    fn services(&mut self) -> &mut Vec<ServiceReport> {
        &mut self.services
    }
}

/// A stage of the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    pub name: String,
    /// Absent while it is under way, and where it never began.
    pub end: Option<StageEnd>,
    /// When the pause after it is over, while that lasts.
    pub pauses_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageEnd {
    Passed,
    /// No later stage has begun.
    Failed,
}

/// One database's row. `verdict` is absent while it is under way.
#[derive(Debug, Clone)]
pub struct DatabaseReport {
    pub database: DatabaseName,
    /// Which of [`Report::stages`] it is in.
    pub stage: Option<usize>,
    pub verdict: Option<Verdict>,
    pub task_arn: Option<String>,
    /// Tasks of this run that were killed before they reported on it, as ARNs.
    pub killed_tasks: Vec<String>,
    /// The commit or tag of the image that its task runs, and the image's digest.
    pub tag: Option<String>,
    pub image_digest: Option<String>,
    pub exit_code: Option<i32>,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub diagnosis: Option<Diagnosis>,
    /// By which names its container may have been told another database, where that may be why it is not proved.
    pub told_elsewhere: Vec<String>,
    /// The last migration report that the task printed, whatever the verdict.
    pub migration_report: Option<MigrationReport>,
    /// How its schema differs from those of the others at its version: no verdict depends on it.
    pub drift: Option<Drift>,
    pub times: Times,
    /// Milliseconds from RunTask to the verdict, by this run's clock; where another process had started the task,
    /// those from its creation to its end. Databases that share a task have them in common.
    pub total_ms: Option<i64>,
    /// Its wait for capacity before it could start.
    pub waited: Option<Waited>,
    /// Empty where the database shares a task.
    pub log: LogTail,
    /// The log of the task that it shares, in [`Report::pack_logs`].
    pub pack_log: Option<usize>,
    /// The file that its log was written to, in the run's directory of logs.
    pub log_file: Option<String>,
    /// Links into the AWS console.
    pub task_url: Option<String>,
    /// The run of GitHub Actions whose task migrates the database now, where this run started none.
    pub other_run_url: Option<String>,
    pub log_url: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// The log of a task that migrates several databases: kept once, and not for each of them.
#[derive(Debug, Clone, Default)]
pub struct PackLog {
    /// Those that this run asked for.
    pub databases: Vec<DatabaseName>,
    pub log: LogTail,
}

/// A database that went back to the queue because Fargate had no room.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Waited {
    /// What RunTask said last.
    pub reason: String,
    /// From the first refusal on.
    pub ms: i64,
}

/// When what happened to the task, by ECS's clock; absent where ECS says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    pub created: Option<Timestamp>,
    pub pull_started: Option<Timestamp>,
    pub pull_stopped: Option<Timestamp>,
    pub started: Option<Timestamp>,
    /// executionStoppedAt; of a task that never ran, stoppedAt.
    pub ended: Option<Timestamp>,
}

impl Times {
    /// Returns the milliseconds in the queue, of the pull and of the run; `None` where ECS gave no times.
    pub fn stages_ms(&self) -> [Option<i64>; 3] {
        [
            ms_between(self.created, self.pull_started.or(self.started)),
            ms_between(self.pull_started, self.pull_stopped),
            ms_between(self.started, self.ended),
        ]
    }
}

/// Returns the milliseconds between two times; `None` where one is absent, or the second is before the first.
pub fn ms_between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<i64> {
    Some(to?.as_millisecond() - from?.as_millisecond()).filter(|ms| *ms >= 0)
}

impl DatabaseReport {
    pub fn new(database: &DatabaseName) -> Self {
        Self {
            database: database.clone(),
            stage: None,
            verdict: None,
            task_arn: None,
            killed_tasks: Vec::new(),
            tag: None,
            image_digest: None,
            exit_code: None,
            stop_code: None,
            stopped_reason: None,
            diagnosis: None,
            told_elsewhere: Vec::new(),
            migration_report: None,
            drift: None,
            times: Times::default(),
            total_ms: None,
            waited: None,
            log: LogTail::default(),
            pack_log: None,
            log_file: None,
            task_url: None,
            other_run_url: None,
            log_url: None,
            started_at: None,
            ended_at: None,
        }
    }
}

impl Report {
    /// Makes the report of a run that begins now. Every database has its row from the start, so that it has one
    /// whatever happens.
    pub fn new(settings: &Settings) -> Self {
        let mut rows: Vec<_> = settings.databases.iter().map(DatabaseReport::new).collect();
        if is_fleet(rows.len()) {
            rows.iter_mut().for_each(|row| row.log = LogTail::of_fleet());
        }
        Self {
            cluster: settings.cluster.clone(),
            region: settings.common.aws.region.clone(),
            family: match &settings.task_definition {
                TaskDefinitionSource::File(path) => path.display().to_string(),
                TaskDefinitionSource::Ecs(name) => name.clone(),
            },
            container: settings.container.clone().unwrap_or_default(),
            tag: settings.image.tag.clone(),
            databases: rows,
            started_at: Timestamp::now(),
            ..Self::default()
        }
    }

    /// Ends the run: what has no verdict was not run, and not deployed.
    pub fn end(&mut self, error: Option<Failure>) {
        let why = error.as_ref().map_or("the run ended before it", |error| error.message.as_str());
        for row in self.databases.iter_mut().filter(|row| row.verdict.is_none()) {
            row.verdict = Some(Verdict::NotRun { why: why.to_owned() });
        }
        services::end(&mut self.services, why);
        self.compare();
        self.error = error.or_else(|| self.error.take());
        self.ended_at = Some(Timestamp::now());
    }

    /// Returns the end of the log of the database's task, whether the database has the task alone or shares it.
    pub fn log_of<'a>(&'a self, row: &'a DatabaseReport) -> &'a LogTail {
        row.pack_log.and_then(|index| self.pack_logs.get(index)).map_or(&row.log, |pack| &pack.log)
    }

    /// Lists the names of the databases that are migrated, proved or not.
    pub fn migrated(&self) -> impl Iterator<Item = &str> {
        self.names(|verdict| verdict.is_migrated())
    }

    /// Lists the names of the databases that are migrated, and not proved.
    pub fn not_proved(&self) -> impl Iterator<Item = &str> {
        self.names(|verdict| verdict.is_migrated() && !verdict.is_proved())
    }

    /// Lists the names of the databases that are not migrated, with those that were not run.
    pub fn not_migrated(&self) -> impl Iterator<Item = &str> {
        self.names(|verdict| !verdict.is_migrated())
    }

    /// Tells whether an error ended the run before any database had a task, and any service a deployment.
    pub fn ended_before_all(&self) -> bool {
        self.ended_before_any_task() && services::judged(&self.services).started.is_none()
    }

    fn ended_before_any_task(&self) -> bool {
        let not_run = |row: &DatabaseReport| matches!(row.verdict, Some(Verdict::NotRun { .. }));
        self.error.is_some() && self.databases.iter().all(not_run)
    }

    fn names(&self, wanted: impl Fn(&Verdict) -> bool) -> impl Iterator<Item = &str> {
        self.databases
            .iter()
            .filter(move |row| row.verdict.as_ref().is_some_and(&wanted))
            .map(|row| row.database.as_str())
    }
}
