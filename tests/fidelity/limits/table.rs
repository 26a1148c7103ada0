//! The tables of docs/aws-limits.md.

use std::path::Path;

/// A row below a heading; its cells keep their Markdown.
pub struct Row {
    pub section: &'static str,
    pub cells: Vec<String>,
}

pub fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws-limits.md");
    std::fs::read_to_string(path).expect("read docs/aws-limits.md")
}

/// The rows of the one table below a heading.
pub fn rows(section: &'static str) -> Vec<Row> {
    let text = document();
    let below = text.split_once(&format!("{section}\n")).unwrap_or_else(|| panic!("no {section}")).1;
    let own = below.split("\n## ").next().unwrap_or_default();
    let rows: Vec<Row> = own
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| Row { section, cells: cells(line) })
        .collect();
    assert!(rows.len() > 5, "{section} has no table");
    rows
}

/// `\|` is a bar in a cell.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\0");
    line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// The items `` `path: what` `` of a cell.
pub fn code_items(cell: &str) -> Vec<(String, String)> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|item| item.split_once(": "))
        .map(|(path, what)| (path.to_owned(), what.to_owned()))
        .collect()
}

/// A number and its unit; times are milliseconds, sizes bytes.
pub fn amount(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(',', "").parse().ok()?;
    Some(
        number
            * match unit {
                "KiB" => 1024.0,
                "MiB" => 1024.0 * 1024.0,
                "s" => 1000.0,
                "h" => 3_600_000.0,
                _ => 1.0,
            },
    )
}
