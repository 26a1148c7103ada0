//! What we conclude from the end of a task: the one place that may say "migrated".
//!
//! Pure: the task as ECS reports it, and the reports that its log held, go in. No exit code is ever assumed, and a
//! container other than the migration container never decides. ECS shows the exit of a container before the task is
//! STOPPED; where that alone decides ([`is_decided`]), nothing else is waited for.

mod judged;
mod killer;
mod pack;
mod proof;
mod words;
#[cfg(test)]
mod tests;

use crate::database_name::DatabaseName;
use crate::ending::{Ending, LogEnd};
use crate::failure::ExitCode;
use crate::migration_report::Reports;
use crate::ports::{Container, Task};

pub use crate::choices::Proof;
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
    /// Of the image that its revision names; absent when it names none.
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
    /// Its migration report says so itself.
    Reported { why: String },
    /// The migration container never ran: nothing was migrated.
    NeverStarted { reason: String },
    /// Something ended the migration container from outside: how far it came is unknown.
    Killed { by: Killer, exit_code: Option<i32> },
    /// Ours: still running at `--timeout`. `stopped` says whether StopTask was accepted.
    TimedOut { stopped: bool },
    /// Ours: the run was interrupted. `stopped` says whether StopTask was accepted.
    Cancelled { stopped: bool },
    /// The task says itself that it was connected to another database; of a pack, `times` in place of the names that it
    /// was told.
    WrongDatabase { asked: DatabaseName, reported: String, times: Option<usize>, exit_code: Option<i32> },
    /// It may have worked, and nothing proves it.
    Unproved { why: String },
    /// It ended with exit code 0, and no migration report was seen, so nothing says which database it migrated: it
    /// printed none, or (`unread`) its log could not be read, and why.
    Unreported { unread: Option<String> },
    /// Ours: another task migrates this database now, so none was started.
    AlreadyRunning { task_arn: String, started_by: Option<String>, doubt: Option<String> },
    /// Ours: no task was started.
    NotRun { why: String },
}

/// Whether what has ended of the task is all that a verdict needs: the task itself, or the migration container by itself,
/// with an exit code that is its last. One that was killed is judged when the task is STOPPED: only then does ECS say all
/// that it knows of the cause.
pub(crate) fn is_decided(asked: &Asked<'_>, task: &Task) -> bool {
    if task.is_stopped() {
        return true;
    }
    let Some(own) = task.container(asked.container) else { return false };
    let Some(exit_code) = own.ended_with() else { return false };
    // Of two that have ended, their exit codes tell which was the first.
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
    let container = asked.container;
    if !is_decided(asked, task) {
        return unproved(format!("its task is {}, not STOPPED", words::code(&task.last_status.to_string())));
    }
    let own = task.container(container);
    let exit_code = own.and_then(|own| own.exit_code);
    let stop_code = task.end();
    let Some(own) = own else {
        let there: Vec<String> = task.containers.iter().map(|other| words::code(&other.name)).collect();
        let there = if there.is_empty() { "none".into() } else { crate::failure::listed(&there) };
        let missing =
            format!("the task has no container {} (its containers: {there})", words::code(container));
        return match stop_code {
            Some("TaskFailedToStart") => Verdict::NeverStarted { reason: words::reason(task, None) },
            _ => unproved(missing),
        };
    };
    match (stop_code, exit_code) {
        (Some("TaskFailedToStart"), Some(0)) => unproved(format!(
            "exit code 0 of a task that failed to start: {}",
            words::reason(task, Some(own))
        )),
        (Some("TaskFailedToStart"), _) => Verdict::NeverStarted { reason: words::reason(task, Some(own)) },
        (_, None) if task.started_at.is_none() && reports.is_empty() => {
            Verdict::NeverStarted { reason: words::reason(task, Some(own)) }
        }
        (code, exit_code) => match (killer(task, own, code, exit_code), exit_code) {
            (Some(by), _) => Verdict::Killed { by, exit_code },
            (None, None) => {
                unproved(format!("its container left no exit code: {}", words::reason(task, Some(own))))
            }
            (None, Some(0)) => ended_well(),
            (None, Some(exit_code)) => Verdict::Failed { exit_code },
        },
    }
}

/// Exit code 0 is there, and nothing but the container itself ended it, as far as its exit code tells.
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
            "exit code 0, but {count} of its migration reports can not be read: {fault}"
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
    /// Whether it is migrated, proved or not.
    pub fn is_migrated(&self) -> bool {
        matches!(self, Self::Migrated(_))
    }

    /// Whether a migration report proves that it is migrated.
    pub fn is_proved(&self) -> bool {
        matches!(self, Self::Migrated(migrated) if migrated.is_proved())
    }

    /// Whether a migration report of the database, or of one that the task should not know, decided.
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

/// How the whole run ends: cancelled before failed before timed out before never started. A database that was not run
/// adds nothing, but without it the run is not done either; nor is a run that judged nothing.
pub fn overall<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> ExitCode {
    let mut codes: Vec<ExitCode> = verdicts.into_iter().map(Verdict::exit_code).collect();
    codes.sort_by_key(|code| match code {
        ExitCode::Cancelled => 0,
        ExitCode::MigrationFailed => 1,
        ExitCode::TimedOut => 2,
        ExitCode::Service | ExitCode::BadInput => 3,
        ExitCode::Done => 4,
    });
    codes.first().copied().unwrap_or(ExitCode::Service)
}
