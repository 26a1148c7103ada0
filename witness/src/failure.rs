//! What went wrong, what to do about it, and how the process ends.

use std::process::ExitCode;

/// How the process ends. The numbers are part of the command line's contract (`app --help`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// A migration failed, or the schema is not one that this binary knows.
    Failed = 1,
    /// Bad flags or settings; nothing was changed. clap's own errors end so, too.
    Usage = 2,
    Unreachable = 3,
    /// Another run held the migration lock for longer than `--lock-timeout`.
    Locked = 4,
    /// The witness: the command cannot be run.
    NotRun = 126,
    /// The witness: the command is not there.
    NotFound = 127,
    Interrupted = 130,
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An end of the process that is not success.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Describes an error of the driver in one line: the server's own words where it spoke, otherwise the chain of
/// causes.
pub fn describe(error: &tokio_postgres::Error) -> String {
    let Some(server) = error.as_db_error() else {
        return chain(error);
    };
    let mut text = format!("{} (SQLSTATE {})", server.message(), server.code().code());
    for (label, part) in [("detail", server.detail()), ("hint", server.hint())] {
        if let Some(part) = part {
            text.push_str(&format!("; {label}: {part}"));
        }
    }
    text
}

/// Joins an error and its causes with colons, leaving out a cause that the text already ends with.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
