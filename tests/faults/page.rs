//! docs/reliability.md, made from the figures of a run and from the bugs that were put back.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::sum::Sum;

const PAGE: &str = "docs/reliability.md";
const FIGURES: &str = "docs/reliability.json";
const KILLS: &str = "docs/kills.json";
const BUGS: &str = "tests/faults/bugs";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

fn with_block(page: &str, name: &str, block: &str) -> String {
    let (begin, end) = (format!("<!-- begin: {name} -->"), format!("<!-- end: {name} -->"));
    let (head, rest) = page.split_once(&begin).expect("the block's begin");
    let (_, tail) = rest.split_once(&end).expect("the block's end");
    format!("{head}{begin}\n\n{}\n\n{end}{tail}", block.trim_end())
}

fn totals(sum: &Sum) -> String {
    let mut table = "| | |\n| --- | --- |\n".to_owned();
    let rows = [
        ("days", sum.days),
        ("runs that came to their end", sum.runs),
        ("runs that were killed", sum.killed),
        ("databases", sum.databases),
        ("tasks", sum.tasks),
        ("calls of AWS", sum.calls),
    ];
    for (name, count) in rows {
        let _ = writeln!(table, "| {name} | {count} |");
    }
    let _ = writeln!(table, "| simulated hours | {:.0} |", sum.hours);
    if let Some(peak) = sum.peak_mib {
        let _ = writeln!(table, "| peak memory with {} days at a time | {peak:.0} MiB |", sum.threads);
    }
    let _ = writeln!(table, "| days with a violation | {} |", sum.violations.len());
    table
}

/// Rounds with the real program, as `cargo bench -- kills` has written their figures.
fn kills() -> String {
    let sum: Value = serde_json::from_str(&read(KILLS)).expect("figures");
    let mut table = "| | |\n| --- | --- |\n".to_owned();
    for (name, key) in [
        ("fleets", "/rounds"),
        ("runs that came to their end", "/runs"),
        ("of these, interrupted", "/interrupted"),
        ("of these, without a result", "/without_result"),
        ("runs that were killed", "/killed"),
        ("databases", "/databases"),
        ("tasks", "/tasks"),
        ("pieces of requests", "/network/requests"),
        ("of these, lost", "/network/lost_requests"),
        ("pieces of answers that were lost", "/network/lost_answers"),
        ("cut in half", "/network/half_answers"),
        ("two seconds late", "/network/slow"),
    ] {
        let _ = writeln!(table, "| {name} | {} |", sum.pointer(key).expect("a figure"));
    }
    for (verdict, count) in sum["verdicts"].as_object().expect("verdicts") {
        let _ = writeln!(table, "| verdicts *{verdict}*, in all runs | {count} |");
    }
    let violations = sum["violations"].as_array().expect("violations").len();
    let _ = writeln!(table, "| violations | {violations} |");
    table
}

fn counts<K: std::fmt::Display>(of: &str, counts: impl IntoIterator<Item = (K, u64)>, what: &str) -> String {
    let mut table = format!("| {of} | {what} |\n| --- | --- |\n");
    for (key, count) in counts {
        let _ = writeln!(table, "| {key} | {count} |");
    }
    table
}

fn kinds(sum: &Sum) -> String {
    let mut table = "| what happens | drawn | times it struck |\n| --- | --- | --- |\n".to_owned();
    for (kind, one) in &sum.kinds {
        let _ = writeln!(table, "| {kind} | {} | {} |", one.drawn, one.struck);
    }
    table
}

/// The bugs that were put back, with what the oracle says of the day that it caught each on.
fn bugs() -> String {
    let mut table = "| bug | seed |\n| --- | --- |\n".to_owned();
    for row in read(&format!("{BUGS}/caught.tsv")).lines() {
        let mut fields = row.split('\t');
        let (name, seed) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let patch = read(&format!("{BUGS}/{name}.patch"));
        let what = patch.lines().next().unwrap_or_default();
        let _ = writeln!(table, "| [{name}](../{BUGS}/{name}.patch): {what} | {seed} |");
    }
    table
}

fn made() -> String {
    let sum: Sum = serde_json::from_str(&read(FIGURES)).expect("figures");
    let verdicts = sum.verdicts.iter().map(|(word, count)| (word, *count));
    let codes = sum.exit_codes.iter().map(|(code, count)| (code, *count));
    let blocks = [
        ("totals", totals(&sum)),
        ("verdicts", counts("verdict", verdicts, "databases")),
        ("exit codes", counts("exit code", codes, "runs")),
        ("kinds", kinds(&sum)),
        ("kills", kills()),
        ("bugs", bugs()),
    ];
    blocks.iter().fold(read(PAGE), |page, (name, block)| with_block(&page, name, block))
}

#[test]
fn the_page_is_what_the_figures_make() {
    let made = made();
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), &made).expect("write the page");
    }
    assert!(
        read(PAGE) == made,
        "{PAGE} is not what its figures make; make it with: UPDATE_PAGES=1 cargo test --workspace --locked --test faults page"
    );
}
