//! What the program concludes from the end of a task: the one place that may say "migrated".
//!
//! Pure: the task as ECS reports it, and the reports that its log held, go in. No exit code is ever assumed, and a
//! container other than the migration container never decides. ECS shows the exit of a container before the task is
//! STOPPED; where that alone decides ([`is_decided`]), nothing else is waited for.

mod check;
mod container_end;
mod drift;
mod judged;
mod killer;
mod pack;
mod proof;
pub mod service;
mod words;
#[cfg(test)]
mod tests;

use crate::database_name::DatabaseName;
use crate::ending::{Ending, LogEnd};
use crate::failure::ExitCode;
use crate::migration_report::Reports;
use crate::ports::{Container, Task};

pub use crate::choices::Proof;
pub use check::Checked;
pub(crate) use check::{has_unknown, judge_check};
pub(crate) use container_end::{ContainerEnd, container_end};
pub use drift::Drift;
pub(crate) use drift::{SchemaSeen, drifts};
use killer::{doubt, killer};

pub use judged::{GitHubProof, Judged, MIGRATED, NOT_PROVED};
pub use killer::Killer;
pub(crate) use pack::judge_pack;
pub use pack::{Death, death};
pub use proof::{AllMigrated, Migrated, NotAll};

/// ECS's stopCode of a task that one of its essential containers has ended.
const EXITED: &str = "EssentialContainerExited";

/// What is asked of a migration task, whatever it migrates.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The migration container.
    pub container: &'a str,
    /// The digest of the image that its revision names; absent when it names none.
    pub image_digest: Option<&'a str>,
    /// Its end ends the task.
    pub is_essential: bool,
    /// The other essential containers: when one of them ends, ECS stops the task.
    pub essential: &'a [String],
    /// What counts as a proof.
    pub proof: Proof,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it was asked for, and that is proved.
    Migrated(Migrated),
    /// The migration container ended by itself with another exit code than 0.
    Failed { exit_code: i32 },
    /// Its migration report itself says that it failed.
    Reported { why: String },
    /// The migration container never ran, so the task migrated nothing.
    NeverStarted { reason: String },
    /// Something ended the migration container from outside: how far it came is unknown.
    Killed { by: Killer, exit_code: Option<i32> },
    /// By the run: still running at `--timeout`. `stopped` says whether StopTask was accepted.
    TimedOut { stopped: bool },
    /// By the run: it was interrupted. `stopped` says whether StopTask was accepted.
    Cancelled { stopped: bool },
    /// The task itself says that it was connected to another database; where it was told a list, `times` says how
    /// often it reported that one in place of others.
    WrongDatabase { asked: DatabaseName, reported: String, times: Option<usize>, exit_code: Option<i32> },
    /// It may have worked, and nothing proves it.
    Unproved { why: String },
    /// It ended with exit code 0, and no migration report was seen, so nothing says which database it migrated: it
    /// printed none, or (`unread`) its log could not be read, and why.
    Unreported { unread: Option<String> },
    /// By the run: another task migrates this database now, so none was started.
    AlreadyRunning { task_arn: String, started_by: Option<String>, doubt: Option<String> },
    /// By the run: no task was started.
    NotRun { why: String },
}

/// Tells whether what has ended of the task is all that a verdict needs: the task itself, or the migration container
/// by itself, with an exit code that is its last. One that was killed is judged when the task is STOPPED: only then
/// does ECS say all that it knows of the cause.
pub(crate) fn is_decided(asked: &Asked<'_>, task: &Task) -> bool {
    if task.is_stopped() {
        return true;
    }
    let Some(own) = task.container(asked.container) else { return false };
    let Some(exit_code) = own.ended_with() else { return false };
    // Where two containers have ended, their exit codes tell which was the first.
    let is_told = |other: &Container| !other.is_stopped || other.exit_code.is_some();
    let mut others = task.containers.iter().filter(|other| asked.essential.contains(&other.name));
    let has_ended_the_task =
        asked.is_essential && task.stop_code.as_deref() == Some(EXITED) && others.all(is_told);
    (has_ended_the_task || task.outlived) && killer(task, own, task.end(), Some(exit_code)).is_none()
}

/// Judges a task that is decided and was told to migrate `database`. `reports` is all that was read of its log, and
/// `ending` says whether that is all that the log held.
pub(crate) fn judge(
    database: &DatabaseName,
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
    ending: &Ending,
) -> Verdict {
    let other = reports.all().iter().find(|report| report.database != **database);
    if let Some(other) = other.filter(|_| is_decided(asked, task)) {
        return Verdict::WrongDatabase {
            asked: database.clone(),
            reported: other.database.clone(),
            times: None,
            exit_code: task.container(asked.container).and_then(|own| own.exit_code),
        };
    }
    by_end(asked, task, reports, || proof_of(database, asked, task, reports, ending))
}

/// Judges by the task's end; `ended_well` judges exit code 0 of a container that nothing else has ended.
fn by_end(
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
    ended_well: impl FnOnce() -> Verdict,
) -> Verdict {
    match container_end(asked, task, !reports.is_empty()) {
        ContainerEnd::Exited(0) => ended_well(),
        ContainerEnd::Exited(exit_code) => Verdict::Failed { exit_code },
        ContainerEnd::Killed { by, exit_code } => Verdict::Killed { by, exit_code },
        ContainerEnd::NeverStarted { reason } => Verdict::NeverStarted { reason },
        ContainerEnd::Untold { why } => unproved(why),
    }
}

/// Judges exit code 0 of a container that, as far as its exit code tells, nothing but itself has ended.
fn proof_of(
    database: &DatabaseName,
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
    ending: &Ending,
) -> Verdict {
    if !task.outlived && task.end() != Some(EXITED) {
        let code = task.stop_code.as_deref().map_or("absent".into(), words::code);
        return unproved(format!(
            "exit code 0, but the task's stopCode is {code}, not EssentialContainerExited"
        ));
    }
    if let Some((count, fault)) = reports.malformed() {
        let fault = words::text(fault);
        return unproved(format!(
            "exit code 0, but {count} of its migration reports cannot be read: {fault}"
        ));
    }
    for report in reports.all() {
        if let Some(failed) = &report.failed {
            return unproved(format!("exit code 0, but it reports that migration {failed}"));
        }
        if let Some(error) = &report.error {
            return unproved(format!("exit code 0, but it reports: {}", words::text(error)));
        }
        if report.pending > 0 {
            let pending = report.pending;
            return unproved(format!("exit code 0, but it reports that {pending} migrations are pending"));
        }
    }
    let report = reports.of(database);
    match (report, &ending.log) {
        (_, LogEnd::Whole) | (None, LogEnd::Unread(_)) => {}
        (Some(_), LogEnd::BrokenOff(why) | LogEnd::Unread(why)) => {
            return unproved(format!(
                "exit code 0 and a migration report, but its log was not read to its end, where another one may stand: {}",
                words::text(why)
            ));
        }
        (None, LogEnd::BrokenOff(why)) => {
            return unproved(format!(
                "exit code 0, but its log was not read to its end, where a migration report may stand: {}",
                words::text(why)
            ));
        }
    }
    if report.is_none() {
        if let Some(doubt) = doubt(asked, task, &ending.order) {
            return doubt;
        }
        if asked.proof == Proof::Report {
            let unread = match &ending.log {
                LogEnd::Unread(why) => Some(why.clone()),
                LogEnd::Whole | LogEnd::BrokenOff(_) => None,
            };
            return Verdict::Unreported { unread };
        }
    }
    Verdict::Migrated(Migrated::by_task(database, task, asked.image_digest, report))
}

fn unproved(why: String) -> Verdict {
    Verdict::Unproved { why }
}

impl Verdict {
    /// Tells whether it is migrated, proved or not.
    pub fn is_migrated(&self) -> bool {
        matches!(self, Self::Migrated(_))
    }

    /// Tells whether a migration report proves that it is migrated.
    pub fn is_proved(&self) -> bool {
        matches!(self, Self::Migrated(migrated) if migrated.is_proved())
    }

    /// Tells whether a migration report of the database, or of one that the task should not know, decided.
    pub fn is_by_report(&self) -> bool {
        match self {
            Self::Migrated(migrated) => migrated.report().is_some(),
            Self::Reported { .. } | Self::WrongDatabase { .. } => true,
            _ => false,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Migrated(_) => ExitCode::Done,
            Self::Failed { .. }
            | Self::Reported { .. }
            | Self::Killed { .. }
            | Self::WrongDatabase { .. }
            | Self::Unproved { .. }
            | Self::Unreported { .. }
            | Self::AlreadyRunning { .. } => ExitCode::MigrationFailed,
            Self::NeverStarted { .. } | Self::NotRun { .. } => ExitCode::Service,
            Self::TimedOut { .. } => ExitCode::TimedOut,
            Self::Cancelled { .. } => ExitCode::Cancelled,
        }
    }
}

/// Returns how the whole run ends: cancelled before failed before timed out before never started. A database that was
/// not run counts as never started. A run that judged nothing is not done either.
pub fn overall<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> ExitCode {
    worst(verdicts.into_iter().map(Verdict::exit_code)).unwrap_or(ExitCode::Service)
}

/// Returns the first of 130, 1, 4, 3 that occurs, else 0; none when there is no code.
pub(crate) fn worst(codes: impl Iterator<Item = ExitCode>) -> Option<ExitCode> {
    codes.min_by_key(|code| match code {
        ExitCode::Cancelled => 0,
        ExitCode::MigrationFailed => 1,
        ExitCode::TimedOut => 2,
        ExitCode::Done => 4,
        _ => 3,
    })
}
