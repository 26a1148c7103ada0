//! How a rollout went: its moments with the time since the first, and the service's events.

use crate::document::{Content, Line, Lines};
use crate::report::ServiceReport;
use crate::untrusted::one_line;
use crate::words::duration;

/// Returns what happened when, the oldest first, folded; nothing where nothing did.
pub(super) fn timeline(row: &ServiceReport) -> Content {
    let first = row.timeline.first().map(|moment| moment.at.as_millisecond()).unwrap_or_default();
    let line = |at: jiff::Timestamp, what: &str| {
        let since = duration(at.as_millisecond() - first);
        format!("{}  +{since:<12} {}\n", at.strftime("%H:%M:%S"), one_line(what))
    };
    let mut text: String = row.timeline.iter().map(|moment| line(moment.at, &moment.what)).collect();
    if let (false, Some(finished), Some(seen)) = (text.is_empty(), row.finished_at, row.seen_at) {
        let late = duration(seen.as_millisecond() - finished.as_millisecond());
        text.push_str(&line(finished, &format!("the deployment's end, by ECS's clock; seen {late} later")));
    }
    lines("Rollout of ", row, text, "of the rollout")
}

/// Returns the service's events, the newest first, folded.
pub(super) fn events(row: &ServiceReport) -> Content {
    let line = |event: &crate::ports::ServiceEvent| {
        let at = event.created_at.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default();
        format!("{at:<8}  {}\n", one_line(&event.message))
    };
    lines("Events of ", row, row.events.iter().map(line).collect(), "of the service's events")
}

/// Returns what the new revision changes in the task definition.
pub(super) fn difference(row: &ServiceReport) -> Content {
    Content::Lines(Lines {
        language: "diff",
        text: row.diff.clone(),
        fold: Some(Line::from("Changes of the task definition of ").and(row.service.clone())),
        ..Lines::default()
    })
}

fn lines(title: &'static str, row: &ServiceReport, text: String, more: &'static str) -> Content {
    let fold = Some(Line::from(title).and(row.service.clone()).and(", in UTC"));
    Content::Lines(Lines { language: "text", text, fold, more, ..Lines::default() })
}
