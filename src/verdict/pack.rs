//! Judging a task that migrates many databases: reports alone count, each for its database.

use std::collections::HashSet;

use super::{Asked, Killer, Migrated, Verdict, by_end, is_decided, unproved, words};
use crate::database_name::DatabaseName;
use crate::ending::{Ending, LogEnd};
use crate::migration_report::{MigrationReport, Reports};
use crate::ports::Task;

/// Judges the `databases` that were asked for, in their order, of a task that is decided and was told to migrate
/// `told`. docs/migration-report.md has the table.
///
/// A database without a report of its own is never migrated, whatever the exit code, and one with a clean report is,
/// whatever happened to the task afterwards. The exception is a database that was told alone, whose program says by
/// its exit code that it failed.
pub(crate) fn judge_pack(
    databases: &[DatabaseName],
    told: &[String],
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
    ending: &Ending,
) -> Vec<Verdict> {
    if !is_decided(asked, task) {
        return vec![end_of(asked, task); databases.len()];
    }
    let known: HashSet<&str> = told.iter().map(String::as_str).collect();
    let foreign = reports.all().iter().find(|report| !known.contains(report.database.as_str()));
    let exit_code = task.container(asked.container).and_then(|own| own.exit_code);
    if let Some(foreign) = foreign {
        let wrong = |name: &DatabaseName| Verdict::WrongDatabase {
            asked: name.clone(),
            reported: foreign.database.clone(),
            times: None,
            exit_code,
        };
        return databases.iter().map(wrong).collect();
    }
    // A killed task lacks reports because it was killed, and what was not read may be a report of any of them.
    let came_to_its_end = matches!(end_of(asked, task), Verdict::Failed { .. } | Verdict::Unproved { .. });
    let is_all_read = unread(reports, &ending.log).is_none();
    let instead = instead(told, reports).filter(|_| came_to_its_end && is_all_read);
    // The exit code of a list of one cannot be about another database.
    let alone = (told.len() == 1).then(|| end_of(asked, task));
    let alone = alone.filter(|end| matches!(end, Verdict::Failed { .. }));
    databases
        .iter()
        .map(|name| {
            let own: Vec<&MigrationReport> = reports.all_of(name).collect();
            match (own.last(), instead) {
                (None, Some((reported, times))) => {
                    let (asked, reported) = (name.clone(), reported.to_owned());
                    Verdict::WrongDatabase { asked, reported, times: Some(times), exit_code }
                }
                (None, _) => without_report(asked, task, reports, &ending.log),
                (Some(last), _) => match by_reports(name, asked, task, &own, last) {
                    Verdict::Migrated(_) if let Some(why) = unread(reports, &ending.log) => unproved(why),
                    Verdict::Migrated(_) if let Some(failed) = &alone => failed.clone(),
                    verdict => verdict,
                },
            }
        })
        .collect()
}

/// Returns the database that the task has reported in place of others, and how often. None unless there are at least
/// as many surplus reports as databases without one: then none is missing because its migration never came to its
/// end. Reports that contradict each other are not of one database that was taken for several.
fn instead<'a>(told: &'a [String], reports: &Reports) -> Option<(&'a str, usize)> {
    let count = |name: &str| {
        let own: Vec<&MigrationReport> = reports.all_of(name).collect();
        if contradict(&own) { 1 } else { own.len() }
    };
    let counts = || told.iter().map(|name| (name.as_str(), count(name)));
    let missing = counts().filter(|(_, count)| *count == 0).count();
    let too_many: usize = counts().map(|(_, count)| count.saturating_sub(1)).sum();
    (missing > 0 && too_many >= missing).then(|| counts().max_by_key(|(_, count)| *count)).flatten()
}

/// Explains why a database's clean report may not be the last word: what was not read may be a report of it as well.
pub(super) fn unread(reports: &Reports, log: &LogEnd) -> Option<String> {
    if let Some((count, fault)) = reports.malformed() {
        let fault = words::text(fault);
        return Some(format!(
            "it has a migration report, but {count} of its task's reports cannot be read, and may be about it: {fault}"
        ));
    }
    match log {
        LogEnd::Whole => None,
        LogEnd::BrokenOff(why) | LogEnd::Unread(why) => Some(format!(
            "it has a migration report, but its task's log was not read to its end, where another one may stand: {}",
            words::text(why)
        )),
    }
}

/// How a container was ended that did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Its host or its capacity was taken away.
    FromOutside,
    /// A signal, or too much memory: what it was doing may be the cause.
    OfItsOwn,
}

/// Tells how the migration container of a task that is decided was killed. None when it ended by itself, when
/// StopTask or a sidecar ended it, and when it never ran.
pub fn death(asked: &Asked<'_>, task: &Task) -> Option<Death> {
    match end_of(asked, task) {
        Verdict::Killed { by: Killer::Spot | Killer::Host | Killer::Retirement, .. } => {
            Some(Death::FromOutside)
        }
        Verdict::Killed { by: Killer::Signal | Killer::OutOfMemory, .. } => Some(Death::OfItsOwn),
        _ => None,
    }
}

/// Judges how the task ended, whatever it has reported.
fn end_of(asked: &Asked<'_>, task: &Task) -> Verdict {
    let unproved = || Verdict::Unproved { why: "exit code 0 alone".to_owned() };
    by_end(asked, task, &Reports::default(), unproved)
}

/// Tells whether reports of one database cannot all be so.
fn contradict(own: &[&MigrationReport]) -> bool {
    let versions: HashSet<&str> = own.iter().filter_map(|report| report.current.as_deref()).collect();
    versions.len() > 1 || own.windows(2).any(|pair| pair[0].is_clean() != pair[1].is_clean())
}

fn by_reports(
    name: &DatabaseName,
    asked: &Asked<'_>,
    task: &Task,
    own: &[&MigrationReport],
    last: &MigrationReport,
) -> Verdict {
    if contradict(own) {
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

/// Judges, by the task's end, a database that the task did not report on.
pub(super) fn without_report(asked: &Asked<'_>, task: &Task, reports: &Reports, log: &LogEnd) -> Verdict {
    let without = |end: &str| {
        let unreadable = reports.malformed().map(|(count, fault)| {
            format!(" ({count} migration reports cannot be read: {})", words::text(fault))
        });
        let unreadable = unreadable.unwrap_or_default();
        let unread = match log {
            LogEnd::Whole => String::new(),
            LogEnd::BrokenOff(why) | LogEnd::Unread(why) => {
                format!(" (its log was not read to its end: {})", words::text(why))
            }
        };
        unproved(format!("{end}, and no migration report names this database{unreadable}{unread}"))
    };
    match end_of(asked, task) {
        Verdict::Failed { exit_code } => without(&format!("its task ended with exit code {exit_code}")),
        // Something has printed a report.
        Verdict::NeverStarted { reason } if !reports.is_empty() => {
            without(&format!("its container left no exit code: {reason}"))
        }
        Verdict::Unproved { .. }
            if task.container(asked.container).is_some_and(|own| own.exit_code == Some(0)) =>
        {
            without("its task ended with exit code 0")
        }
        other => other,
    }
}
