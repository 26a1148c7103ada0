//! What the job summary and the terminal say in the same words.

use jiff::Timestamp;

use super::{DatabaseReport, Report};
use crate::document::Mark;
use crate::migration_report::MigrationReport;
use crate::verdict::{GitHubProof, NOT_PROVED, Verdict};
use crate::words::{counted, duration};

/// How a row stands.
pub(super) fn mark(row: &DatabaseReport) -> Mark {
    match &row.verdict {
        Some(verdict) if verdict.is_proved() => Mark::Good,
        Some(verdict) if verdict.is_migrated() => Mark::Doubtful,
        Some(_) => Mark::Bad,
        None => Mark::UnderWay,
    }
}

/// No green tick without proof.
pub(super) fn mark_of_run(report: &Report) -> Mark {
    if report.error.is_some() || report.not_migrated().next().is_some() {
        Mark::Bad
    } else if report.ended_at.is_none() || report.databases.iter().any(|row| row.verdict.is_none()) {
        Mark::UnderWay
    } else if is_proved(report) {
        Mark::Good
    } else {
        Mark::Doubtful
    }
}

/// `1 of 3 databases proved migrated: 1 failed, 1 migrated, not proved`. "Proved" counts only databases that a migration
/// report proves; where there is none, `2 of 3 databases migrated, not proved: 1 failed`.
pub(super) fn headline(report: &Report) -> String {
    let total = report.databases.len();
    if total == 0 {
        return match report.error {
            Some(_) => "no database was migrated".to_owned(),
            None => "no database was asked for".to_owned(),
        };
    }
    if report.ended_before_all() {
        return format!("no task was started for {}", counted(total, "database"));
    }
    let of = |wanted: Mark| report.databases.iter().filter(|row| mark(row) == wanted).count();
    let (told, word) = match (of(Mark::Good), of(Mark::Doubtful)) {
        (0, doubtful) if doubtful > 0 => (Mark::Doubtful, NOT_PROVED),
        _ => (Mark::Good, "proved migrated"),
    };
    let so_far = if report.ended_at.is_none() { " so far" } else { "" };
    let mut line = format!("{} of {} {word}{so_far}", of(told), counted(total, "database"));
    let others: Vec<_> = report.databases.iter().filter(|row| mark(row) != told).collect();
    if !others.is_empty() {
        line = format!("{line}: {}", states(&others));
    }
    if report.never_ran > 0 {
        line = format!("{line}; {} left out never ran", counted(report.never_ran, "database"));
    }
    line
}

/// Whether a migration report proves every migrated database, of this run or of an earlier one.
pub(super) fn is_proved(report: &Report) -> bool {
    report.databases.iter().all(|row| mark(row) != Mark::Doubtful)
}

/// How many databases are migrated by their exit code alone, or by what GitHub's Deployments say.
pub(super) fn without_report(report: &Report, github: Option<GitHubProof>) -> usize {
    let is_one = |row: &&DatabaseReport| {
        matches!(&row.verdict, Some(Verdict::Migrated(migrated))
            if migrated.report().is_none() && migrated.github() == github)
    };
    report.databases.iter().filter(is_one).count()
}

/// `3 failed, 940 migrated`, in the order in which the rows have these words first.
pub(super) fn states(rows: &[&DatabaseReport]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in rows.iter().map(|row| verdict(row)) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

/// The verdict's word. A run that is over has one for each of its databases.
pub(super) fn verdict(row: &DatabaseReport) -> &'static str {
    row.verdict.as_ref().map_or("under way", Verdict::word)
}

/// Rows that need a person first, then those under way, then the migrated ones, the slowest first.
pub(super) fn failures_first(report: &Report) -> Vec<&DatabaseReport> {
    let mut rows: Vec<&DatabaseReport> = report.databases.iter().collect();
    rows.sort_by_key(|row| match mark(row) {
        Mark::Bad if is_not_run(row) => (1, 0),
        Mark::Bad => (0, 0),
        Mark::UnderWay => (2, 0),
        Mark::Doubtful | Mark::Good => (3, -own_time(row).or(row.total_ms).unwrap_or(0)),
    });
    rows
}

/// It fails with what came before it, and needs nothing of its own.
pub(super) fn is_not_run(row: &DatabaseReport) -> bool {
    matches!(row.verdict, Some(Verdict::NotRun { .. })) && row.task_arn.is_none()
}

/// The task's migration report, when it is about this database: what happened to another one is no fact of this row.
pub(super) fn own_report(row: &DatabaseReport) -> Option<&MigrationReport> {
    row.migration_report.as_ref().filter(|report| report.database == *row.database)
}

/// `6 → 12`, `12` when nothing moved; empty when the task said nothing.
pub(super) fn versions(row: &DatabaseReport) -> String {
    let Some(report) = own_report(row) else { return String::new() };
    match (report.from.as_deref(), report.current.as_deref()) {
        (Some(from), Some(to)) if from == to => to.to_owned(),
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) if report.applied.is_empty() => to.to_owned(),
        (None, Some(to)) => format!("new → {to}"),
        (Some(from), None) => from.to_owned(),
        (None, None) => String::new(),
    }
}

/// How long the database took, in milliseconds. Where it shares a task, only its own report knows.
pub(super) fn own_time(row: &DatabaseReport) -> Option<i64> {
    match row.pack_log {
        None => row.total_ms,
        Some(_) => own_report(row)?.ms.and_then(|ms| i64::try_from(ms).ok()),
    }
}

/// `in a task of 48 s`; none where the database has a task of its own.
pub(super) fn shared_time(row: &DatabaseReport) -> Option<String> {
    let total = row.total_ms.filter(|_| row.pack_log.is_some())?;
    Some(format!("in a task of {}", duration(total)))
}

/// `after 2 tasks that were killed`.
pub(super) fn killed_tasks(row: &DatabaseReport) -> Option<String> {
    match row.killed_tasks.len() {
        0 => None,
        1 => Some("after a task that was killed".to_owned()),
        more => Some(format!("after {more} tasks that were killed")),
    }
}

/// `its container may be told a database by DATABASE_URL as well`.
pub(super) fn told_elsewhere(row: &DatabaseReport) -> Option<String> {
    (!row.told_elsewhere.is_empty()).then(|| {
        let names = row.told_elsewhere.join(", ");
        format!("its container may be told a database by {names} as well: a program that takes that one migrates it")
    })
}

/// What a person should do about a row that is not migrated, where the diagnosis of its task does not say it.
pub(super) fn next_step(row: &DatabaseReport) -> Option<String> {
    match row.verdict.as_ref()? {
        Verdict::Migrated(_) | Verdict::Cancelled { stopped: true } => None,
        Verdict::Unreported { .. } => Some(
            "have the image print a migration report (docs/migration-report.md); where its exit code is enough, run \
             with `--proof exit-code`, and the database counts as \"migrated, not proved\""
                .to_owned(),
        ),
        Verdict::WrongDatabase { asked, reported, .. } => Some(format!(
            "make the image take its database's name from the variable that is set for it (DATABASE_NAME, or \
             --database-variable); {asked} was not migrated, and {reported} was connected to instead: look at what \
             happened there first"
        )),
        Verdict::TimedOut { stopped: false } | Verdict::Cancelled { stopped: false } => {
            Some("its task still runs: wait until it has ended, or stop it, before running again".to_owned())
        }
        Verdict::AlreadyRunning { .. } => Some("wait until that task has ended, then run again".to_owned()),
        Verdict::TimedOut { stopped: true } => {
            Some("see from its log how far it came, and raise --timeout if it only needs longer".to_owned())
        }
        _ => row.diagnosis.map(|diagnosis| diagnosis.fix.to_owned()),
    }
}

/// When an earlier run has proved what this row says.
pub(super) fn proved_earlier(row: &DatabaseReport) -> Option<Timestamp> {
    match &row.verdict {
        Some(Verdict::Migrated(migrated)) => migrated.recorded_at(),
        _ => None,
    }
}

/// The migration that failed and what the server said of it, from the app's own report.
pub(super) fn failed_migration(row: &DatabaseReport) -> Option<String> {
    let failed = row.migration_report.as_ref()?.failed.as_ref()?;
    let name = match (&failed.file, failed.line) {
        (Some(file), Some(line)) => format!("{file}, line {line}"),
        (Some(file), None) => file.clone(),
        (None, _) => format!("{} {}", failed.version, failed.name).trim().to_owned(),
    };
    Some(if failed.error.is_empty() { name } else { format!("{name}: {}", failed.error) })
}
