//! Migrate: a migration task per database, watched to its end, and judged.
//!
//! - [`order`]: when nothing more starts, and why.
//! - [`capacity`]: whose turn it is while Fargate has no room.
//! - [`launch`]: RunTask, once per database whatever happens.
//! - [`watch`]: one reader of task states for all tasks.
//! - [`follow`]: one task from its start to its end, states and log together.

use std::cell::Cell;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use self::capacity::Capacity;
use self::launch::Launched;
use self::order::Order;
use self::watch::Watch;
use super::revision::Revision;
use crate::interrupt::Interrupt;
use crate::plan::{DatabasePlan, Plan};
use crate::ports::{Reads, Task, Writes};
use crate::progress::{Phase, Progress};
use crate::recorder::Recorder;
use crate::verdict::Verdict;

mod capacity;
mod end;
mod follow;
mod launch;
mod log;
mod order;
mod watch;

#[cfg(test)]
mod tests;

/// What a migration is made with.
pub struct Migration<'a, W> {
    pub plan: &'a Plan,
    pub revision: &'a Revision,
    pub world: &'a W,
    pub progress: &'a Progress,
    pub recorder: &'a Recorder<'a>,
    pub interrupt: &'a Interrupt,
}

/// What all databases of a run share.
struct Shared<'a, W> {
    watch: Watch<'a, W>,
    capacity: Capacity,
    order: Order,
}

/// The right to have a task running: `--max-parallel` of them exist.
type Lane<'a> = SemaphorePermit<'a>;

impl<W: Reads + Writes> Migration<'_, W> {
    /// Migrates every database of the plan, wave by wave, at most `max_parallel` at a time, in the plan's order. Each
    /// one gets its verdict in the recorder; failures stop new ones from starting, as the plan says.
    pub async fn run(&self) {
        let shared = Shared {
            watch: Watch::new(self.world, &self.plan.cluster),
            capacity: Capacity::new(self.plan.timeout),
            order: Order::new(self.plan),
        };
        let waves = async {
            for wave in self.plan.waves() {
                self.wave(wave, &shared).await;
                shared.order.wave_ended();
            }
        };
        tokio::select! {
            () = waves => {}
            () = shared.watch.run() => {}
        }
    }

    async fn wave(&self, databases: &[DatabasePlan], shared: &Shared<'_, W>) {
        let lanes = Semaphore::new(self.plan.max_parallel);
        let mut under_way = FuturesUnordered::new();
        for database in databases {
            let lane = loop {
                tokio::select! {
                    biased;
                    Some(()) = under_way.next() => {}
                    lane = lanes.acquire() => break lane.ok(),
                }
            };
            under_way.push(self.one(database, lane, shared));
        }
        while let Some(()) = under_way.next().await {}
    }

    async fn one(&self, database: &DatabasePlan, lane: Option<Lane<'_>>, shared: &Shared<'_, W>) {
        let verdict = match self.reason_not_to_start(database, shared) {
            Some(verdict) => verdict,
            None => self.start(database, lane, shared).await,
        };
        shared.order.judged(&database.database, &verdict);
        self.recorder.judged(&database.database, verdict);
    }

    fn reason_not_to_start(&self, database: &DatabasePlan, shared: &Shared<'_, W>) -> Option<Verdict> {
        if self.interrupt.is_set() {
            return Some(Verdict::NotRun { why: "the run was interrupted before it started".into() });
        }
        if let Some(why) = shared.order.nothing_starts() {
            return Some(Verdict::NotRun { why });
        }
        let running = database.running.as_ref()?;
        Some(Verdict::AlreadyRunning {
            task_arn: running.arn.clone(),
            started_by: running.started_by.clone(),
        })
    }

    async fn start(&self, plan: &DatabasePlan, lane: Option<Lane<'_>>, shared: &Shared<'_, W>) -> Verdict {
        let database = &plan.database;
        self.progress.phase(database, Phase::Queued);
        match self.launch(plan, &shared.capacity).await {
            Launched::Task(task) => {
                let deadline = Instant::now() + self.plan.timeout;
                self.recorder.started(database, &task.arn);
                let lane = Cell::new(lane);
                let when_stopped = |task: &Task| {
                    shared.capacity.task_ended();
                    // The rest of its log is read while the next one starts, unless that has to wait for the verdict.
                    let own = task.container(&self.plan.container);
                    if self.plan.max_parallel > 1 && own.and_then(|own| own.exit_code) == Some(0) {
                        lane.take();
                    }
                };
                self.follow(database, *task, &shared.watch, deadline, &when_stopped).await
            }
            Launched::Not(verdict) => verdict,
        }
    }
}
