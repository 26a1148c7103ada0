//! What a person chooses from: the same words as flag, input and key of the configuration file.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
    Markdown,
}

/// What becomes of a task that we no longer wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Leftover {
    /// Stop it: SIGTERM, then SIGKILL after the container's stopTimeout
    #[default]
    Stop,
    /// Leave it running, and say so
    Leave,
}

/// What proves that a database is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A migration report that names it, with nothing pending
    #[default]
    Report,
    /// The container's exit code 0 as well: the database then counts as migrated, not proved
    ExitCode,
}

/// What is done about another task that migrates a database now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnRunning {
    /// Wait for its end, and then migrate
    Wait,
    /// Follow it to its end, and judge it as ours, when it runs the same revision
    Adopt,
    /// Start none beside it: the verdict is already running
    #[default]
    Fail,
}
