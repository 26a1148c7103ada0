//! The only place that writes to stdout and stderr. A log driver reads lines as they come, so each is
//! flushed; a reader that has gone away is no reason to roll back a migration, so errors are ignored.

use crate::failure::Failure;
use std::io::Write;

/// Writes one line to stdout.
pub fn line(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

/// Writes `error: …` and `hint: …` to stderr.
pub fn failure(failure: &Failure) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", failure.message);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}
