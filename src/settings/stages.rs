//! In which stages a run's databases go: all in one, canaries first, or those of the configuration file's `rollout`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::canary::{self, Canary};
use super::selection;
use crate::choices::Rest;
use crate::cli;
use crate::config::{Fleet, Rollout, StageKeys, is_pattern, matching};
use crate::database_name::{ALL, DatabaseName};
use crate::failure::{Failure, listed};
use crate::values::Packing;

/// The stages of a run, before its databases are sorted into them: a run that resumes may have fewer.
#[derive(Debug, Clone, Default)]
pub enum Stages {
    #[default]
    One,
    Canary(Canary),
    /// The stages of the configuration file, with their databases of this run: each database is in the first that
    /// names it.
    Rollout(Vec<(StageKeys, HashSet<DatabaseName>)>),
}

/// What a stage is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageName {
    /// The only one.
    Only,
    Canary,
    /// What comes after the canaries.
    AfterCanary,
    Named(String),
    /// What no stage names.
    Rest,
}

/// When a stage fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureRule {
    /// No more of its databases start after this many that are not migrated; absent where all of them run.
    pub stops_after: Option<u32>,
    /// No later stage starts after this many.
    pub fails_with: u32,
}

/// How the databases of a stage run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub name: StageName,
    pub max_parallel: usize,
    pub failures: FailureRule,
    /// The time between its end and the next stage.
    pub pause: Duration,
    pub packing: Packing,
}

impl Stages {
    /// Makes the stages of a run with these databases.
    ///
    /// # Errors
    /// A stage or a canary names what is not a database, both are given, or no stage names a database although `rest`
    /// demands it.
    pub(super) fn new(
        canary: &[String],
        rollout: &Rollout,
        databases: &[DatabaseName],
        fleet: &Fleet,
    ) -> Result<Self, Failure> {
        if rollout.stages.is_empty() {
            return Ok(canary::canary(canary, databases, fleet)?.map_or(Self::One, Self::Canary));
        }
        if !canary.is_empty() {
            return Err(Failure::input("--canary cannot be used with the rollout of the configuration file").hint(
                "remove canary (the flag, the input, or the key of the file); the first stage of rollout goes first",
            ));
        }
        let mut left: HashSet<&DatabaseName> = databases.iter().collect();
        let mut stages = Vec::new();
        for stage in &rollout.stages {
            let named = named_by(stage, databases, fleet)?;
            let own = named.into_iter().filter(|name| left.remove(name)).collect();
            stages.push((stage.clone(), own));
        }
        if rollout.rest == Rest::Refuse && !left.is_empty() {
            let names: Vec<DatabaseName> =
                databases.iter().filter(|name| left.contains(name)).cloned().collect();
            return Err(Failure::input(format!("no stage of rollout names {}", listed(&names))).hint(
                "add them to a stage, or write rest: last in the configuration file: they are then the last stage",
            ));
        }
        Ok(Self::Rollout(stages))
    }

    /// Returns the stages that have some of these databases, with them, in their order.
    pub(crate) fn of(
        &self,
        databases: &[DatabaseName],
        fleet: &cli::FleetFlags,
    ) -> Vec<(Stage, Vec<DatabaseName>)> {
        let own = own_rule(fleet);
        let stage = |name: StageName, failures: FailureRule| Stage {
            name,
            max_parallel: *fleet.max_parallel,
            failures,
            pause: Duration::ZERO,
            packing: fleet.databases_per_task,
        };
        let stages = match self {
            Self::One => vec![(stage(StageName::Only, own), databases.to_vec())],
            Self::Canary(canary) => {
                let (mut first, canaries) = canary.first(databases.to_vec());
                let rest = first.split_off(canaries.min(first.len()));
                let rule = FailureRule { fails_with: 1, ..own };
                vec![(stage(StageName::Canary, rule), first), (stage(StageName::AfterCanary, own), rest)]
            }
            Self::Rollout(stages) => {
                let in_stage: HashMap<&DatabaseName, usize> = (0..)
                    .zip(stages)
                    .flat_map(|(index, (_, names))| names.iter().map(move |name| (name, index)))
                    .collect();
                let mut all: Vec<_> =
                    stages.iter().map(|(keys, _)| (keys.stage(fleet), Vec::new())).collect();
                all.push((stage(StageName::Rest, own), Vec::new()));
                for name in databases {
                    let index = in_stage.get(name).copied().unwrap_or(stages.len());
                    all[index].1.push(name.clone());
                }
                all
            }
        };
        stages.into_iter().filter(|(_, databases)| !databases.is_empty()).collect()
    }

    /// Lists the names of the configuration file's stages that have no database of this run.
    pub(crate) fn without_databases(&self) -> Vec<String> {
        match self {
            Self::One | Self::Canary(_) => Vec::new(),
            Self::Rollout(stages) => {
                let empty = stages.iter().filter(|(_, names)| names.is_empty());
                empty.map(|(keys, _)| keys.title()).collect()
            }
        }
    }
}

/// Returns the rule of `--max-failures` and `--keep-going`.
fn own_rule(fleet: &cli::FleetFlags) -> FailureRule {
    let stops_after = fleet.stops_after();
    FailureRule { stops_after, fails_with: stops_after.unwrap_or(1) }
}

impl StageKeys {
    /// Returns the stage; the flags fill in what its keys do not say.
    fn stage(&self, fleet: &cli::FleetFlags) -> Stage {
        let failures = match self.max_failures.as_deref() {
            Some(&most) => FailureRule { stops_after: Some(most), fails_with: most },
            None => match self.keep_going {
                Some(true) => FailureRule { stops_after: None, fails_with: 1 },
                // The stage overrides the run's --keep-going.
                Some(false) => own_rule(&cli::FleetFlags { keep_going: false, ..fleet.clone() }),
                None => own_rule(fleet),
            },
        };
        Stage {
            name: StageName::Named(self.title()),
            max_parallel: self.parallel.as_deref().copied().unwrap_or(*fleet.max_parallel),
            failures,
            pause: self.pause.as_deref().copied().unwrap_or_default(),
            packing: self.databases_per_task.unwrap_or(fleet.databases_per_task),
        }
    }
}

impl StageName {
    /// Returns what a person calls it; none for the only stage of a run.
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::Only => None,
            Self::Canary => Some("canary"),
            Self::AfterCanary | Self::Rest => Some("rest"),
            Self::Named(name) => Some(name),
        }
    }
}

/// Returns the databases of the run that a stage names. The configuration file's list says what a name can stand for.
/// Without that list every name is a database's, and this run may not have it.
fn named_by(
    stage: &StageKeys,
    databases: &[DatabaseName],
    fleet: &Fleet,
) -> Result<Vec<DatabaseName>, Failure> {
    let named: HashSet<DatabaseName> = match fleet.databases.as_slice() {
        [] => {
            let mut named = HashSet::new();
            for text in &stage.databases {
                match text.as_str() {
                    ALL => named.extend(databases.iter().cloned()),
                    pattern if is_pattern(pattern) => named.extend(matching(databases, pattern).cloned()),
                    name => named.extend(databases.iter().find(|one| ***one == *name).cloned()),
                }
            }
            named
        }
        _ => selection::meant_by(&stage.databases, "a stage of rollout names", databases, fleet)?,
    };
    Ok(databases.iter().filter(|name| named.contains(*name)).cloned().collect())
}

#[cfg(test)]
mod tests;
