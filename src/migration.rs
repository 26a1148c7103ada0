//! Migrate: a migration task per database, or per pack of them, watched to its end, and judged.
//!
//! - [`order`]: when nothing more starts, and why.
//! - [`capacity`]: whose turn it is while Fargate has no room.
//! - [`launch`]: RunTask, once per pack whatever happens.
//! - [`watch`]: one reader of task states for all tasks.
//! - [`follow`]: one task from its start to its end, states and log together.
//! - [`again`]: the databases that a killed task left, in new ones.
//! - [`earlier`]: what is done about a task that another process of this run has begun.
//! - [`running`]: what is done about a task of somebody else.
//! - [`adopted`]: a task that ran before, followed instead of one of ours.
//! - [`others`]: the look for those, again and again while the run goes on.
//! - [`reading`]: a log into row, file and terminal, from its own stream ([`log`]) or from the fleet's ([`fleet_log`]).
//! - [`log_files`]: the logs as files.

use std::cell::Cell;
use std::collections::VecDeque;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use self::order::Order;
use self::other_runs::adopted::Adopted;
use self::other_runs::{Found, Others};
use self::resume::Taken;
use self::retry::Unit;
use crate::database_name::is_fleet;
use crate::interrupt::Interrupt;
use crate::plan::{Earlier, Pack, Plan, Proved};
use crate::ports::{Reads, Task, Writes};
use crate::progress::{Progress, TaskPhase};
use crate::recorder::Recorder;
use crate::steps::revision::Revision;
use crate::steps::task::capacity::Capacity;
use crate::steps::task::following::{Followed, Outcome};
use crate::steps::task::launch::Launched;
use crate::steps::task::log::files::LogFiles;
use crate::steps::task::log::fleet::FleetLog;
use crate::steps::task::watch::Watch;
use crate::verdict::Verdict;

pub mod order;
pub mod other_runs;
pub mod resume;
pub mod retry;
pub mod rows;

#[cfg(test)]
mod tests;

/// So many streams at a time cost more calls one by one than by FilterLogEvents.
const MANY_STREAMS: usize = 5;

/// What a migration is made with.
pub struct Migration<'a, W> {
    pub plan: &'a Plan,
    pub revision: &'a Revision,
    pub world: &'a W,
    pub progress: &'a Progress,
    pub recorder: &'a Recorder<'a>,
    pub interrupt: &'a Interrupt,
    /// Where logs go besides the report.
    pub log_files: Option<&'a LogFiles>,
}

/// What all packs of a run share.
pub struct Shared<'a, W> {
    pub watch: Watch<'a, W>,
    pub capacity: Capacity,
    pub order: Order,
    /// The next place behind all packs of the plan.
    pub next_place: Cell<usize>,
    pub others: Others,
    pub adopted: Adopted,
    /// None where a read of each stream costs less.
    pub fleet_log: Option<FleetLog<'a, W>>,
}

/// The right to have a task running: `--max-parallel` of them exist.
pub type Lane<'a> = SemaphorePermit<'a>;

impl<W: Reads + Writes> Migration<'_, W> {
    /// Migrates every database of the plan, wave by wave, at most `max_parallel` tasks at a time, in the plan's order.
    /// Each database gets its verdict in the recorder; failures stop new ones from starting, as the plan says.
    pub async fn run(&self) {
        let shared = Shared {
            watch: Watch::new(self.world, &self.plan.cluster),
            capacity: Capacity::new(self.plan.timeout),
            order: Order::new(self.plan),
            next_place: Cell::new(self.plan.packs.len()),
            others: Others::new(self.plan.looked_at),
            adopted: Adopted::default(),
            fleet_log: self.fleet_log(),
        };
        self.plan.proved.iter().for_each(|proved| self.proved(proved));
        let waves = async {
            for wave in self.plan.waves() {
                self.wave(wave, &shared).await;
                shared.order.wave_ended();
            }
        };
        tokio::select! {
            () = waves => {}
            () = shared.watch.run() => {}
            () = self.read_fleet_log(shared.fleet_log.as_ref()) => {}
        }
    }

    /// For a fleet with enough tasks at a time, when their log is in CloudWatch Logs.
    fn fleet_log(&self) -> Option<FleetLog<'_, W>> {
        let plan = self.plan;
        let at_once = plan.max_parallel.min(plan.packs.len());
        if !is_fleet(plan.databases().count()) || at_once < MANY_STREAMS {
            return None;
        }
        let group = plan.log_group(&plan.container)?;
        Some(FleetLog::new(self.world, group, jiff::Timestamp::now().as_millisecond()))
    }

    /// Never ends. When the fleet's log can not be read, each stream is, once its task has stopped.
    async fn read_fleet_log(&self, log: Option<&FleetLog<'_, W>>) {
        if let Some(log) = log {
            let why = log.run().await;
            self.recorder.note(format!("the logs of all tasks are read one by one: {why}"));
        }
        std::future::pending().await
    }

    async fn wave(&self, packs: &[Pack], shared: &Shared<'_, W>) {
        let lanes = Semaphore::new(self.plan.max_parallel);
        let mut waiting: VecDeque<Unit<'_>> = packs.iter().map(Unit::new).collect();
        let mut under_way = FuturesUnordered::new();
        loop {
            let Some(unit) = waiting.pop_front() else {
                match under_way.next().await {
                    Some(again) => waiting.extend(again),
                    None => break,
                }
                continue;
            };
            let lane = loop {
                tokio::select! {
                    biased;
                    Some(again) = under_way.next() => waiting.extend(again),
                    lane = lanes.acquire() => break lane.ok(),
                }
            };
            under_way.push(self.one(unit, lane, shared));
        }
    }

    /// Brings a pack to its end; answers what of it has to run again.
    async fn one<'p>(&self, unit: Unit<'p>, lane: Option<Lane<'_>>, shared: &Shared<'_, W>) -> Vec<Unit<'p>> {
        let pack = &unit.pack;
        let outcome = match (self.reason_not_to_start(shared), &pack.earlier) {
            // Its call would start a task beside that of somebody else.
            (None, Some(Earlier::Call { .. })) if let Some(other) = &pack.running => {
                match self.beside_begun(pack, other, shared).await {
                    Some(outcome) => outcome,
                    None => return vec![Unit::of(Pack { running: None, ..pack.clone().into_owned() })],
                }
            }
            // It may run already, so that nothing starts any more does not concern it.
            (None, Some(earlier)) | (Some(_), Some(earlier @ Earlier::Task { .. })) => {
                match self.take_up(pack, earlier, lane, shared).await {
                    Taken::Outcome(outcome) => Ok(outcome),
                    Taken::Beside(found) => Err(found),
                    Taken::Over { migrated, rest } => {
                        self.judged(migrated, shared);
                        return rest.into_iter().map(Unit::of).collect();
                    }
                }
            }
            (Some(verdict), _) => Ok(Outcome::all(pack, verdict)),
            (None, None) => match &pack.running {
                Some(running) => self.beside(pack, running, lane, shared).await,
                None => self.start(pack, lane, shared).await,
            },
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(found) => return unit.beside(&found, &shared.next_place),
        };
        // A death is final where nothing may start any more.
        let death = outcome.death.filter(|_| self.reason_not_to_start(shared).is_none());
        let (judged, again) = unit.settled(Outcome { death, ..outcome }, &shared.next_place);
        self.judged(judged, shared);
        self.say_again(&again);
        again
    }

    fn judged(&self, verdicts: Vec<(String, Verdict)>, shared: &Shared<'_, W>) {
        for (database, verdict) in verdicts {
            shared.order.judged(&database, &verdict);
            self.recorder.judged(&database, verdict);
        }
    }

    /// Nothing is done for it: what an earlier run has found out is its result.
    fn proved(&self, Proved { database, by }: &Proved) {
        let task = Task { arn: by.task.clone().unwrap_or_default(), ..Task::default() };
        if !task.arn.is_empty() {
            self.link(std::slice::from_ref(database), &task);
        }
        self.recorder.proved(database, by);
    }

    fn reason_not_to_start(&self, shared: &Shared<'_, W>) -> Option<Verdict> {
        if self.interrupt.is_set() {
            return Some(Verdict::NotRun { why: "the run was interrupted before it started".into() });
        }
        shared.order.nothing_starts().map(|why| Verdict::NotRun { why })
    }

    /// Ends without an outcome when tasks of somebody else were found to migrate some of it.
    async fn start(
        &self,
        pack: &Pack,
        lane: Option<Lane<'_>>,
        shared: &Shared<'_, W>,
    ) -> Result<Outcome, Found> {
        self.progress.task_phase(&pack.databases, TaskPhase::Queued);
        match self.launch(pack, self.call(pack), shared).await {
            Launched::Task(task) => {
                let deadline = Instant::now() + self.plan.timeout;
                self.recorder.started(&pack.databases, &task.arn);
                let lane = Cell::new(lane);
                let when_stopped = |task: &Task| {
                    shared.capacity.task_ended();
                    // The rest of its log is read while the next one starts, unless that has to wait for the verdict.
                    let own = task.container(&self.plan.container);
                    if self.plan.max_parallel > 1 && own.and_then(|own| own.exit_code) == Some(0) {
                        lane.take();
                    }
                };
                let told = self.plan.told(&pack.databases);
                Ok(self.follow(pack, Followed::new(*task, told), shared, deadline, &when_stopped).await)
            }
            Launched::Not(verdict) => Ok(Outcome::all(pack, verdict)),
            Launched::Beside(found) => Err(found),
        }
    }
}
