//! The stages of a plan: which packs run in which, in their order.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::Plan;
use super::pack::{KnownTasks, Pack, packs};
use super::packing::PackLimits;
use super::past::Past;
use super::resumed::{Resumed, Wave};
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;
use crate::ports::Task;
use crate::settings::{Packing, Stage, StageName};
use crate::state::github_history::Terms;

/// Stages that a note names, at most.
const FEW: usize = 10;

/// A stage, with its part of the plan.
#[derive(Debug, Clone)]
pub struct PlannedStage {
    pub stage: Stage,
    /// Its packs, among those of the plan.
    pub packs: Range<usize>,
    /// How many of its databases an earlier run has proved.
    pub proved: usize,
    /// When the last of these was proved.
    pub proved_at: Option<Timestamp>,
}

/// The databases of each stage, in the order of stages.
pub(super) type OfStages = Vec<(Stage, Vec<DatabaseName>)>;

impl Plan {
    /// Returns the stages with their packs. A stage without packs has nothing left to do.
    pub fn stages(&self) -> impl Iterator<Item = (&PlannedStage, &[Pack])> {
        self.stages.iter().map(|planned| (planned, &self.packs[planned.packs.clone()]))
    }

    /// Returns the packs of each stage that has any.
    pub fn waves(&self) -> impl Iterator<Item = &[Pack]> {
        self.stages().map(|(_, packs)| packs).filter(|packs| !packs.is_empty())
    }

    /// Returns whether its stages are those of the configuration file.
    pub fn has_rollout(&self) -> bool {
        let is_named = |name: &StageName| matches!(name, StageName::Named(_) | StageName::Rest);
        self.stages.iter().any(|planned| is_named(&planned.stage.name))
    }

    /// Counts the tasks that run at the same time in the widest stage.
    pub fn most_parallel(&self) -> usize {
        let of = |planned: &PlannedStage| planned.stage.max_parallel.min(planned.packs.len());
        self.stages.iter().map(of).max().unwrap_or_default()
    }

    /// Makes the packs of all stages, in their order.
    pub(super) fn arrange(
        &mut self,
        stages: OfStages,
        past: &Past,
        running: &[Task],
        known: &KnownTasks<'_>,
    ) -> Result<(), Failure> {
        if self.packed {
            self.base.check_variable(&self.container, &list_variable(&self.task.common.database_variable))?;
        }
        let durations = past.history.durations();
        for ((stage, _), wave) in stages.iter().zip(self.waves_after(past, running, known, &stages)?) {
            let Wave { proved, begun, to_pack } = wave;
            let first = self.packs.len();
            self.packs.extend(begun);
            let limits = PackLimits { room: self.room(), at_once: stage.max_parallel, durations: &durations };
            self.packs.extend(packs(&to_pack, stage.packing, &limits, known)?);
            self.stages.push(PlannedStage {
                stage: stage.clone(),
                packs: first..self.packs.len(),
                proved: proved.len(),
                proved_at: proved.iter().map(|proved| proved.by.at).max(),
            });
            self.proved.extend(proved);
        }
        (0..).zip(&mut self.packs).for_each(|(place, pack)| pack.place = place);
        Ok(())
    }

    fn waves_after(
        &self,
        past: &Past,
        running: &[Task],
        known: &KnownTasks<'_>,
        stages: &OfStages,
    ) -> Result<Vec<Wave>, Failure> {
        let (target, told) = (self.target(), self.told_digest());
        let terms = Terms {
            digest: self.image.digest(),
            told: &told,
            target: target.as_ref(),
            proof: self.task.proof,
        };
        self.read(|reading| {
            let resumed = Resumed::new(past, running, &terms, *reading);
            stages.iter().map(|(_, databases)| resumed.wave(databases, known)).collect()
        })
    }
}

impl PlannedStage {
    /// Returns what is left of its pause at `now`. Where an earlier run has proved all of the stage, the pause began
    /// with the last proof.
    pub fn pause_left(&self, now: Timestamp) -> Duration {
        let over = match (self.packs.is_empty(), self.proved_at) {
            (true, Some(at)) => Duration::try_from(now.duration_since(at)).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        self.stage.pause.saturating_sub(over)
    }
}

/// Returns whether tasks are told lists: where one stage packs, the tasks of all stages are.
pub(super) fn are_packed(stages: &OfStages) -> bool {
    stages.iter().any(|(stage, _)| stage.packing != Packing::One)
}

/// Says which stages of the configuration file have no database of this run; none where all have one.
pub(super) fn left_out(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [only] => Some(format!("stage {only} has no database of this run")),
        names => {
            let (few, more) = names.split_at(names.len().min(FEW));
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            Some(format!("stages without a database of this run: {}{more}", few.join(", ")))
        }
    }
}

/// Returns all databases, in the order of stages.
pub(super) fn databases(stages: &OfStages) -> Vec<DatabaseName> {
    stages.iter().flat_map(|(_, databases)| databases).cloned().collect()
}
