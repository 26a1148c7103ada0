//! What a task runs when its exit code and its output are all that matter.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::program::compiled;

/// Prints `LINES` numbered lines, runs on for `SECONDS`, and exits with `EXIT_CODE`. Its file has the name that the
/// task definition's command names.
const SOURCE: &str = r#"
fn number<N: std::str::FromStr>(name: &str, default: N) -> N {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    for line in 0..number("LINES", 1_u32) {
        println!("line {line}");
    }
    std::thread::sleep(std::time::Duration::from_secs(number("SECONDS", 0_u64)));
    std::process::exit(number("EXIT_CODE", 0_i32));
}
"#;

/// A static executable.
pub fn exiting_program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &PROGRAM.get_or_init(|| compiled(SOURCE)).1
}
