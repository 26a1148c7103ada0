//! Stages: one after the other, with a pause between two. A stage that fails, or an interrupt, ends them all.

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::Migration;
use super::retry::Unit;
use crate::plan::{Pack, PlannedStage};
use crate::ports::MigrationWorld;
use crate::report::StageEnd;
use crate::steps::task::lanes::in_lanes;
use crate::words::{counted, duration, millis};

impl<W: MigrationWorld> Migration<'_, W> {
    /// Brings every stage to its end. The stages after a failed one end at once: their databases get a verdict, too.
    pub(super) async fn stages(&self) {
        let stages: Vec<_> = self.plan.stages().collect();
        for (index, (planned, packs)) in stages.iter().enumerate() {
            self.order.begins(&planned.stage);
            let begins = self.reason_not_to_start().is_none();
            if begins {
                self.begins(index, planned, packs);
            }
            self.parallel.set(planned.stage.max_parallel);
            let units = packs.iter().map(Unit::new);
            in_lanes(planned.stage.max_parallel, units, |unit, lane| self.one(unit, lane)).await;
            let has_passed = self.order.ended();
            if !begins || self.interrupt.is_set() {
                continue;
            }
            self.record.stage_ended(index, if has_passed { StageEnd::Passed } else { StageEnd::Failed });
            let is_left = stages[index + 1..].iter().any(|(_, packs)| !packs.is_empty());
            if has_passed && is_left {
                self.pause(index, planned).await;
            }
        }
    }

    fn begins(&self, index: usize, planned: &PlannedStage, packs: &[Pack]) {
        let databases: usize = packs.iter().map(|pack| pack.databases.len()).sum();
        if let Some(title) = self.plan.has_rollout().then(|| planned.stage.name.title()).flatten()
            && databases > 0
        {
            let place = format!("{} of {}", index + 1, self.plan.stages.len());
            self.progress.step(&format!("stage {title} ({place}): {}", counted(databases, "database")));
        }
    }

    /// Waits until the next stage may begin, or the run is interrupted.
    async fn pause(&self, index: usize, planned: &PlannedStage) {
        let now = Timestamp::now();
        let left = planned.pause_left(now);
        if left.is_zero() {
            return;
        }
        let until = now.checked_add(left).unwrap_or(Timestamp::MAX);
        let title = planned.stage.name.title().unwrap_or_default();
        let passed = format!("stage {title} has passed: {} pause", duration(millis(left)));
        self.progress.stage_pause(&passed, until);
        self.record.stage_pauses(index, Some(until));
        let ends = Instant::now() + left;
        tokio::select! {
            () = sleep_until(ends) => {}
            () = self.interrupt.wait() => {}
        }
        self.record.stage_pauses(index, None);
        // Other runs may have begun to migrate meanwhile.
        self.other_runs.outdate();
    }
}
