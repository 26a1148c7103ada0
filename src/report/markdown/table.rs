//! A row per database.

use super::super::words::{self, Standing, duration};
use super::super::{DatabaseReport, Report};
use super::link;
use crate::untrusted::markdown_cell;
use crate::verdict::Verdict;

const HEAD: &str = "\
| database | verdict | exit code | version | applied | pending | tables | time<br><sub>queue / pull / run</sub> |
|---|---|---:|---|---:|---:|---:|---|
";

/// As many rows as fit into `limit` bytes, and a count of the others.
pub(super) fn databases(report: &Report, rows: &[&DatabaseReport], limit: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = HEAD.to_owned();
    for (index, row) in rows.iter().enumerate() {
        let line = line(report, row);
        if out.len() + line.len() > limit {
            let rest = words::counted((rows.len() - index) as u64, "more database");
            let all_migrated = rows[index..].iter().all(|row| Standing::of_row(row) == Standing::Migrated);
            let which = if all_migrated { ", all of them migrated" } else { "" };
            out.push_str(&format!("\n… and {rest}{which}: the output `result` has them.\n"));
            break;
        }
        out.push_str(&line);
    }
    out.push('\n');
    out
}

fn line(report: &Report, row: &DatabaseReport) -> String {
    let ran = words::own_report(row);
    let cells = [
        database(row),
        verdict(report, row),
        number(row.exit_code),
        markdown_cell(&words::versions(row)),
        number(ran.map(|ran| ran.applied.len())),
        number(ran.map(|ran| ran.pending)),
        number(ran.and_then(|ran| ran.tables)),
        durations(row),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The name, and below it links into the AWS console.
fn database(row: &DatabaseReport) -> String {
    let links = [link("task", row.task_url.as_deref()), link("log", row.log_url.as_deref())];
    let links: Vec<String> = links.into_iter().flatten().collect();
    let name = markdown_cell(&row.database);
    if links.is_empty() { name } else { format!("{name}<br><sub>{}</sub>", links.join(" · ")) }
}

fn verdict(report: &Report, row: &DatabaseReport) -> String {
    let word = words::verdict(report, row);
    let mark = words::mark(report, row);
    match &row.verdict {
        Some(Verdict::WrongDatabase { asked, reported, .. }) => {
            let (asked, reported) = (markdown_cell(asked), markdown_cell(reported));
            format!("{mark} **{word}**: asked for {asked}, connected to **{reported}**")
        }
        Some(verdict @ Verdict::NotRun { .. }) => {
            format!("{mark} **{word}**: {}", markdown_cell(&verdict.explain()))
        }
        Some(verdict) if !verdict.is_migrated() => format!("{mark} **{word}**"),
        _ => format!("{mark} {word}"),
    }
}

/// The total, and below it where it went.
fn durations(row: &DatabaseReport) -> String {
    let times = &row.durations;
    let total = times.total_ms.map_or_else(|| "–".to_owned(), duration);
    let parts = [times.queue_ms, times.pull_ms, times.run_ms];
    if parts.iter().all(Option::is_none) {
        return total;
    }
    let parts = parts.map(|part| part.map_or_else(|| "–".to_owned(), duration)).join(" / ");
    format!("{total}<br><sub>{parts}</sub>").replace(' ', "&nbsp;")
}

fn number<N: ToString>(number: Option<N>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| number.to_string())
}
