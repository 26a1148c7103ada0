//! Judging a task that migrates many databases: reports alone count, each for its database.

use std::collections::HashSet;

use super::{Killer, Migrated, Verdict, judge, words};
use crate::migration_report::{MigrationReport, Reports};
use crate::ports::Task;

/// Judges the databases that were `asked` for, in their order, of a task that has stopped and was told to migrate
/// `told`. docs/migration-report.md has the table.
///
/// A database without a report of its own is never migrated, whatever the exit code, and one with a clean report is,
/// whatever happened to the task afterwards.
pub fn judge_pack(
    asked: &[String],
    told: &[String],
    container: &str,
    task: &Task,
    reports: &Reports,
) -> Vec<Verdict> {
    if !task.is_stopped() {
        return asked.iter().map(|name| judge(name, container, task, &Reports::default(), true)).collect();
    }
    let known: HashSet<&str> = told.iter().map(String::as_str).collect();
    let foreign = reports.all().iter().find(|report| !known.contains(report.database.as_str()));
    let exit_code = task.container(container).and_then(|own| own.exit_code);
    if let Some(foreign) = foreign {
        let wrong = |name: &String| Verdict::WrongDatabase {
            asked: name.clone(),
            reported: foreign.database.clone(),
            exit_code,
        };
        return asked.iter().map(wrong).collect();
    }
    asked
        .iter()
        .map(|name| {
            let own: Vec<&MigrationReport> = reports.all_of(name).collect();
            match own.last() {
                None => without_report(name, container, task, reports),
                Some(last) => by_reports(name, task, &own, last),
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
    match end("", container, task) {
        Verdict::Killed { by: Killer::Spot | Killer::Host | Killer::Retirement, .. } => {
            Some(Death::FromOutside)
        }
        Verdict::Killed { by: Killer::Signal | Killer::OutOfMemory, .. } => Some(Death::OfItsOwn),
        _ => None,
    }
}

/// How the task ended, whatever it has reported.
fn end(name: &str, container: &str, task: &Task) -> Verdict {
    match judge(name, container, task, &Reports::default(), true) {
        // 128 and more is what a shell makes of a signal, and Docker as well: 139 is SIGSEGV.
        Verdict::Failed { exit_code: exit_code @ 128.. } => {
            Verdict::Killed { by: Killer::Signal, exit_code: Some(exit_code) }
        }
        other => other,
    }
}

fn by_reports(name: &str, task: &Task, own: &[&MigrationReport], last: &MigrationReport) -> Verdict {
    let versions: HashSet<&str> = own.iter().filter_map(|report| report.current.as_deref()).collect();
    if versions.len() > 1 || own.iter().any(|report| report.is_clean() != last.is_clean()) {
        return Verdict::Unproved {
            why: format!("{} of its migration reports contradict each other", own.len()),
        };
    }
    if last.is_clean() {
        let report = Some(Box::new(last.clone()));
        return Verdict::Migrated(Migrated {
            database: name.to_owned(),
            task_arn: task.arn.clone(),
            report,
            earlier: None,
            deployed: None,
        });
    }
    match (&last.failed, &last.error) {
        (Some(failed), _) => Verdict::Reported { why: format!("migration {failed}") },
        (None, Some(error)) => Verdict::Reported { why: words::text(error) },
        (None, None) => {
            Verdict::Reported { why: format!("it reports that {} migrations are pending", last.pending) }
        }
    }
}

/// What the task's end says of a database that it did not report on.
fn without_report(name: &str, container: &str, task: &Task, reports: &Reports) -> Verdict {
    let unproved = |end: &str| {
        let unreadable = reports.malformed().map(|(count, fault)| {
            format!(" ({count} migration reports can not be read: {})", words::text(fault))
        });
        let unreadable = unreadable.unwrap_or_default();
        Verdict::Unproved { why: format!("{end}, and no migration report names this database{unreadable}") }
    };
    match end(name, container, task) {
        Verdict::Failed { exit_code } => unproved(&format!("its task ended with exit code {exit_code}")),
        // Something has printed a report.
        Verdict::NeverStarted { reason } if !reports.is_empty() => {
            unproved(&format!("its container left no exit code: {reason}"))
        }
        Verdict::Unproved { .. } if task.container(container).is_some_and(|own| own.exit_code == Some(0)) => {
            unproved("its task ended with exit code 0")
        }
        other => other,
    }
}
