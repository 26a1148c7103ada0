//! Why a task stopped, and what to do about it.
//!
//! ECS says it in free text that AWS rewrites now and then (the last time in June 2024) and cuts where it is long.
//! So the text is only ever searched for the phrases of [`table`], and the verdict never depends on it.

mod ends;
mod printed;
mod refused;
mod reported;
mod table;
#[cfg(test)]
mod tests;

use crate::container_exit::{SIGKILL, SIGTERM};
use crate::ports::Task;

use ends::{ENDS, OTHER_END};
pub(crate) use printed::LastLines;
pub(crate) use refused::diagnose_refusal;
pub(crate) use reported::{diagnose_report, diagnose_words};
use table::Row;

/// The beginning of the reason of every StopTask that fargate-migrate calls, which tells it apart from anyone else's.
pub(crate) const STOPPED_BY_US: &str = "fargate-migrate: ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// What happened: lowercase, no full stop.
    pub cause: &'static str,
    /// What to do: an imperative sentence, no full stop.
    pub fix: &'static str,
}

/// The cause of a pack whose container ended by itself and printed no migration report.
pub(crate) const SILENT_PACK: Diagnosis = Diagnosis {
    cause: "its task was told a list of databases, and printed no migration report at all",
    fix: "make the image read DATABASE_NAMES and print a report for each database (docs/migration-report.md, Packs), or \
          leave --databases-per-task at 1",
};

/// Returns the cause behind a stopped task, from its stopCode, stoppedReason, the containers' reasons, then the last
/// lines that `container` printed, and at last its exit code. `None` when nothing is known, or the container
/// ended the task with 0.
pub(crate) fn diagnose(task: &Task, container: &str, printed: &LastLines) -> Option<Diagnosis> {
    let exit_code = task.container(container).and_then(|own| own.exit_code);
    row(task, container)
        .map(|row| row.diagnosis)
        .or_else(|| printed.diagnose(exit_code?))
        .or_else(|| end(task, container))
}

fn row(task: &Task, container: &str) -> Option<&'static Row> {
    let stop_code = task.end();
    let exit_code = task.container(container).and_then(|own| own.exit_code);
    if (task.outlived || stop_code == Some("EssentialContainerExited")) && exit_code == Some(0) {
        return None;
    }
    let task_reason = task.stopped_reason.as_deref().filter(|_| !task.outlived).unwrap_or_default();
    let texts = |own: bool| {
        let containers = task.containers.iter().filter(move |other| (other.name == container) == own);
        containers.filter_map(|other| Some(normal(&format!("{task_reason} | {}", other.reason.as_deref()?))))
    };
    // A sidecar's trouble counts only when `container` did not end by itself.
    let ended_by_itself = exit_code.is_some_and(|code| !matches!(code, SIGKILL | SIGTERM));
    let others = texts(false).filter(|_| !ended_by_itself);
    let all = texts(true).chain([normal(task_reason)]).chain(others);
    let said = all.into_iter().find_map(|text| {
        table::all().find(|row| !row.phrases.is_empty() && row.stops(stop_code) && row.says(&text))
    });
    said.or_else(|| table::all().find(|row| row.phrases.is_empty() && row.stops(stop_code)))
}

/// Returns what the exit code alone tells; `None` when there is none or it is 0.
fn end(task: &Task, container: &str) -> Option<Diagnosis> {
    let exit_code = task.container(container)?.exit_code.filter(|code| *code != 0)?;
    let known = ENDS.iter().find(|(exit_codes, _)| exit_codes.contains(&exit_code));
    Some(known.map_or(OTHER_END, |(_, diagnosis)| *diagnosis))
}

impl Row {
    /// Tells whether the row can have this stopCode. A task without a stopCode is judged by its text.
    fn stops(&self, stop_code: Option<&str>) -> bool {
        match stop_code {
            Some(code) => self.stop_codes.is_empty() || self.stop_codes.contains(&code),
            None => !self.phrases.is_empty(),
        }
    }

    fn says(&self, text: &str) -> bool {
        self.phrases.iter().all(|any| any.iter().any(|phrase| text.contains(phrase)))
    }
}

/// Folds a text: lowercase, typographic quotes made plain, line ends made spaces.
fn normal(text: &str) -> String {
    let plain: String = text.chars().map(|c| if matches!(c, '’' | '‘') { '\'' } else { c }).collect();
    plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
