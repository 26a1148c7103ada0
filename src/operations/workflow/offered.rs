//! What the configuration file has for the dropdowns of a workflow.

use crate::cli;
use crate::config::DEFAULT_PATH;
use crate::database_name::{ALL, DatabaseName};
use crate::failure::Failure;

/// A choice of no database, for a command that needs none.
pub(super) const NONE: &str = "none";

/// An input of a workflow that is a dropdown: it has the name of the Action's input that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Database,
    Named,
}

impl Input {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Named => "named",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Database => "Database, group of databases, or all",
            Self::Named => "Command",
        }
    }
}

/// What a person can choose.
#[derive(Debug)]
pub(super) struct Offered {
    /// Every database, every group, and all.
    pub databases: Vec<String>,
    /// The names of the commands.
    pub commands: Vec<String>,
}

impl Offered {
    pub(super) fn of(config: &cli::ConfigFile) -> Self {
        let fleet = &config.fleet;
        let mut offered = Self::databases(&fleet.databases);
        // Before `all`, which is the last.
        let end = offered.databases.len().saturating_sub(1);
        offered.databases.splice(end..end, fleet.groups.keys().cloned());
        Self { commands: config.commands.0.keys().cloned().collect(), ..offered }
    }

    /// Offers databases alone.
    pub(super) fn databases(names: &[DatabaseName]) -> Self {
        let databases = match names {
            [] => Vec::new(),
            names => names.iter().map(ToString::to_string).chain([ALL.to_owned()]).collect(),
        };
        Self { databases, commands: Vec::new() }
    }

    /// Returns the options of this input.
    ///
    /// # Errors
    /// The file lists none.
    pub(super) fn by(&self, input: Input) -> Result<&[String], Failure> {
        let (options, what, how) = match input {
            Input::Database => (&self.databases, "databases", ""),
            Input::Named => (&self.commands, "commands", ", as name: [word, word]"),
        };
        if options.is_empty() {
            return Err(Failure::input(format!("no configuration file lists {what}"))
                .hint(format!("list them under {what} in {DEFAULT_PATH}{how}")));
        }
        Ok(options)
    }
}
