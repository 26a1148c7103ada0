//! What the job summary and the terminal say in the same words.

use jiff::Timestamp;

use super::{DatabaseReport, Report, services};
use crate::document::Mark;
use crate::migration_report::MigrationReport;
use crate::verdict::{GitHubProof, NOT_PROVED, Verdict};
use crate::words::{counted, duration};

/// Judges how a row stands: good is only what is proved.
pub(super) fn mark(row: &DatabaseReport) -> Mark {
    match &row.verdict {
        Some(verdict) if verdict.is_proved() => Mark::Good,
        Some(verdict) if verdict.is_migrated() => Mark::Doubtful,
        Some(_) => Mark::Bad,
        None => Mark::UnderWay,
    }
}

/// Judges how the run stands, with no green tick where proof is missing.
pub(super) fn mark_of_run(report: &Report) -> Mark {
    let of_services = services::mark_of_all(&report.services);
    if report.error.is_some() || report.not_migrated().next().is_some() || of_services == Mark::Bad {
        Mark::Bad
    } else if report.ended_at.is_none()
        || report.databases.iter().any(|row| row.verdict.is_none())
        || of_services == Mark::UnderWay
    {
        Mark::UnderWay
    } else if is_proved(report) && of_services == Mark::Good && !report.no_migration {
        Mark::Good
    } else {
        Mark::Doubtful
    }
}

/// Returns `1 of 3 databases proved migrated: 1 failed, 1 migrated, not proved`. "Proved" counts only databases that
/// a migration report proves; where there is none, `2 of 3 databases migrated, not proved: 1 failed`. Services
/// follow: `3 of 3 databases proved migrated, 2 of 2 services deployed`.
pub(super) fn headline(report: &Report) -> String {
    if report.services.is_empty() {
        return of_databases(report);
    }
    let services = services::headline(&report.services, services::Purpose::Deploy, report.ended_at.is_some());
    if report.databases.is_empty() {
        let is_said = report.no_migration && !report.ended_before_all();
        return format!("{services}{}", if is_said { ", without a migration" } else { "" });
    }
    let databases = of_databases(report);
    let between = if databases.contains([':', ';']) { ";" } else { "," };
    format!("{databases}{between} {services}")
}

fn of_databases(report: &Report) -> String {
    let total = report.databases.len();
    if total == 0 {
        return match report.error {
            Some(_) => "no database was migrated".to_owned(),
            None => "no database was asked for".to_owned(),
        };
    }
    if report.ended_before_any_task() {
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

/// Tells whether a migration report proves every migrated database, of this run or of an earlier one.
pub(super) fn is_proved(report: &Report) -> bool {
    report.databases.iter().all(|row| mark(row) != Mark::Doubtful)
}

/// Counts the databases that are migrated without a migration report: by their exit code alone, or by what GitHub's
/// Deployments say.
pub(super) fn without_report(report: &Report, github: Option<GitHubProof>) -> usize {
    let is_one = |row: &&DatabaseReport| {
        matches!(&row.verdict, Some(Verdict::Migrated(migrated))
            if migrated.report().is_none() && migrated.github() == github)
    };
    report.databases.iter().filter(is_one).count()
}

/// Counts the verdicts: `3 failed, 940 migrated`, in the order in which the rows have these words first.
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

/// Returns the verdict's word, or `under way`. A run that is over has a verdict for each of its databases.
pub(super) fn verdict(row: &DatabaseReport) -> &'static str {
    row.verdict.as_ref().map_or("under way", Verdict::word)
}

/// Sorts the rows: those that need a person, then those under way, then the migrated ones, each in the order of the
/// run.
pub(super) fn failures_first(report: &Report) -> Vec<&DatabaseReport> {
    let mut rows: Vec<&DatabaseReport> = report.databases.iter().collect();
    rows.sort_by_key(|row| match mark(row) {
        Mark::Bad if is_not_run(row) => 1,
        Mark::Bad => 0,
        Mark::UnderWay => 2,
        Mark::Doubtful | Mark::Good => 3,
    });
    rows
}

/// Tells whether no task was started for the row: it fails with what came before it, and needs nothing of its own.
pub(super) fn is_not_run(row: &DatabaseReport) -> bool {
    matches!(row.verdict, Some(Verdict::NotRun { .. })) && row.task_arn.is_none()
}

/// Returns the task's migration report, when it is about this database: what happened to another one is not a fact of
/// this row.
pub(super) fn own_report(row: &DatabaseReport) -> Option<&MigrationReport> {
    row.migration_report.as_ref().filter(|report| report.database == *row.database)
}

/// Returns the same of a migrated database; `None` for any other.
pub(super) fn report_of_migrated(row: &DatabaseReport) -> Option<&MigrationReport> {
    row.verdict.as_ref().filter(|verdict| verdict.is_migrated())?;
    own_report(row)
}

/// Returns `6 → 12`, `new → 12`, or `12` when nothing moved; empty when the task said nothing.
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

/// Returns how long the database took, in milliseconds. Where it shares a task, only its own report knows.
pub(super) fn own_time(row: &DatabaseReport) -> Option<i64> {
    match row.pack_log {
        None => row.total_ms,
        Some(_) => own_report(row)?.ms.and_then(|ms| i64::try_from(ms).ok()),
    }
}

/// Returns `in a task of 48 s`; `None` where the database has a task of its own.
pub(super) fn shared_time(row: &DatabaseReport) -> Option<String> {
    let total = row.total_ms.filter(|_| row.pack_log.is_some())?;
    Some(format!("in a task of {}", duration(total)))
}

/// Returns `after 2 tasks that were killed`; `None` where none was.
pub(super) fn killed_tasks(row: &DatabaseReport) -> Option<String> {
    match row.killed_tasks.len() {
        0 => None,
        1 => Some("after a task that was killed".to_owned()),
        more => Some(format!("after {more} tasks that were killed")),
    }
}

/// Warns: `its container may be told a database by DATABASE_URL as well`; `None` where the row names no variable.
pub(super) fn told_elsewhere(row: &DatabaseReport) -> Option<String> {
    (!row.told_elsewhere.is_empty()).then(|| {
        let names = row.told_elsewhere.join(", ");
        format!("its container may be told a database by {names} as well: a program that takes that one migrates it")
    })
}

/// Says what a person should do about a row that is not migrated: by its verdict, or as the diagnosis of its task has
/// it.
pub(super) fn next_step(row: &DatabaseReport) -> Option<String> {
    match row.verdict.as_ref()? {
        Verdict::Migrated(_) | Verdict::Cancelled { stopped: true } => None,
        Verdict::Unreported { .. } => Some(
            "run with `--witness`, which prints the migration report for Django, Rails, Alembic, Knex and others \
             (docs/witness.md), or have the image print one (docs/migration-report.md). Where its exit code is enough, \
             `--proof exit-code` makes the database \"migrated, not proved\""
                .to_owned(),
        ),
        Verdict::WrongDatabase { asked, reported, .. } => Some(format!(
            "the image ignores the variable that names its database (DATABASE_NAME, see --database-variable): make it read \
             that one. {asked} was not migrated. Check {reported} first: the task connected to it"
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

/// Returns when an earlier run proved what this row says; `None` where this run did.
pub(super) fn proved_earlier(row: &DatabaseReport) -> Option<Timestamp> {
    match &row.verdict {
        Some(Verdict::Migrated(migrated)) => migrated.recorded_at(),
        _ => None,
    }
}

/// Returns the migration that failed and what the server said of it, from the app's own report.
pub(super) fn failed_migration(row: &DatabaseReport) -> Option<String> {
    let failed = row.migration_report.as_ref()?.failed.as_ref()?;
    let name = match (&failed.file, failed.line) {
        (Some(file), Some(line)) => format!("{file}, line {line}"),
        (Some(file), None) => file.clone(),
        (None, _) => format!("{} {}", failed.version, failed.name).trim().to_owned(),
    };
    Some(if failed.error.is_empty() { name } else { format!("{name}: {}", failed.error) })
}
