//! `.github/fargate-migrate.yml`: what the runs of a repository have in common.
//!
//! A key is a flag without its dashes, so the file becomes flags ([`Config::value`]) and passes through the same
//! checks as they do. `databases` and `groups` are the exception: they say what `--database` may name ([`Fleet`]).

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Command;
use serde_saphyr::{alias_limits, budget, options};

use crate::failure::Failure;

mod error;
mod file;
mod fleet;
mod keys;
mod schema;

pub use fleet::{Fleet, is_pattern, matching};
pub use keys::{is_list, is_switch};
pub use schema::schema;

/// Where the file is looked for when `--config` names none.
pub const DEFAULT_PATH: &str = ".github/fargate-migrate.yml";

/// The workflow that `--check` and `--write` mean when they name none.
pub const DEFAULT_WORKFLOW: &str = ".github/workflows/migrate.yml";

/// Bytes: a hundred thousand databases fit, and nothing larger is waited for.
const MAX_SIZE: u64 = 8 << 20;

/// A configuration file that was read and is sound in itself.
#[derive(Debug, Clone)]
pub struct Config {
    path: PathBuf,
    values: Vec<(String, Vec<String>)>,
    fleet: Fleet,
}

impl Config {
    /// The file at `given`, or the one at its usual place below `directory`, if there is one.
    ///
    /// # Errors
    /// A given file does not exist; or one that is there can not be read, or is wrong.
    pub fn find(given: Option<&Path>, directory: &Path, keys: &Command) -> Result<Option<Self>, Failure> {
        match given {
            Some(path) => Self::read(path, path, keys).map(Some),
            None => {
                let path = directory.join(DEFAULT_PATH);
                // Anything but its absence, a missing permission for instance, must not mean that there is none.
                let absent = matches!(path.try_exists(), Ok(false));
                if absent { Ok(None) } else { Self::read(&path, Path::new(DEFAULT_PATH), keys).map(Some) }
            }
        }
    }

    /// `name` is how errors call it.
    fn read(path: &Path, name: &Path, keys: &Command) -> Result<Self, Failure> {
        let cannot = |why: String| {
            Failure::input(format!("read the configuration file {}: {why}", name.display()))
                .hint(format!("--config names another one; without it {DEFAULT_PATH} is read if it exists"))
        };
        let mut text = String::new();
        let file = fs::File::open(path).map_err(|error| cannot(error.to_string()))?;
        file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(|error| cannot(error.to_string()))?;
        if text.len() as u64 > MAX_SIZE {
            return Err(cannot(format!("it is larger than {} MiB", MAX_SIZE >> 20)));
        }
        Self::parse(&text, name, keys)
    }

    /// # Errors
    /// The text is no YAML, or not what the file may say.
    pub fn parse(text: &str, path: &Path, keys: &Command) -> Result<Self, Failure> {
        // no_schema and strict_booleans: a scalar is what every YAML 1.2 reader, and so the schema, takes it for.
        let options = options! {
            budget: budget! { max_depth: 8, max_anchors: 100, max_aliases: 1_000 },
            alias_limits: alias_limits! { max_total_replayed_events: 100_000 },
            no_schema: true,
            strict_booleans: true,
            with_snippet: false,
        };
        let file = file::read(text, options, keys).map_err(|error| error::unreadable(path, &error, keys))?;
        let fleet = Fleet::of(&file, text, path)?;
        let config = Self { path: path.to_owned(), fleet, values: file.values };
        config.refuse_exclusive_keys(text, keys)?;
        Ok(config)
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The texts that a flag is given; none when the file does not speak for it.
    pub fn value(&self, key: &str) -> Option<&[String]> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, texts)| texts.as_slice())
    }

    /// An error about what the file says as a whole.
    pub fn refused(&self, message: &str) -> Failure {
        error::at(&self.path, None, message)
    }

    fn refuse_exclusive_keys(&self, text: &str, keys: &Command) -> Result<(), Failure> {
        let mut exclusive = keys::exclusive(keys);
        match exclusive.find(|(key, other)| self.value(key).is_some() && self.value(other).is_some()) {
            None => Ok(()),
            Some((key, other)) => {
                let message = format!("{other} makes no sense beside {key}");
                let failure = error::at(&self.path, line_of(text, other), &message);
                Err(failure.hint(format!("remove {key}, or {other}")))
            }
        }
    }
}

/// The line, counted from 1, of a key of the file: it is at the beginning of a line.
fn line_of(text: &str, key: &str) -> Option<u64> {
    let is_key =
        |line: &str| line.split_once(':').is_some_and(|(name, _)| name.trim_matches(['"', '\'']) == key);
    (1..).zip(text.lines()).find(|(_, line)| is_key(line)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests;
