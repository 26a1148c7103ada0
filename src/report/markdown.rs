//! The job summary: what a person reads on the run's page on GitHub.
//!
//! Nothing from outside is markup here: see [`crate::untrusted`]. The whole is never larger than [`SUMMARY_LIMIT`], whatever
//! comes in; what has to give way are the logs of migrated databases, then the heads of the others' logs.

use std::fmt::Write as _;

use super::words::{self, Standing, duration};
use super::{DatabaseReport, ImageUsed, Report, RevisionUsed};
use crate::failure::Failure;
use crate::untrusted::{fence, html, markdown_cell, markdown_code, markdown_text, shortened};
use crate::workflow_commands::SUMMARY_LIMIT;

mod gantt;
mod logs;
mod next;
mod table;

/// What the parts may take of it; the rest is for logs, at least 300 KiB.
const TABLE: usize = 320 * 1024;
const FAILURES: usize = 128 * 1024;
const DIFF: usize = 64 * 1024;
const NOTES: usize = 16 * 1024;
const ERROR: usize = 48 * 1024;

const LOGS: &str = "### Logs\n\n";

/// Characters of a sentence from outside: ECS keeps 1,024 of a reason.
const SENTENCE: usize = 2_000;

/// The summary of a run that goes on or is over.
pub fn summary(report: &Report) -> String {
    let rows = words::failures_first(report);
    let head = [
        headline(report),
        error(report),
        table::databases(report, &rows, TABLE),
        next::next(report),
        gantt::fleet(&rows),
    ]
    .concat();
    let tail = [what_ran(report), diff(report), notes(report)].concat();
    let (explained, migrated): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .filter(|row| !is_told_by_the_table(row))
        .partition(|row| Standing::of_row(row) != Standing::Migrated);
    let explanations = explanations(report, &explained);

    let fixed: usize = [&head, &tail].into_iter().chain(&explanations).map(String::len).sum();
    let mut room = SUMMARY_LIMIT.saturating_sub(fixed + LOGS.len());
    let unfolded = logs::shared_out(&explained, &mut room);
    let packs = logs::of_packs(report, &mut room);
    let folded = logs::shared_out(&migrated, &mut room).concat();

    let mut out = head;
    for (index, log) in unfolded.iter().enumerate() {
        out.push_str(explanations.get(index).map_or("", String::as_str));
        out.push_str(log);
    }
    out.push_str(&tail);
    if !(packs.is_empty() && folded.is_empty()) {
        out.push_str(LOGS);
        out.push_str(&packs);
        out.push_str(&folded);
    }
    out
}

/// A database that no task was started for, or that only waits, needs no section of its own.
fn is_told_by_the_table(row: &DatabaseReport) -> bool {
    words::is_not_run(row) || row.verdict.is_none() && row.log.last().is_none()
}

fn headline(report: &Report) -> String {
    let by_exit_code = words::by_exit_code(report);
    let by_deployment = words::by_deployment(report);
    // No green tick without proof.
    let emoji = match Standing::of(report) {
        Standing::Migrated if by_exit_code + by_deployment > 0 => "⚠️",
        standing => standing.emoji(),
    };
    let mut out = format!("## {emoji} {}\n\n", sentence(&words::headline(report)));
    if by_exit_code > 0 {
        let of_them = words::counted(by_exit_code as u64, "database");
        let _ = writeln!(
            out,
            "⚠️ {of_them} migrated by exit code alone: no migration report was seen, so nothing proves which \
             database it was connected to.\n"
        );
    }
    if by_deployment > 0 {
        let of_them = words::counted(by_deployment as u64, "database");
        let _ = writeln!(
            out,
            "⚠️ {of_them} migrated by an earlier run, as GitHub's Deployments say: they do not say whether a migration \
             report proved it. With `--require-report` they do.\n"
        );
    }
    out
}

/// What ended the run, with its hint and evidence.
fn error(report: &Report) -> String {
    report.error.as_ref().map(failure).unwrap_or_default()
}

pub(super) fn failure(failure: &Failure) -> String {
    let mut out = format!("**Error:** {}\n\n", prose(&failure.message));
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "**To fix it:** {}\n", prose(hint));
    }
    if !failure.evidence.is_empty() {
        let evidence = failure.evidence.iter().map(String::as_str);
        let _ = writeln!(out, "<pre>{}</pre>\n", logs::last(evidence, ERROR).text);
    }
    out
}

/// A section for each database that is not migrated: why, and what to do about it. Its log follows.
fn explanations(report: &Report, failures: &[&DatabaseReport]) -> Vec<String> {
    let mut used = 0;
    failures
        .iter()
        .map(|row| explanation(report, row))
        .take_while(|text| {
            used += text.len();
            used <= FAILURES
        })
        .collect()
}

fn explanation(report: &Report, row: &DatabaseReport) -> String {
    let word = words::verdict(report, row);
    let mark = words::mark(report, row);
    let mut out = format!("### {mark} {}: {word}\n\n", markdown_cell(&row.database));
    if let Some(verdict) = &row.verdict {
        let why = verdict.explain();
        let _ = writeln!(out, "{}.\n", sentence(&prose(why.trim_end_matches('.'))));
    }
    let mut facts = Vec::new();
    if let Some(diagnosis) = row.diagnosis {
        facts.push(("Cause", sentence(&prose(diagnosis.cause))));
    }
    if let Some(next) = words::next_step(row) {
        facts.push(("To fix it", sentence(&prose(&next))));
    }
    facts.extend(words::failed_migration(row).map(|failed| ("Failed migration", prose(&failed))));
    // Names of AWS, which is what one searches for.
    facts.extend(row.stopped_reason.as_deref().map(|reason| ("stoppedReason", prose(reason))));
    facts.extend(row.stop_code.as_deref().map(|code| ("stopCode", prose(code))));
    facts.extend(link("its page", row.other_run_url.as_deref()).map(|link| ("The other run", link)));
    facts.extend(row.task_arn.as_deref().map(|arn| ("Task", markdown_code(arn))));
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "- **{name}:** {value}");
    }
    if !facts.is_empty() {
        out.push('\n');
    }
    out
}

fn what_ran(report: &Report) -> String {
    let mut out = "### What ran\n\n| | |\n|---|---|\n".to_owned();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "| {name} | {value} |");
        }
    };
    row("commit or tag", report.tag.as_deref().map(markdown_code));
    row("image", report.image.as_ref().map(image));
    row(
        "task definition",
        report.revision.as_ref().map(revision).or_else(|| Some(markdown_code(&report.family))),
    );
    row("container", Some(markdown_code(&report.container)));
    row("cluster", Some(markdown_code(&report.cluster)));
    let place = [report.region.as_deref(), report.account.as_deref()];
    let place: Vec<String> = place.into_iter().flatten().map(markdown_code).collect();
    row("region, account", (!place.is_empty()).then(|| place.join(", ")));
    let began = report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    row("started", Some(markdown_cell(&began)));
    let took = report.ended_at.map(|ended| ended.as_millisecond() - report.started_at.as_millisecond());
    row("took", took.map(duration));
    out.push('\n');
    out
}

pub(super) fn image(image: &ImageUsed) -> String {
    let digest = image.digest.as_deref().filter(|digest| !image.reference.ends_with(digest));
    let digest = digest.map(|digest| format!(", {}", markdown_code(digest))).unwrap_or_default();
    format!("{}{digest} ({})", markdown_code(&image.reference), image.source.word())
}

fn revision(revision: &RevisionUsed) -> String {
    let origin = if revision.registered { "registered by this run" } else { "reused: nothing changed" };
    format!("{} ({origin})", markdown_code(&revision.arn))
}

fn diff(report: &Report) -> String {
    if report.diff.trim().is_empty() {
        return String::new();
    }
    let mut used = 0;
    let kept: Vec<&str> = report
        .diff
        .lines()
        .take_while(|line| {
            used += line.len() * 2 + 1;
            used <= DIFF
        })
        .collect();
    let rest = report.diff.lines().count() - kept.len();
    let note = if rest == 0 {
        String::new()
    } else {
        format!("… and {} more\n\n", words::counted(rest as u64, "line"))
    };
    format!(
        "<details><summary>Changes of the task definition</summary>\n\n{}\n{note}</details>\n\n",
        fence("diff", &kept.join("\n"))
    )
}

fn notes(report: &Report) -> String {
    let mut out = String::new();
    for note in &report.notes {
        let line = format!("- {}\n", prose(note));
        if out.len() + line.len() > NOTES {
            out.push_str("- …\n");
            break;
        }
        out.push_str(&line);
    }
    if out.is_empty() { out } else { format!("### Notes\n\n{out}\n") }
}

/// A sentence from outside, in a paragraph.
fn prose(text: &str) -> String {
    markdown_text(&shortened(text, SENTENCE))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A link of ours; anything but an HTTP address is none. What could end it or the cell is percent-encoded.
fn link(label: &str, url: Option<&str>) -> Option<String> {
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"))?;
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => safe.push(byte as char),
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'=' | b'&' | b'%' | b'$' | b'+'
            | b',' | b';' => safe.push(byte as char),
            _ => {
                let _ = write!(safe, "%{byte:02X}");
            }
        }
    }
    (safe.len() <= 2_000).then(|| format!("<a href=\"{}\">{label}</a>", html(&safe)))
}

#[cfg(test)]
mod tests;
