//! What one task is told, and how long it may take.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::choices::Leftover;
use crate::cli;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct TaskSettings {
    pub database_variable: String,
    /// Further variables and the command of every task.
    pub environment: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub require_report: bool,
    pub timeout: Duration,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
    pub log_drain: Duration,
    /// Where each database's log goes, as a file.
    pub log_dir: Option<PathBuf>,
}

impl TaskSettings {
    /// # Errors
    /// A variable is set twice.
    pub fn new(flags: cli::TaskFlags, log_dir: Option<PathBuf>) -> Result<Self, Failure> {
        let mut seen = HashSet::new();
        if let Some(twice) = flags.env.iter().find(|pair| !seen.insert(&pair.name)) {
            return Err(Failure::input(format!("--env sets {} twice", &*twice.name)));
        }
        Ok(Self {
            database_variable: flags.database_variable.to_string(),
            environment: flags.env.into_iter().map(|pair| (pair.name.to_string(), pair.value)).collect(),
            command: flags.command.map(|words| words.0),
            require_report: flags.require_report,
            timeout: flags.timeout.0,
            on_timeout: flags.on_timeout,
            on_cancel: flags.on_cancel,
            log_drain: flags.log_drain.0,
            log_dir,
        })
    }
}
