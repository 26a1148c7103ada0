//! What a terminal shows when a run is over.

use std::fmt::Write as _;

use super::words::{self, Standing, duration};
use super::{DatabaseReport, LogTail, Report};
use crate::database_name::is_fleet;
use crate::failure::Failure;
use crate::untrusted::{lines, one_line};

/// Lines of a failed database's log: the whole log has scrolled by.
const LOG_LINES: usize = 12;
/// Rows of migrated databases of a fleet.
const SLOWEST: usize = 5;

/// Whether to use colours; their absence loses no information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Always,
    Never,
}

/// A row per database, what to know about those that are not migrated, and one line of conclusion.
///
/// The run's error, if there is one, stands with [`failure`] after it.
pub fn closing(report: &Report, colour: Colour) -> String {
    // Each row would say what the error says.
    let mut out = if report.ended_before_all() { String::new() } else { rows(report, colour) };
    let left = words::failures_first(report);
    for row in left.iter().filter(|row| Standing::of_row(row) == Standing::NotMigrated) {
        out.push_str(&explanation(row, colour));
    }
    for (index, pack) in report.pack_logs.iter().enumerate() {
        let mut rows = report.databases.iter().filter(|row| row.pack_log == Some(index));
        if rows.any(|row| Standing::of_row(row) == Standing::NotMigrated) {
            let log = log(&pack.log, colour);
            let name = one_line(&crate::database_name::short_list(&pack.databases)).into_owned();
            let title = colour.paint(Paint::Bold, &format!("the task of {name}"));
            let _ = write!(out, "{}", if log.is_empty() { log } else { format!("\n{title}\n{log}") });
        }
    }
    if !report.notes.is_empty() {
        out.push('\n');
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", one_line(note));
    }
    if !report.databases.is_empty() {
        let paint = match Standing::of(report) {
            Standing::Migrated => Paint::Green,
            _ => Paint::Red,
        };
        let _ = writeln!(out, "\n{}", colour.paint(paint, &words::headline(report)));
    }
    let left: Vec<String> =
        report.not_migrated().map(|name| format!("--database {}", one_line(name))).collect();
    if !left.is_empty() && report.is_resumable {
        let _ = writeln!(out, "go on with what is left: the same command with --resume");
    } else if !left.is_empty() && left.len() < report.databases.len() && left.len() <= LOG_LINES {
        let _ = writeln!(out, "run again for what is left: {}", left.join(" "));
    }
    out
}

/// `error: …`, its evidence indented, and `hint: …` last, where the eye ends.
pub fn failure(failure: &Failure, colour: Colour) -> String {
    let mut out = format!("{} {}\n", colour.paint(Paint::Red, "error:"), one_line(&failure.message));
    for line in failure.evidence.iter().flat_map(|text| lines(text)) {
        let _ = writeln!(out, "  {}", one_line(line));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "{} {}", colour.paint(Paint::Cyan, "hint:"), one_line(hint));
    }
    out
}

fn rows(report: &Report, colour: Colour) -> String {
    let width = report.databases.iter().map(|row| one_line(&row.database).chars().count()).max().unwrap_or(0);
    let words = report.databases.iter().map(|row| words::verdict(report, row).len()).max().unwrap_or(0);
    let mut out = String::new();
    let shown = shown(report);
    let rest = report.databases.len() - shown.len();
    for row in shown {
        let (mark, paint) = match Standing::of_row(row) {
            Standing::Migrated => ('✔', Paint::Green),
            Standing::UnderWay | Standing::NotMigrated => ('✖', Paint::Red),
        };
        let verdict = format!("{mark} {:<words$}", words::verdict(report, row));
        let line = format!(
            "{:<width$}  {}  {}",
            one_line(&row.database),
            colour.paint(paint, &verdict),
            what_was_done(row)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if rest > 0 {
        let _ = writeln!(out, "… and {} more, migrated", words::counted(rest as u64, "database"));
    }
    out
}

/// All of a few databases; of a fleet those that need a person, and the slowest of the others.
fn shown(report: &Report) -> Vec<&DatabaseReport> {
    if !is_fleet(report.databases.len()) {
        return report.databases.iter().collect();
    }
    let mut rows = words::failures_first(report);
    let needed = rows.iter().filter(|row| Standing::of_row(row) != Standing::Migrated).count();
    rows.truncate(needed + SLOWEST);
    rows
}

/// `6 → 12, 6 applied, 57 tables, 48 s`; why, for a database that is not migrated.
fn what_was_done(row: &DatabaseReport) -> String {
    let mut parts = Vec::new();
    match (&row.verdict, words::own_report(row)) {
        (Some(verdict), _) if !verdict.is_migrated() => parts.push(verdict.explain()),
        (_, Some(ran)) => {
            parts.push(words::versions(row));
            parts.push(format!("{} applied", ran.applied.len()));
            parts.extend(ran.tables.map(|tables| words::counted(tables, "table")));
        }
        (Some(verdict), None) => parts.push(verdict.explain()),
        (None, None) => {}
    }
    parts.extend(row.other_run_url.clone());
    parts.extend(words::own_time(row).map(duration));
    parts.extend(words::shared_time(row).map(|ms| format!("in a task of {}", duration(ms))));
    parts.extend(
        words::proved_earlier(row)
            .map(|at| format!("proved by an earlier run at {}", at.strftime("%Y-%m-%d %H:%M UTC"))),
    );
    parts.extend(words::earlier_tasks(row));
    parts.extend(row.waited.as_ref().map(|waited| format!("waited {} for capacity", duration(waited.ms))));
    parts.retain(|part| !part.is_empty());
    one_line(&parts.join(", ")).into_owned()
}

/// Cause, fix and the end of the log of a database that is not migrated; empty when its row has said it all.
fn explanation(row: &DatabaseReport, colour: Colour) -> String {
    let mut out = String::new();
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(out, "  {} {}", colour.paint(Paint::Cyan, &format!("{name}:")), one_line(value));
        }
    };
    fact("failed migration", words::failed_migration(row).as_deref());
    fact("cause", row.diagnosis.map(|diagnosis| diagnosis.cause));
    fact("fix", words::next_step(row).as_deref());
    fact("task", row.task_arn.as_deref());
    out.push_str(&log(&row.log, colour));
    if out.is_empty() {
        out
    } else {
        format!("\n{}\n{out}", colour.paint(Paint::Bold, &one_line(&row.database)))
    }
}

/// The end of a log.
fn log(log: &LogTail, colour: Colour) -> String {
    let mut out = String::new();
    let name = colour.paint(Paint::Cyan, "log:");
    if let Some(note) = &log.note {
        let _ = writeln!(out, "  {name} {}", one_line(note));
    }
    let shown = log.lines().len().min(LOG_LINES);
    if shown > 0 {
        let count = words::counted(log.seen, "line");
        let count = if shown as u64 == log.seen { count } else { format!("the last {shown} of {count}") };
        let _ = writeln!(out, "  {name} {count}");
    }
    for line in log.lines().skip(log.lines().len() - shown) {
        let _ = writeln!(out, "    {}", one_line(line));
    }
    out
}

#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Red,
    Green,
    Cyan,
}

impl Colour {
    /// SGR sequences (ECMA-48, 8.3.117).
    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Red => 31,
            Paint::Green => 32,
            Paint::Cyan => 36,
        };
        match self {
            Self::Always => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Never => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
