//! What to do next.

use super::words::{self, mark_of_run};
use super::{Report, services};
use crate::document::{Block, Content, Line, Mark, Reader};
use crate::untrusted::one_line;
use crate::words::counted;

/// Returns what to do after a run that went well, and how to run again after one that did not; `None` while it goes
/// on, and where there is nothing to say.
pub(super) fn next(report: &Report) -> Option<Block> {
    report.ended_at?;
    let is_left = report.not_migrated().next().is_some();
    let (say, how) = match mark_of_run(report) {
        Mark::Good | Mark::Doubtful if report.never_ran > 0 => {
            let never = counted(report.never_ran, "database");
            (Line::from("run without `--only-failed`: ").and(never).and(" never ran"), None)
        }
        Mark::Good | Mark::Doubtful => (after_success(report)?, None),
        _ if !is_left && services::mark_of_all(&report.services) == Mark::Bad && report.error.is_none() => {
            (after_services(report), None)
        }
        _ if !is_left => return None,
        _ if report.is_resumable => {
            ("fix the cause, then run again with the same settings and `--resume`".into(), None)
        }
        _ => only_what_is_left(report),
    };
    // Where nothing began, a terminal says in one line what is wrong.
    let reader = if report.ended_before_all() { Reader::Page } else { Reader::Both };
    Some(Block::from(Content::Next(say, how)).only(reader))
}

/// Says how to go on where a service is not done, and no database is in its way.
fn after_services(report: &Report) -> Line {
    let again = Line::from("fix the cause, then run again with the same settings");
    if report.no_migration { again } else { again.and(": the databases are migrated with this image") }
}

fn after_success(report: &Report) -> Option<Line> {
    if !report.services.is_empty() {
        return None;
    }
    let image = Line::code(report.image.as_ref()?.reference.clone());
    let deploy = Line::from("deploy what needs this schema, from ").and(image);
    let unproved =
        ". Have the image print a migration report, and leave out `--proof exit-code`: then this is proved";
    Some(if words::is_proved(report) { deploy } else { deploy.and(unproved) })
}

fn only_what_is_left(report: &Report) -> (Line, Option<String>) {
    let flags =
        report.not_migrated().map(|name| format!("--database {}", shell_words::quote(&one_line(name))));
    let flags: Vec<String> = flags.collect();
    let whole = report.databases.len() == flags.len();
    let which = if whole { "" } else { ", only for the databases that are not migrated" };
    (Line::from("fix the cause, then run again with the same settings").and(which), Some(flags.join(" ")))
}
