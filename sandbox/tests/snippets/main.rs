//! What docs/examples/ offers to copy, run as an image would run it.

#![expect(clippy::unwrap_used, reason = "what these tests cannot go on without has failed them")]

/// The scripts that migrate a pack with one process for each database.
mod packs;
/// The report of an image with Flyway.
mod flyway;

use std::process::{Command, Stdio};

const PAGES: &str = concat!(
    include_str!("../../../docs/examples/packs.md"),
    include_str!("../../../docs/examples/reports.md")
);

/// The block of code of the pages that has `mark` in it.
///
/// # Panics
/// None or several have it.
fn snippet(mark: &str) -> &'static str {
    let blocks = PAGES.split("\n```").skip(1).step_by(2);
    let found: Vec<&str> = blocks.filter_map(|block| block.split_once('\n')).map(|(_, code)| code).collect();
    let found: Vec<&str> = found.into_iter().filter(|code| code.contains(mark)).collect();
    assert_eq!(found.len(), 1, "blocks with {mark:?}");
    found[0]
}

/// Whether a program is on this machine.
fn has(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
