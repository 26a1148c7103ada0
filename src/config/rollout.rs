//! The stages of a run, as the file has them under `rollout`, and what is done about databases that none of them
//! names.
//!
//! A stage's keys are read as the file's own are: each is an argument of [`StageKeys`], with the grammar of the flag
//! that says the same of a whole run.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches as _, ValueEnum as _};

use super::error::{at, refuse_exclusive};
use super::file::{File, Stage};
use super::fleet::{Fleet, is_pattern};
use crate::choices::Rest;
use crate::database_name::{self, ALL};
use crate::failure::Failure;
use crate::values::{Failures, Packing, Parallel, Period};

/// The name of the databases that no stage names: no stage may have it.
const REST: &str = "rest";

/// The time after which GitHub Actions ends a workflow run (Actions limits).
const LONGEST_PAUSE: Duration = Duration::from_secs(35 * 24 * 3600);
/// The keys of a stage: those of [`StageKeys`].
pub(super) const STAGE_KEYS: &[&str] =
    &["name", "databases", "parallel", "max-failures", "keep-going", "pause", "databases-per-task"];

/// Stages, in their order, and what comes after them. Empty when no file has any.
#[derive(Debug, Clone, Default)]
pub struct Rollout {
    pub stages: Vec<StageKeys>,
    pub rest: Rest,
}

/// What the file says of a stage.
#[derive(Debug, Clone, Args)]
pub struct StageKeys {
    /// What the plan, the progress and the summary call the stage [default: its databases]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// The databases of the stage: names, groups, patterns with * and ?, or all. A database is in the first stage that
    /// names it
    #[arg(long, value_name = "NAME|GROUP|PATTERN")]
    pub databases: Vec<String>,

    /// Migration tasks of the stage that run at the same time [default: --max-parallel]
    #[arg(long, value_name = "N")]
    pub parallel: Option<Parallel>,

    /// The stage fails with this many databases that are not migrated: then no more start, of this stage and of later
    /// ones [default: --max-failures]
    #[arg(long, value_name = "N", conflicts_with = "keep_going")]
    pub max_failures: Option<Failures>,

    /// Run all databases of the stage, whatever fails; a failure still stops the later stages [default: --keep-going]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub keep_going: Option<bool>,

    /// How long to wait, when the stage has passed, before the next one begins
    #[arg(long, value_name = "DURATION")]
    pub pause: Option<Period>,

    /// Databases of the stage that share a task, or auto [default: --databases-per-task]
    #[arg(long, value_name = "N|auto")]
    pub databases_per_task: Option<Packing>,
}

/// Returns a stage's keys, as arguments.
pub(super) fn keys() -> Command {
    StageKeys::augment_args(Command::new("stage").no_binary_name(true))
}

impl Rollout {
    /// Reads the stages and `rest` of the file.
    ///
    /// # Errors
    /// A stage names no database, or what is not one; its name is not valid, is `rest` or is another stage's; its
    /// pause is longer than 35 days; or `rest` is wrong, or there without stages.
    pub(super) fn of(file: &File<'_>, fleet: &Fleet, keys: &Command, path: &Path) -> Result<Self, Failure> {
        let mut stages: Vec<StageKeys> = Vec::new();
        let mut titles = HashSet::new();
        for written in &file.rollout {
            let stage = stage(written, keys, path)?;
            let wrong = |message: &str| at(path, written.line, message);
            if stage.databases.is_empty() {
                return Err(wrong("a stage of rollout names no database")
                    .hint("add databases: [NAME, GROUP or PATTERN], or [all] for those that are left"));
            }
            if stage.pause.as_deref().is_some_and(|pause| *pause > LONGEST_PAUSE) {
                return Err(wrong("the pause of a stage is longer than 35 days")
                    .hint("a workflow run of GitHub Actions takes 35 days at most"));
            }
            stage.check_databases(fleet).map_err(|(message, hint)| wrong(&message).hint(hint))?;
            if let Some(name) = &stage.name
                && let Some(why) = database_name::why_invalid(name)
            {
                return Err(wrong(&database_name::wrong(name, "a stage's name", why).to_string()));
            }
            let title = stage.title();
            if title == REST {
                return Err(wrong("a stage is named rest, which is what no stage names").hint("rename it"));
            }
            if !titles.insert(title.clone()) {
                return Err(
                    wrong(&format!("two stages are named {title}")).hint("give one of them another name")
                );
            }
            stages.push(stage);
        }
        let rest = file.rest.as_ref().map(|rest| (rest.referenced.line(), rest.value.as_str()));
        let rest = match rest {
            None | Some((_, "")) => Rest::default(),
            Some((line, _)) if stages.is_empty() => {
                return Err(at(path, Some(line), "rest cannot be used without rollout")
                    .hint("remove rest, or list stages under rollout"));
            }
            Some((line, text)) => Rest::from_str(text, false).map_err(|_| {
                at(path, Some(line), &format!("{text:?} is not one of last, refuse"))
                    .hint("rest says what becomes of databases that no stage names")
            })?,
        };
        Ok(Self { stages, rest })
    }
}

fn stage(written: &Stage<'_>, keys: &Command, path: &Path) -> Result<StageKeys, Failure> {
    refuse_exclusive(&written.given, keys, path)?;
    let mut arguments = Vec::new();
    for (_, values) in &written.given {
        let texts = values.texts().map_err(|(line, message)| at(path, Some(line), &message))?;
        arguments.extend(texts.iter().map(|text| format!("--{}={text}", values.flag())));
    }
    let parsed = keys.clone().try_get_matches_from(arguments);
    parsed.and_then(|matches| StageKeys::from_arg_matches(&matches)).map_err(|error| {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        at(path, written.line, message)
    })
}

impl StageKeys {
    /// Returns the stage's name, or what it names: up to three, or the first one and how many more.
    pub fn title(&self) -> String {
        let named = || match self.databases.as_slice() {
            [first, _, _, _, ..] => format!("{first} and {} more", self.databases.len() - 1),
            few => few.join(", "),
        };
        self.name.clone().unwrap_or_else(named)
    }

    /// Checks that every text stands for a database. Without a list of databases in the file, only their grammar is
    /// known.
    ///
    /// # Errors
    /// A text that stands for no database, and what to write instead.
    fn check_databases(&self, fleet: &Fleet) -> Result<(), (String, String)> {
        for text in &self.databases {
            if text == ALL || fleet.groups.contains_key(text) {
                continue;
            }
            // With its wildcards taken for letters, a pattern is a name.
            if let Some(why) = database_name::why_invalid(&text.replace(['*', '?'], "x")) {
                let wrong = database_name::wrong(text, "a database name or a pattern of them", why);
                return Err((wrong.what, wrong.hint.to_owned()));
            }
            if fleet.databases.is_empty() {
                continue;
            }
            let is_there = match is_pattern(text) {
                true => super::matching(&fleet.databases, text).next().is_some(),
                false => fleet.databases.iter().any(|name| **name == *text),
            };
            if !is_there {
                let what =
                    if is_pattern(text) { "matches no database" } else { "is not among the databases" };
                return Err((format!("{text} in a stage of rollout {what}"), fleet.hint_for(text)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
