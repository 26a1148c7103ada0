//! Logs per database, cut from the head: what went wrong stands at the end.

use std::collections::VecDeque;

use super::super::words::{self, Standing};
use super::super::{DatabaseReport, LogTail, PackLog, Report};
use super::link;
use crate::untrusted::{html, markdown_text, shortened};

/// Less of a log is no help: then there is only its link.
const LEAST: usize = 2 * 1024;
/// Characters of the line that lists the applied migrations.
const APPLIED: usize = 300;

/// A log per row, empty where there is none: every row gets an equal share of `room`, and those whose database is
/// not migrated are unfolded.
pub(super) fn shared_out(rows: &[&DatabaseReport], room: &mut usize) -> Vec<String> {
    let mut left = rows.len();
    rows.iter()
        .map(|row| {
            let share = (*room / left).max(2 * LEAST).min(*room);
            left -= 1;
            let log = details(row, share);
            *room -= log.len();
            log
        })
        .collect()
}

/// The logs of tasks that migrate packs, each once; those with a database that is not migrated first, and unfolded.
pub(super) fn of_packs(report: &Report, room: &mut usize) -> String {
    let mut packs: Vec<(bool, &PackLog, Option<&str>)> = report
        .pack_logs
        .iter()
        .enumerate()
        .map(|(index, pack)| {
            let rows = || report.databases.iter().filter(|row| row.pack_log == Some(index));
            let url = rows().find_map(|row| row.log_url.as_deref());
            (rows().all(|row| Standing::of_row(row) == Standing::Migrated), pack, url)
        })
        .collect();
    packs.sort_by_key(|(migrated, ..)| *migrated);
    let mut left = packs.len();
    let mut out = String::new();
    for (migrated, pack, url) in packs {
        let share = (*room / left).max(2 * LEAST).min(*room);
        left -= 1;
        let log =
            section(&crate::database_name::short_list(&pack.databases), !migrated, &pack.log, url, "", share);
        *room -= log.len();
        out.push_str(&log);
    }
    out
}

/// At most `limit` bytes; empty when there is neither log nor room.
fn details(row: &DatabaseReport, limit: usize) -> String {
    // What a pack's databases printed stands in the log that they share.
    if row.pack_log.is_some() {
        return String::new();
    }
    let open = Standing::of_row(row) == Standing::NotMigrated;
    section(&row.database, open, &row.log, row.log_url.as_deref(), &applied(row), limit)
}

fn section(what: &str, open: bool, log: &LogTail, url: Option<&str>, applied: &str, limit: usize) -> String {
    const END: &str = "</pre>\n\n</details>\n\n";
    if log.lines().len() == 0 && log.note.is_none() && applied.is_empty() {
        return String::new();
    }
    let open = if open { " open" } else { "" };
    let what = markdown_text(&shortened(what, 100));
    let link = link("whole log", url).map(|link| format!(", {link}")).unwrap_or_default();
    let note =
        log.note.as_deref().map(|note| format!("<p>{}</p>\n", markdown_text(&shortened(note, APPLIED))));
    let note = note.unwrap_or_default();
    // The count of lines is not known yet: no u64 is longer than twenty digits, with commas and words.
    let frame = what.len() + link.len() + note.len() + applied.len() + END.len() + 160;
    if limit < frame + LEAST {
        return String::new();
    }
    let lines = last(log.lines(), limit - frame);
    let (shown, seen) = (lines.count as u64, log.seen);
    let count = words::counted(seen, "line");
    let count = if shown == seen { count } else { format!("the last {shown} of {count}") };
    let head =
        format!("<details{open}><summary>Log of <b>{what}</b>: {count}{link}</summary>\n{note}{applied}\n");
    if shown == 0 { format!("{head}</details>\n\n") } else { format!("{head}<pre>{}{END}", lines.text) }
}

/// The migrations that the task says it applied.
fn applied(row: &DatabaseReport) -> String {
    let Some(report) = words::own_report(row).filter(|report| !report.applied.is_empty()) else {
        return String::new();
    };
    let names = report.applied.iter().take(APPLIED).map(|one| format!("{} {}", one.version, one.name));
    let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    format!("<p>Applied: {}</p>\n", markdown_text(&shortened(&names.join(", "), APPLIED)))
}

/// Escaped lines for a `<pre>`.
pub(super) struct Lines {
    pub text: String,
    pub count: usize,
}

/// The last lines that fit into `limit` bytes once they are escaped, at least the very last one's beginning.
pub(super) fn last<'a>(lines: impl DoubleEndedIterator<Item = &'a str>, limit: usize) -> Lines {
    /// `\u{202e}`: no character is longer once it is escaped.
    const ESCAPED: usize = 8;
    let mut kept = VecDeque::new();
    let mut used = 0;
    for line in lines.rev() {
        let line = if kept.is_empty() { html(&shortened(line, limit / ESCAPED - 1)) } else { html(line) };
        used += line.len() + 1;
        if used > limit {
            break;
        }
        kept.push_front(line);
    }
    Lines { count: kept.len(), text: kept.make_contiguous().join("\n") }
}
