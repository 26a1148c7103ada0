//! Judging a task that migrates many databases: reports alone count, each for its database.

use std::collections::HashSet;

use super::{Asked, Killer, Migrated, Verdict, by_end, unproved, words};
use crate::database_name::DatabaseName;
use crate::migration_report::{MigrationReport, Reports};
use crate::ports::Task;

/// Judges the `databases` that were asked for, in their order, of a task that has stopped and was told to migrate
/// `told`. docs/migration-report.md has the table.
///
/// A database without a report of its own is never migrated, whatever the exit code, and one with a clean report is,
/// whatever happened to the task afterwards.
pub(crate) fn judge_pack(
    databases: &[DatabaseName],
    told: &[String],
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
) -> Vec<Verdict> {
    let container = asked.container;
    if !task.is_stopped() {
        return vec![end_of(container, task); databases.len()];
    }
    let known: HashSet<&str> = told.iter().map(String::as_str).collect();
    let foreign = reports.all().iter().find(|report| !known.contains(report.database.as_str()));
    let exit_code = task.container(container).and_then(|own| own.exit_code);
    if let Some(foreign) = foreign {
        let wrong = |name: &DatabaseName| Verdict::WrongDatabase {
            asked: name.clone(),
            reported: foreign.database.clone(),
            exit_code,
        };
        return databases.iter().map(wrong).collect();
    }
    databases
        .iter()
        .map(|name| {
            let own: Vec<&MigrationReport> = reports.all_of(name).collect();
            match own.last() {
                None => without_report(container, task, reports),
                Some(last) => by_reports(name, asked, task, &own, last),
            }
        })
        .collect()
}

/// How a container came to its end that did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Its host or its capacity went away.
    FromOutside,
    /// A signal, or too much memory: what it was doing may be the cause.
    OfItsOwn,
}

/// How the migration container of a stopped task was killed. None when it ended by itself, when somebody stopped it or
/// a sidecar did, and when it never ran.
pub fn death(task: &Task, container: &str) -> Option<Death> {
    match end_of(container, task) {
        Verdict::Killed { by: Killer::Spot | Killer::Host | Killer::Retirement, .. } => {
            Some(Death::FromOutside)
        }
        Verdict::Killed { by: Killer::Signal | Killer::OutOfMemory, .. } => Some(Death::OfItsOwn),
        _ => None,
    }
}

/// How the task ended, whatever it has reported.
fn end_of(container: &str, task: &Task) -> Verdict {
    let unproved = || Verdict::Unproved { why: "exit code 0 alone".to_owned() };
    by_end(container, task, &Reports::default(), unproved)
}

fn by_reports(
    name: &DatabaseName,
    asked: &Asked<'_>,
    task: &Task,
    own: &[&MigrationReport],
    last: &MigrationReport,
) -> Verdict {
    let versions: HashSet<&str> = own.iter().filter_map(|report| report.current.as_deref()).collect();
    if versions.len() > 1 || own.iter().any(|report| report.is_clean() != last.is_clean()) {
        return unproved(format!("{} of its migration reports contradict each other", own.len()));
    }
    if last.is_clean() {
        return Verdict::Migrated(Migrated::by_task(name, task, asked.image_digest, Some(last)));
    }
    let why = match (&last.failed, &last.error) {
        (Some(failed), _) => format!("migration {failed}"),
        (None, Some(error)) => words::text(error),
        (None, None) => format!("it reports that {} migrations are pending", last.pending),
    };
    Verdict::Reported { why }
}

/// What the task's end says of a database that it did not report on.
fn without_report(container: &str, task: &Task, reports: &Reports) -> Verdict {
    let without = |end: &str| {
        let unreadable = reports.malformed().map(|(count, fault)| {
            format!(" ({count} migration reports can not be read: {})", words::text(fault))
        });
        let unreadable = unreadable.unwrap_or_default();
        unproved(format!("{end}, and no migration report names this database{unreadable}"))
    };
    match end_of(container, task) {
        Verdict::Failed { exit_code } => without(&format!("its task ended with exit code {exit_code}")),
        // Something has printed a report.
        Verdict::NeverStarted { reason } if !reports.is_empty() => {
            without(&format!("its container left no exit code: {reason}"))
        }
        Verdict::Unproved { .. } if task.container(container).is_some_and(|own| own.exit_code == Some(0)) => {
            without("its task ended with exit code 0")
        }
        other => other,
    }
}
