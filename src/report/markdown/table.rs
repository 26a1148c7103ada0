//! A row per database.

use super::super::words::{self, Standing, duration};
use super::super::{DatabaseReport, Report};
use super::link;
use crate::untrusted::markdown_cell;
use crate::verdict::Verdict;

const HEAD: &str = "\
| database | verdict | exit code | version | applied | pending | tables | queue / pull / run / total | AWS |
|---|---|---:|---|---:|---:|---:|---|---|
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
    let ran = row.migration_report.as_ref();
    let links = [link("task", row.task_url.as_deref()), link("log", row.log_url.as_deref())];
    let links: Vec<String> = links.into_iter().flatten().collect();
    let cells = [
        markdown_cell(&row.database),
        verdict(report, row),
        number(row.exit_code),
        markdown_cell(&words::versions(row)),
        number(ran.map(|ran| ran.applied.len())),
        number(ran.map(|ran| ran.pending)),
        number(ran.and_then(|ran| ran.tables)),
        durations(row),
        if links.is_empty() { "–".to_owned() } else { links.join(" · ") },
    ];
    format!("| {} |\n", cells.join(" | "))
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

fn durations(row: &DatabaseReport) -> String {
    let parts = [row.durations.queue_ms, row.durations.pull_ms, row.durations.run_ms, row.durations.total_ms];
    if parts.iter().all(Option::is_none) {
        return "–".to_owned();
    }
    parts.map(|part| part.map_or_else(|| "–".to_owned(), duration)).join(" / ")
}

fn number<N: ToString>(number: Option<N>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| number.to_string())
}
