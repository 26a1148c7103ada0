//! When the tasks of the fleet waited, pulled and ran: a Mermaid gantt, which GitHub draws.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::DatabaseReport;
use super::words::mark;
use crate::document::Mark;
use crate::untrusted::{fence, printable};
use crate::words::counted;

/// More rows than this cannot be read.
const ROWS: usize = 50;
/// Mermaid draws no more text than this (maxTextSize).
pub(super) const LIMIT: usize = 50_000;
/// Characters of a name, and pixels of each at Mermaid's font size of 11.
const NAME: usize = 40;
const CHARACTER: usize = 7;
/// Pixels of the chart, which a narrower page draws smaller, and to the right of its bars (Mermaid's rightPadding).
const WIDTH: usize = 900;
const RIGHT: usize = 75;
/// The label of a bar that is too short for its word, which would stick out over the neighbouring bars: Mermaid takes
/// no bar without a label, nor one of white space.
const BLANK: &str = "\u{2800}";

/// Draws the first rows of the table. Empty when ECS gave no times.
///
/// The times are in UTC whatever the reader's zone: Mermaid reads and writes them without one.
pub(super) fn fleet(rows: &[&DatabaseReport]) -> String {
    let drawn: Vec<_> =
        rows.iter().map(|row| (row, bars(row))).filter(|(_, bars)| !bars.is_empty()).collect();
    let timed = drawn.len();
    let drawn = &drawn[..timed.min(ROWS)];
    let edges = || drawn.iter().flat_map(|(_, bars)| bars).flat_map(|bar| [bar.from, bar.to]);
    let (Some(first), Some(last)) = (edges().min(), edges().max()) else { return String::new() };
    let names: Vec<String> = drawn.iter().map(|(row, _)| name(row)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = 20 + CHARACTER * widest;
    let whole = last.as_millisecond() - first.as_millisecond();
    let fits = |Bar { label, from, to, .. }: &Bar| {
        let length = to.as_millisecond() - from.as_millisecond();
        length * (WIDTH - left - RIGHT) as i64 >= whole * (CHARACTER * label.len()) as i64
    };
    let mut chart = format!(
        "---\ndisplayMode: compact\nconfig:\n  gantt:\n    useWidth: {WIDTH}\n    leftPadding: {left}\n---\ngantt\n  dateFormat YYYY-MM-DD HH:mm:ss.SSS\n  \
         axisFormat {}\n",
        if whole < 10_000 { "%S.%L" } else { "%H:%M:%S" },
    );
    for (name, (_, bars)) in names.iter().zip(drawn) {
        let _ = writeln!(chart, "  section {name}");
        for bar @ Bar { label, style, from, to } in bars {
            let label = if fits(bar) { *label } else { BLANK };
            let _ = writeln!(chart, "  {label} :{style}{}, {}", time(*from), time(*to));
        }
    }
    let which = if timed > ROWS {
        format!(" of the first {ROWS} in the table, of {}", counted(timed, "database"))
    } else {
        String::new()
    };
    debug_assert!(chart.len() <= LIMIT);
    format!(
        "<details open><summary>When the tasks ran{which}, in UTC</summary>\n\n{}\n</details>\n\n",
        fence("mermaid", &chart)
    )
}

struct Bar {
    label: &'static str,
    /// Mermaid's tags, which are colours: `done` is grey, `active` light, `crit` red.
    style: &'static str,
    from: Timestamp,
    to: Timestamp,
}

/// Returns a bar for each part of the task's time; the last one of a task that failed says so.
fn bars(row: &DatabaseReport) -> Vec<Bar> {
    let times = &row.times;
    let pulled = times.pull_started;
    let stages = [
        ("queue", "done, ", times.created, pulled.or(times.started).or(times.ended)),
        ("pull", "active, ", pulled, times.pull_stopped.or(times.started).or(times.ended)),
        ("run", "", times.started, times.ended),
    ];
    let bars = stages.into_iter().filter_map(|(label, style, from, to)| {
        let (from, to) = (from?, to?);
        (from <= to).then_some(Bar { label, style, from, to })
    });
    let mut bars: Vec<Bar> = bars.collect();
    if mark(row) == Mark::Bad
        && let Some(last) = bars.last_mut()
    {
        // One short word, which fits into a bar; the table has the verdict.
        (last.label, last.style) = ("failed", "crit, ");
    }
    bars
}

/// Returns a row's sign and name, without Mermaid's syntax: only punctuation is syntax, and becomes its fullwidth
/// form.
fn name(row: &DatabaseReport) -> String {
    let name = printable(&row.database, NAME);
    let name: String = name
        .chars()
        .map(|char| match char {
            '_' | '-' | '.' | ' ' => char,
            // The fullwidth forms stand in ASCII's order, from U+FF01 on.
            _ if char.is_ascii_punctuation() => char::from_u32(char as u32 + 0xfee0).unwrap_or('\u{fffd}'),
            _ if char.is_whitespace() => ' ',
            _ => char,
        })
        .collect();
    format!("{} {name}", mark(row).sign())
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

#[cfg(test)]
mod tests;
