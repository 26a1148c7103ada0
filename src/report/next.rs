//! What to do next.

use super::Report;
use super::words::{self, mark_of_run};
use crate::document::{Block, Content, Line, Mark};
use crate::untrusted::one_line;
use crate::words::counted;

/// Bytes of the flags that name what is left, and how many of them a terminal shows.
const FLAGS: usize = 16 * 1024;
const FEW: usize = 12;

/// On a page: one line after a run that went well, and how to run again after one that did not; nothing while it
/// goes on.
pub(super) fn next(report: &Report) -> Option<Block> {
    report.ended_at?;
    let is_left = report.not_migrated().next().is_some();
    let (say, how) = match mark_of_run(report) {
        Mark::Good | Mark::Doubtful if report.never_ran > 0 => {
            let never = counted(report.never_ran, "database");
            (Line::from("run without `--only-failed`: ").and(never).and(" never ran"), None)
        }
        Mark::Good | Mark::Doubtful => (after_success(report)?, None),
        _ if !is_left => return None,
        _ if report.is_resumable => {
            ("fix the cause, then run again with the same settings and `--resume`".into(), None)
        }
        _ => only_what_is_left(report),
    };
    Some(Block::page(Content::Next(say, how)))
}

fn after_success(report: &Report) -> Option<Line> {
    let image = Line::code(report.image.as_ref()?.reference.clone());
    let deploy = Line::from("deploy what needs this schema, from ").and(image);
    Some(match words::by_exit_code(report) + words::by_deployment(report) {
        0 => deploy,
        _ => deploy.and(
            ". Have the image print a migration report, and run with `--require-report`: then this is proved",
        ),
    })
}

fn only_what_is_left(report: &Report) -> (Line, Option<String>) {
    let left: Vec<&str> = report.not_migrated().collect();
    let flags = left.iter().map(|name| format!("--database {}", shell_words::quote(&one_line(name))));
    let fitting = flags.scan(0, |used, flag| {
        *used += flag.len() + 1;
        (*used <= FLAGS).then_some(flag)
    });
    let flags: Vec<String> = fitting.collect();
    let whole = report.databases.len() == left.len();
    let which = if whole { "" } else { ", only for the databases that are not migrated" };
    let mut say = Line::from("fix the cause, then run again with the same settings").and(which);
    if flags.len() < left.len() {
        say = say.and(" (and ").and((left.len() - flags.len()).to_string()).and(" more)");
    }
    (say, Some(flags.join(" ")))
}

/// In a terminal.
pub(super) fn again(report: &Report) -> Option<Block> {
    let left: Vec<String> = report.not_migrated().map(|name| format!(" --database {name}")).collect();
    let say = if left.is_empty() {
        return None;
    } else if report.is_resumable {
        Line::from("go on with what is left: the same command with --resume")
    } else if left.len() < report.databases.len() && left.len() <= FEW {
        Line::from(format!("run again for what is left:{}", left.concat()))
    } else {
        return None;
    };
    Some(Block::terminal(Content::Next(say, None)))
}
