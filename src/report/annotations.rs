//! What a run's page on GitHub shows above everything else: an annotation per failure, at the SQL where it can be.

use super::words;
use super::{DatabaseReport, Report, ServiceReport, services};
use crate::document::Mark;
use crate::failure::Failure;
use crate::verdict::Verdict;
use crate::words::counted;

/// GitHub shows this many errors of a step; what comes after them stands in the log alone (actions/runner,
/// ExecutionContext.cs).
const MOST: usize = 10;

/// An error annotation. Its texts are raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub title: String,
    pub message: String,
    /// The SQL file that failed, as the task names it, and the line in it.
    pub file: Option<String>,
    pub line: Option<u64>,
}

/// Returns at most ten: the run's own error, then databases, then services. When there are more, the last says how
/// many.
pub fn annotations(report: &Report) -> Vec<Annotation> {
    let rows = words::failures_first(report);
    // A database that no task was started for fails with what came before it.
    let failed = rows
        .into_iter()
        .filter(|row| words::mark(row) == Mark::Bad && !words::is_not_run(row))
        .map(of_database);
    let services = report.services.iter().filter_map(services::annotation);
    at_most(of_error(report.error.as_ref()).into_iter().chain(failed).chain(services).collect())
}

/// Returns the same of a run that is about services alone.
pub(super) fn of_services(error: Option<&Failure>, rows: &[ServiceReport]) -> Vec<Annotation> {
    let services = rows.iter().filter_map(services::annotation);
    at_most(of_error(error).into_iter().chain(services).collect())
}

fn of_error(error: Option<&Failure>) -> Option<Annotation> {
    error.map(|error| Annotation {
        title: "fargate-migrate".to_owned(),
        message: with_fix(&error.message, error.hint.as_deref()),
        file: None,
        line: None,
    })
}

fn at_most(mut all: Vec<Annotation>) -> Vec<Annotation> {
    if all.len() > MOST {
        let more = counted(all.len() - MOST, "more failure");
        all.truncate(MOST);
        if let Some(last) = all.last_mut() {
            last.message.push_str(&format!("\n\nAnd {more}: the job summary has all of them."));
        }
    }
    all
}

fn of_database(row: &DatabaseReport) -> Annotation {
    let explained = || row.verdict.as_ref().map(Verdict::explain).unwrap_or_default();
    let why = words::failed_migration(row).unwrap_or_else(explained);
    let failed = row.migration_report.as_ref().and_then(|report| report.failed.as_ref());
    Annotation {
        title: format!("{}: {}", row.database, words::verdict(row)),
        message: with_fix(&why, words::next_step(row).as_deref()),
        file: failed.and_then(|failed| failed.file.clone()),
        line: failed.and_then(|failed| failed.line),
    }
}

fn with_fix(why: &str, fix: Option<&str>) -> String {
    fix.map_or_else(|| why.to_owned(), |fix| format!("{why}\nTo fix it: {fix}"))
}

#[cfg(test)]
mod tests;
