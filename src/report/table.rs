//! A row per database: those that need a person first, then the others in the order of the run, which are folded in a large
//! fleet.

use super::DatabaseReport;
use super::words;
use crate::document::link;
use crate::hex::is_commit;
use crate::untrusted::{markdown_cell, markdown_code, shortened};
use crate::verdict::Verdict;
use crate::words::{counted, duration};

/// Rows that are not folded: about what two screens show.
pub(super) const OPEN: usize = 50;

const HEAD: [&str; 2] = [
    "\
| database | verdict | commit<br><sub>image</sub> | version | applied | tables | time<br><sub>queue / pull / run</sub> |
|---|---|---|---|---:|---:|---|
",
    "\
| database | verdict | commit<br><sub>image</sub> | version | applied | tables | schema | time<br><sub>queue / pull / run</sub> |
|---|---|---|---|---:|---:|---|---|
",
];
/// Characters of a schema's digest that a row shows: as many as docker shows of a digest.
const SCHEMA: usize = 12;

/// Returns the table of as many rows as fit into `limit` bytes, and a count of the others.
///
/// Links are most of a row: when the folded rows do not fit with them, they go without.
pub(super) fn databases(rows: &[&DatabaseReport], limit: usize) -> String {
    /// Bytes for what stands around the rows.
    const AROUND: usize = 1024;
    let (open, folded) = rows.split_at(rows.len().min(OPEN));
    if open.is_empty() {
        return String::new();
    }
    let room = limit.saturating_sub(AROUND);
    let (mut out, mut shown) = table(open, Links::Shown, room);
    out.push('\n');
    if shown == open.len() && !folded.is_empty() {
        let room = room.saturating_sub(out.len());
        let (mut text, mut fit) = table(folded, Links::Shown, room);
        if fit < folded.len() {
            (text, fit) = table(folded, Links::Left, room);
        }
        let summary = counted(folded.len(), "more database");
        let states = words::states(folded);
        out.push_str(&format!("<details><summary>{summary}: {states}</summary>\n\n{text}\n</details>\n\n"));
        shown += fit;
    }
    let left = &rows[shown..];
    if !left.is_empty() {
        let count = counted(left.len(), "more database");
        let states = words::states(left);
        out.push_str(&format!("… and {count}, {states}: the output `result` has them.\n\n"));
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Shown,
    Left,
}

/// Returns the table of those rows that fit into `room` bytes, and how many these are.
fn table(rows: &[&DatabaseReport], links: Links, room: usize) -> (String, usize) {
    let has_schemas = rows.iter().any(|row| schema(row).is_some());
    let mut out = HEAD[usize::from(has_schemas)].to_owned();
    for (index, row) in rows.iter().enumerate() {
        let line = line(row, links, has_schemas);
        if out.len() + line.len() > room {
            return (out, index);
        }
        out.push_str(&line);
    }
    (out, rows.len())
}

fn line(row: &DatabaseReport, links: Links, has_schemas: bool) -> String {
    let ran = words::own_report(row);
    let mut cells = vec![
        database(row, links),
        verdict(row) + &killed(row),
        image_cell(row),
        markdown_cell(&words::versions(row)),
        number(ran.map(|ran| ran.applied.len())),
        number(ran.and_then(|ran| ran.tables)),
    ];
    if has_schemas {
        let drifted = row.drift.as_ref().map_or("", |_| "⚠️ ");
        cells.push(schema(row).map_or_else(String::new, |text| format!("{drifted}{}", markdown_code(&text))));
    }
    cells.push(durations(row));
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the name, and below it links to the task, its log and another run that migrates the database.
fn database(row: &DatabaseReport, links: Links) -> String {
    let name = markdown_cell(&row.database);
    if links == Links::Left {
        return name;
    }
    let links = [("task", &row.task_url), ("log", &row.log_url), ("the other run", &row.other_run_url)];
    let links = links.into_iter().filter_map(|(label, url)| link(label, url.as_deref()?));
    let links: Vec<String> = links.collect();
    if links.is_empty() { name } else { format!("{name}<br><sub>{}</sub>", links.join(" · ")) }
}

fn verdict(row: &DatabaseReport) -> String {
    let word = words::verdict(row);
    let mark = words::mark(row).emoji();
    match &row.verdict {
        Some(Verdict::WrongDatabase { asked, reported, .. }) => {
            let (asked, reported) = (markdown_cell(asked), markdown_cell(reported));
            format!("{mark} **{word}**: asked for {asked}, connected to **{reported}**")
        }
        Some(verdict @ Verdict::NotRun { .. }) => {
            format!("{mark} **{word}**: {}", markdown_cell(&verdict.explain()))
        }
        Some(verdict) if !verdict.is_migrated() => match row.exit_code {
            Some(code) => format!("{mark} **{word}**<br><sub>exit code {code}</sub>"),
            None => format!("{mark} **{word}**"),
        },
        _ if words::proved_earlier(row).is_some() => format!("{mark} {word}<br><sub>by an earlier run</sub>"),
        _ => format!("{mark} {word}"),
    }
}

fn killed(row: &DatabaseReport) -> String {
    words::killed_tasks(row).map(|text| format!("<br><sub>{text}</sub>")).unwrap_or_default()
}

/// Returns what its task ran: the short commit, and below it the digest as docker shortens it.
fn image_cell(row: &DatabaseReport) -> String {
    const COMMIT: usize = 7;
    const TAG: usize = 20;
    const DIGEST: usize = 12;
    let tag = row
        .tag
        .as_deref()
        .map(|tag| markdown_code(&if is_commit(tag) { tag[..COMMIT].into() } else { shortened(tag, TAG) }));
    let digest = row.image_digest.as_deref().map(|digest| {
        let digits = digest.split_once(':').map_or(digest, |(_, digits)| digits);
        let short: String = digits.chars().take(DIGEST).collect();
        format!("<sub>{}</sub>", markdown_code(&short))
    });
    let parts: Vec<String> = [tag, digest].into_iter().flatten().collect();
    if parts.is_empty() { "–".to_owned() } else { parts.join("<br>") }
}

/// Returns the database's time, and below it where its task's time went, which other databases may share.
fn durations(row: &DatabaseReport) -> String {
    let total = words::own_time(row).map_or_else(|| "–".to_owned(), duration);
    let parts = row.times.stages_ms();
    let mut below: Vec<String> = words::shared_time(row).into_iter().collect();
    if parts.iter().any(Option::is_some) {
        below.push(parts.map(|part| part.map_or_else(|| "–".to_owned(), duration)).join(" / "));
    }
    let below: String = below.iter().map(|line| format!("<br><sub>{line}</sub>")).collect();
    format!("{total}{below}").replace(' ', "&nbsp;")
}

/// Returns the first digits of the schema that its report says; `None` where it says none.
fn schema(row: &DatabaseReport) -> Option<String> {
    let schema = words::own_report(row)?.schema.as_deref()?;
    let digits = schema.split_once(':').map_or(schema, |(_, digits)| digits);
    Some(digits.chars().take(SCHEMA).collect())
}

fn number<N: ToString>(number: Option<N>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| number.to_string())
}
