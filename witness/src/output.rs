//! The only place that writes to stdout and stderr. A log driver reads lines as they come, so each is
//! flushed; a reader that has gone away is not a reason to roll back a migration, so errors are ignored.

use crate::failure::Failure;
use std::io::Write;
use std::sync::Arc;

/// Writes one line to stdout.
pub fn line(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

/// Where lines about one database go: in a pack, each begins with the database's name.
#[derive(Clone, Debug, Default)]
pub struct Log {
    database: Option<Arc<str>>,
}

impl Log {
    pub fn of_pack(database: &str) -> Self {
        Self { database: Some(database.into()) }
    }

    pub fn line(&self, text: impl std::fmt::Display) {
        match &self.database {
            None => line(text),
            Some(database) => line(format_args!("{database}: {text}")),
        }
    }

    /// Writes a line about a single database. In a pack it writes nothing: there may be thousands of databases.
    pub fn detail(&self, text: impl std::fmt::Display) {
        if self.database.is_none() {
            line(text);
        }
    }

    pub fn failure(&self, about: &Failure) {
        match &self.database {
            None => failure(about),
            Some(database) => {
                let message = format!("{database}: {}", about.message);
                failure(&Failure { exit: about.exit, message, hint: about.hint.clone() });
            }
        }
    }
}

/// Writes `error: …` and `hint: …` to stderr.
pub fn failure(failure: &Failure) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", failure.message);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}
