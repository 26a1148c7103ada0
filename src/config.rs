//! `.github/fargate-migrate.yml`: what the runs of a repository have in common.
//!
//! A key is a flag without its dashes, so the file becomes flags ([`Config::value`]) and passes through the same
//! checks as they do. The exceptions: `databases`, `groups` and `commands` say what `--database` ([`Fleet`]) and
//! `--named` ([`Commands`]) may name; `rollout` and `rest` say in which stages a run goes ([`Rollout`]).

use std::path::{Path, PathBuf};

use clap::Command;
use serde_saphyr::{alias_limits, budget, options};

use crate::bounded_file;
use crate::failure::Failure;

mod commands;
mod error;
mod file;
mod fleet;
mod keys;
mod rollout;
#[cfg(test)]
mod schema;

use file::Keys;

pub(crate) use commands::Commands;
pub(crate) use fleet::{Fleet, is_pattern, matching};
pub(crate) use keys::{is_list, is_switch};
pub(crate) use rollout::{Rollout, StageKeys};

/// Where the file is looked for when `--config` names none.
pub(crate) const DEFAULT_PATH: &str = ".github/fargate-migrate.yml";

/// The workflow that `--check` and `--write` mean when they name none.
pub(crate) const DEFAULT_WORKFLOW: &str = ".github/workflows/migrate.yml";

/// A configuration file that was read and is sound in itself.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    path: PathBuf,
    values: Vec<(String, Vec<String>)>,
    pub fleet: Fleet,
    pub commands: Commands,
    pub rollout: Rollout,
}

impl Config {
    /// Reads the file at `given`; without one, the file at its usual place below `directory`, or `None` when none
    /// is there.
    ///
    /// # Errors
    /// A given file does not exist; or one that is there cannot be read, or is wrong.
    pub(crate) fn find(
        given: Option<&Path>,
        directory: &Path,
        keys: &Command,
    ) -> Result<Option<Self>, Failure> {
        let path = given.map_or_else(|| directory.join(DEFAULT_PATH), Path::to_owned);
        // Anything but its absence, a missing permission for instance, must not mean that there is none.
        if given.is_none() && matches!(path.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let name = given.unwrap_or(Path::new(DEFAULT_PATH));
        let text = bounded_file::read_text(&path, bounded_file::TEXT).map_err(|why| {
            Failure::input(format!("read the configuration file {}: {why}", name.display()))
                .hint(format!("--config names another one; without it {DEFAULT_PATH} is read if it exists"))
        })?;
        Self::parse(&text, name, keys).map(Some)
    }

    /// Reads the text of the file; `path` stands in errors.
    ///
    /// # Errors
    /// The text is not YAML, or not what the file may say.
    pub(crate) fn parse(text: &str, path: &Path, keys: &Command) -> Result<Self, Failure> {
        // no_schema and strict_booleans: a scalar is what every YAML 1.2 reader, and so the schema, takes it for.
        let options = options! {
            budget: budget! { max_depth: 8, max_anchors: 100, max_aliases: 1_000 },
            alias_limits: alias_limits! { max_total_replayed_events: 100_000 },
            no_schema: true,
            strict_booleans: true,
            with_snippet: false,
        };
        let stage = rollout::keys();
        let all = Keys { file: keys, stage: &stage };
        let file = file::read(text, options, all).map_err(|error| error::unreadable(path, &error, keys))?;
        let fleet = Fleet::of(&file, path)?;
        let commands = Commands::of(&file, path)?;
        let rollout = Rollout::of(&file, &fleet, &stage, path)?;
        error::refuse_exclusive(&file.flags, keys, path)?;
        let mut values = Vec::new();
        for (_, given) in file.flags {
            let texts = given.texts().map_err(|(line, message)| error::at(path, Some(line), &message))?;
            values.push((given.flag().to_owned(), texts));
        }
        Ok(Self { path: path.to_owned(), values, fleet, commands, rollout })
    }

    /// Returns the texts that a flag is given; `None` when the file does not speak for it.
    pub(crate) fn value(&self, key: &str) -> Option<&[String]> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, texts)| texts.as_slice())
    }

    /// Makes the failure of what clap says about a flag that the file stands for. Each value was checked before, so
    /// the flag is stricter than its key.
    pub(crate) fn refused(&self, error: &clap::Error) -> Failure {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        error::at(&self.path, None, message)
    }
}

#[cfg(test)]
mod tests;
