//! What is done about databases that a task migrates now: `--on-running` decides about a task of another run; one
//! that an earlier process of this run has begun is followed.

use tokio::time::{Instant, sleep_until};

use super::Found;
use crate::choices::OnRunning;
use crate::migration::judge::PackOutcome;
use crate::migration::{Migration, interrupted_before};
use crate::plan::{Pack, RunningTask, Told};
use crate::ports::{MigrationWorld, Task};
use crate::progress::TaskPhase;
use crate::steps::task::lanes::Lane;
use crate::steps::task::watch::until;
use crate::verdict::Verdict;

impl<W: MigrationWorld> Migration<'_, W> {
    /// Fails, waits or adopts the task, as `--on-running` says. `Err` has the tasks of other runs that were found
    /// after a wait.
    pub(in crate::migration) async fn on_running(
        &self,
        pack: &Pack,
        running: &RunningTask,
        lane: Lane,
    ) -> Result<PackOutcome, Found> {
        match running.met(self.plan.fleet.on_running) {
            OnRunning::Fail => Ok(PackOutcome::all(pack, already(running))),
            OnRunning::Wait => {
                self.waits(pack, running);
                match self.other_ends(running).await {
                    Some(verdict) => Ok(PackOutcome::all(pack, verdict)),
                    None => self.start(pack, lane).await,
                }
            }
            OnRunning::Adopt => match self.adoptable(running) {
                Ok(told) => Ok(self.adopt(pack, running, told).await),
                Err(why) => {
                    let (arn, name) = (&running.arn, pack.name());
                    self.record.note(format!("task {arn} of {name} is not adopted: {why}"));
                    Ok(PackOutcome::all(pack, already(running)))
                }
            },
        }
    }

    /// Does the same for databases of which a call was recorded; `None` when the other task has ended, and the call
    /// can be made again.
    pub(in crate::migration) async fn before_begun_call(
        &self,
        pack: &Pack,
        running: &RunningTask,
    ) -> Option<Result<PackOutcome, Found>> {
        if running.met(self.plan.fleet.on_running) != OnRunning::Wait {
            return Some(self.on_running(pack, running, None).await);
        }
        self.waits(pack, running);
        self.other_ends(running).await.map(|verdict| Ok(PackOutcome::all(pack, verdict)))
    }

    /// Returns what the task is told to migrate, when it does what a task of this run would do.
    ///
    /// # Errors
    /// Says in what it differs.
    fn adoptable<'r>(&self, running: &'r RunningTask) -> Result<&'r Told, String> {
        let own = self.revision.arn();
        if running.task_definition.as_deref() != Some(own) {
            let other = running.task_definition.as_deref().unwrap_or("a revision that ECS does not name");
            return Err(format!("it runs {other}, not {own}"));
        }
        let told = running.told.as_ref().map_err(Clone::clone)?;
        match self.orders.difference(&running.orders) {
            None => Ok(told),
            Some(what) => Err(format!("its {what} is not that of this run")),
        }
    }

    fn waits(&self, pack: &Pack, RunningTask { arn, ending, .. }: &RunningTask) {
        self.progress.task_phase(&pack.databases, TaskPhase::Queued);
        let which = if *ending { ", which is being stopped" } else { "" };
        self.record.note(format!("{} waits for the end of task {arn}{which}", pack.name()));
    }

    /// Waits for the end of the other task. `None` when it has ended; else the verdict on the pack, whose task does
    /// not start.
    async fn other_ends(&self, running: &RunningTask) -> Option<Verdict> {
        let mut sight = self.tasks.watch(&Task { arn: running.arn.clone(), ..Task::default() });
        let deadline = Instant::now() + *self.plan.task.common.timeout;
        let is_over = |task: &Task| self.other_runs.is_over(self.plan, task);
        tokio::select! {
            ended = until(&mut sight, is_over) => match ended {
                Ok(_) => {
                    self.other_runs.disregard(&running.arn);
                    // It may not have been the only one.
                    self.other_runs.outdate();
                    None
                }
                // It may still run, so other packs still find it.
                Err(_) => Some(already(running)),
            },
            () = sleep_until(deadline) => Some(already(running)),
            () = self.interrupt.wait() => Some(interrupted_before()),
        }
    }
}

fn already(running: &RunningTask) -> Verdict {
    Verdict::AlreadyRunning {
        task_arn: running.arn.clone(),
        started_by: running.started_by.clone(),
        doubt: running.told.as_ref().err().cloned(),
    }
}
