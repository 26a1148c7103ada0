//! The migrations that the image has: by its files, or by what a command of its own lists.

use crate::history::{Entry, History, Tool};
use crate::report::ListedMigration;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

mod alembic;
mod django;
mod files;
mod listed;

pub use listed::{list_command, printed};

/// More files than this are no folder of migrations.
const MAX_FILES: usize = 20_000;

/// The migrations of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// In the order of their versions, or as they were listed.
    List(Vec<Entry>),
    /// Alembic's revisions, each with those that it comes after.
    Graph(alembic::Graph),
    /// Django's, some of which replace others.
    Apps(django::Apps),
}

/// How a database's history differs from what the image has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub missing: Vec<ListedMigration>,
    pub unknown: Vec<ListedMigration>,
}

impl Known {
    /// Finds the migrations of a framework, relative to `directory`: in the files that the globs name, else at the
    /// framework's usual place.
    ///
    /// # Errors
    /// Why it cannot be known, as the end of a sentence: `no file is at migrations/*`.
    pub fn find(tool: Tool, globs: &[String], directory: &Path) -> Result<Self, String> {
        let usual = files::usual(tool);
        let globs: Vec<&str> = match globs {
            [] => usual.to_vec(),
            given => given.iter().map(String::as_str).collect(),
        };
        if globs.is_empty() {
            return Err(format!("the files of {} do not say it alone", tool.name()));
        }
        let mut found: Vec<PathBuf> = Vec::new();
        for pattern in &globs {
            let path = directory.join(pattern);
            let pattern = path.to_str().ok_or("the path of the migrations is not UTF-8")?;
            let paths =
                glob::glob(pattern).map_err(|error| format!("{pattern} is not a pattern: {error}"))?;
            for path in paths {
                found.push(path.map_err(|error| format!("a file cannot be looked at: {error}"))?);
            }
            if found.len() > MAX_FILES {
                return Err(format!("more than {MAX_FILES} files are at {pattern}"));
            }
        }
        if found.is_empty() {
            // A folder that is not there and one that is empty look the same.
            return Err(format!("no file is at {}", globs.join(" or ")));
        }
        files::read(tool, &found)
    }

    /// Reads what a command has listed, one migration on a line.
    pub fn from_list(tool: Tool, output: &str) -> Result<Self, String> {
        match tool {
            Tool::Django => django::Apps::read(output).map(Self::Apps),
            Tool::Alembic => Err("a list of revisions does not say which comes after which".to_owned()),
            _ => listed::read(tool, output).map(Self::List),
        }
    }

    /// Compares a history with what the image has.
    ///
    /// # Errors
    /// Why the difference cannot be known.
    pub fn compare(&self, tool: Tool, history: &History) -> Result<Difference, String> {
        match self {
            Self::Graph(graph) => graph.compare(history),
            Self::Apps(apps) => Ok(apps.compare(history)),
            Self::List(known) if tool == Tool::GolangMigrate => compare_with_current(known, history),
            Self::List(known) => {
                let had: HashSet<&str> = history.entries.iter().map(|entry| entry.id.as_str()).collect();
                let have: HashSet<&str> = known.iter().map(|entry| entry.id.as_str()).collect();
                let is_below = |entry: &Entry| is_below_baseline(tool, entry, history);
                let missing =
                    known.iter().filter(|entry| !had.contains(entry.id.as_str()) && !is_below(entry));
                let unknown = history.entries.iter().filter(|entry| !have.contains(entry.id.as_str()));
                Ok(Difference {
                    missing: missing.map(listed).collect(),
                    unknown: unknown.map(listed).collect(),
                })
            }
        }
    }

    /// Returns what a later history has and an earlier one had not.
    ///
    /// # Errors
    /// Why it cannot be known.
    pub fn applied(
        &self,
        tool: Tool,
        before: &History,
        after: &History,
    ) -> Result<Vec<ListedMigration>, String> {
        match self {
            Self::Graph(graph) => graph.applied(before, after),
            Self::List(known) if tool == Tool::GolangMigrate => {
                let (from, to) = (current(before)?, current(after)?);
                let is_new =
                    |entry: &&Entry| number(entry).is_ok_and(|version| version > from && version <= to);
                Ok(known.iter().filter(is_new).map(listed).collect())
            }
            Self::List(_) | Self::Apps(_) => {
                let had: HashSet<&str> = before.entries.iter().map(|entry| entry.id.as_str()).collect();
                let new = after.entries.iter().filter(|entry| !had.contains(entry.id.as_str()));
                Ok(new.map(|entry| listed(&self.named(entry))).collect())
            }
        }
    }

    /// Returns the version that a database with this history is at, as the framework would name it.
    pub fn current(&self, history: &History) -> Option<String> {
        match self {
            Self::Graph(_) if history.entries.is_empty() => None,
            Self::Graph(_) => {
                let heads: Vec<&str> = history.entries.iter().map(|head| head.version.as_str()).collect();
                Some(heads.join(","))
            }
            _ => history
                .entries
                .last()
                .map(|entry| self.named(entry).version)
                .or_else(|| history.baseline.clone()),
        }
    }

    /// Returns a row with the name that its file has.
    fn named(&self, entry: &Entry) -> Entry {
        let Self::List(known) = self else { return entry.clone() };
        match known.iter().find(|known| known.id == entry.id) {
            Some(known) if entry.name.is_empty() => known.clone(),
            _ => entry.clone(),
        }
    }
}

/// Compares with a history of one row, its current version.
fn compare_with_current(known: &[Entry], history: &History) -> Result<Difference, String> {
    let at = current(history)?;
    let is_dirty = history.failed.is_some();
    let mut difference = Difference::default();
    let mut is_known = at < 0;
    for entry in known {
        let version = number(entry)?;
        is_known |= version == at;
        if version > at || (is_dirty && version == at) {
            difference.missing.push(listed(entry));
        }
    }
    if !is_known {
        difference.unknown.extend(history.entries.first().map(listed));
    }
    Ok(difference)
}

fn current(history: &History) -> Result<i128, String> {
    history.entries.first().map_or(Ok(-1), number)
}

fn number(entry: &Entry) -> Result<i128, String> {
    entry.id.parse().map_err(|_| format!("version {} is not a number", entry.version))
}

/// Returns whether a migration of Flyway counts as applied by a baseline.
fn is_below_baseline(tool: Tool, entry: &Entry, history: &History) -> bool {
    let Some(baseline) = history.baseline.as_deref().filter(|_| tool == Tool::Flyway) else { return false };
    let numbers = |version: &str| -> Option<Vec<u64>> {
        crate::history::dotted(version).split('.').map(|part| part.parse().ok()).collect()
    };
    // A repeatable migration has no number, and no baseline covers it.
    numbers(&entry.version).zip(numbers(baseline)).is_some_and(|(version, baseline)| version <= baseline)
}

fn listed(entry: &Entry) -> ListedMigration {
    ListedMigration { version: entry.version.clone(), name: entry.name.clone() }
}

#[cfg(test)]
mod tests;
