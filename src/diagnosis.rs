//! Why a task stopped, and what to do about it.
//!
//! ECS says it in free text that AWS rewrites now and then (the last time in June 2024) and cuts where it is long.
//! So the text is only ever searched for the phrases of [`table`], and the verdict never depends on it.

mod table;

use crate::ports::Task;
use table::{ENDS, ROWS, Row};

/// A StopTask of ours begins its reason with this, which tells it apart from anybody else's.
pub const STOPPED_BY_US: &str = "fargate-migrate: ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// What happened: lowercase, no full stop.
    pub cause: &'static str,
    /// What to do: an imperative sentence, no full stop.
    pub fix: &'static str,
}

/// The cause behind a stopped task, from its stoppedReason, the containers' reasons and the exit code of `container`.
/// `None` when the migration container ended with 0, or nothing is known.
pub fn diagnose(task: &Task, container: &str) -> Option<Diagnosis> {
    row(task, container).map(|row| row.diagnosis).or_else(|| end(task, container))
}

/// The cause behind a text of ECS alone, such as a reason in RunTask's failures[].
pub fn diagnose_text(text: &str) -> Option<Diagnosis> {
    let text = normal(text);
    ROWS.iter().find(|row| !row.phrases.is_empty() && row.says(&text)).map(|row| row.diagnosis)
}

fn row(task: &Task, container: &str) -> Option<&'static Row> {
    let stop_code = task.stop_code.as_deref();
    let exit_code = task.container(container).and_then(|own| own.exit_code);
    if stop_code == Some("EssentialContainerExited") && exit_code == Some(0) {
        return None;
    }
    // The migration container's own reason comes before a sidecar's.
    let mut containers: Vec<_> = task.containers.iter().collect();
    containers.sort_by_key(|other| other.name != container);
    let reasons = containers.into_iter().filter_map(|other| other.reason.as_deref());
    let text =
        normal(&task.stopped_reason.as_deref().into_iter().chain(reasons).collect::<Vec<_>>().join(" | "));
    ROWS.iter().find(|row| row.stops(stop_code) && row.says(&text))
}

/// What the exit code alone tells.
fn end(task: &Task, container: &str) -> Option<Diagnosis> {
    let exit_code = task.container(container)?.exit_code?;
    ENDS.iter().find(|end| end.exit_codes.contains(&exit_code)).map(|end| end.diagnosis)
}

impl Row {
    /// A task without a stopCode is judged by its text.
    fn stops(&self, stop_code: Option<&str>) -> bool {
        match stop_code {
            Some(code) => self.stop_codes.is_empty() || self.stop_codes.contains(&code),
            None => !self.phrases.is_empty(),
        }
    }

    fn says(&self, text: &str) -> bool {
        self.phrases.iter().all(|any| any.iter().any(|phrase| text.contains(phrase)))
            && !self.unless.iter().any(|phrase| text.contains(phrase))
    }
}

/// Lowercase, typographic quotes made plain, line ends made spaces.
fn normal(text: &str) -> String {
    let plain: String = text.chars().map(|c| if matches!(c, '’' | '‘') { '\'' } else { c }).collect();
    plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
