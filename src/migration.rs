//! Migration: a task per database, or per pack of them, followed to its end, and judged. [`crate::steps::task`] runs
//! the tasks; here is what only migrations know.
//!
//! - [`stages`]: one stage after the other.
//! - [`order`]: when nothing more starts, and why.
//! - [`start`]: the RunTask call of a pack, and its look for tasks of other runs.
//! - [`judge`]: from the end of a task and what it has printed to verdicts.
//! - [`log_lines`]: a task's log into row, file, terminal, and the search for migration reports. [`log_file`]: its file,
//!   each line once.
//! - [`retry`]: the databases that a killed task left, in new ones.
//! - [`begun`]: what is done about a task that another process of this run has begun.
//! - [`other_runs`]: what is done about tasks of other runs.
//! - [`rows`]: what a task's end adds to the rows of its databases; [`record`]: what is written down meanwhile.

use std::cell::{Cell, RefCell};

use tokio::time::Instant;

use self::begun::TakenUp;
use self::judge::{Followed, PackOutcome, Whose};
use self::log_file::Written;
use self::order::Order;
use self::other_runs::adopt::Adopted;
use self::other_runs::{Found, OtherRuns};
use self::record::Record;
use self::retry::Unit;
use crate::database_name::{DatabaseName, is_fleet};
use crate::interrupt::Interrupt;
use crate::plan::{Begun, Orders, Pack, Plan, Proved};
use crate::ports::{MigrationWorld, Task};
use crate::progress::{Progress, TaskPhase};
use crate::session::Session;
use crate::steps::revision::Revision;
use crate::steps::task::lanes::Lane;
use crate::steps::task::launch::Launched;
use crate::steps::task::log::files::LogFiles;
use crate::steps::task::{FEW, Patience, Tasks};
use crate::task_definition::Part;
use crate::verdict::{Asked, Migrated, Verdict};

mod begun;
mod judge;
mod log_file;
mod log_lines;
mod order;
mod other_runs;
pub(crate) mod record;
mod retry;
mod rows;
mod stages;
mod start;

#[cfg(test)]
mod tests;

/// What a migration is made with, and what all of its packs share.
pub(crate) struct Migration<'a, W> {
    plan: &'a Plan,
    revision: &'a Revision,
    /// What each task is told in addition to its databases.
    orders: Orders,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    record: &'a Record<'a>,
    /// Where logs go besides the report.
    log_files: Option<&'a LogFiles>,
    written: Written,
    world: &'a W,
    tasks: Tasks<'a, W>,
    order: Order,
    /// Tasks at the same time, in the stage under way.
    parallel: Cell<usize>,
    /// The next place behind all packs of the plan.
    next_place: Cell<usize>,
    other_runs: OtherRuns,
    adopted: Adopted,
    proofs: RefCell<Vec<Migrated>>,
    /// What part the migration container has in its tasks.
    part: Part,
    /// The other essential containers.
    essential: Vec<String>,
}

impl<'a, W: MigrationWorld> Migration<'a, W> {
    pub(crate) fn new<R>(
        plan: &'a Plan,
        revision: &'a Revision,
        session: &Session<'a, &'a W, R>,
        record: &'a Record<'a>,
        log_files: Option<&'a LogFiles>,
    ) -> Self {
        let patience = Patience {
            timeout: *plan.task.common.timeout,
            log_drain: *plan.task.common.log_drain,
            lanes: plan.most_parallel(),
        };
        let tasks = Tasks::new(session.world, &plan.cluster, session.interrupt, patience);
        let reads_at_once = is_fleet(plan.databases().count()) && patience.lanes > FEW;
        Self {
            plan,
            revision,
            progress: session.progress,
            interrupt: session.interrupt,
            record,
            log_files,
            written: Written::default(),
            world: session.world,
            tasks: tasks.with_fleet_log(reads_at_once.then(|| plan.log_group(&plan.container)).flatten()),
            order: Order::default(),
            parallel: Cell::default(),
            next_place: Cell::new(plan.packs.len()),
            orders: plan.orders(),
            other_runs: OtherRuns::new(plan),
            adopted: Adopted::default(),
            proofs: RefCell::default(),
            part: plan.base.part(&plan.container).unwrap_or_default(),
            essential: plan.base.essential_beside(&plan.container),
        }
    }

    /// Migrates every database of the plan, stage by stage, in the plan's order. Each database gets its verdict in
    /// the record; failures stop new ones from starting, as the plan says. Returns the proofs of those that are
    /// migrated.
    pub(crate) async fn run(&self) -> Vec<Migrated> {
        self.plan.proved.iter().for_each(|proved| self.proved(proved));
        let note = |why| self.record.note(format!("the logs of all tasks are read one by one: {why}"));
        tokio::select! {
            () = self.stages() => {}
            () = self.tasks.run(note) => {}
        }
        self.proofs.take()
    }

    /// Brings a pack to its end; returns the parts of it that have to run again. What few packs need is boxed:
    /// thousands of these futures exist at a time.
    async fn one<'p>(&self, unit: Unit<'p>, lane: Lane) -> Vec<Unit<'p>> {
        let pack = &unit.pack;
        let outcome = match (self.reason_not_to_start(), &pack.begun) {
            // Its call would start a task while that of another run migrates the same databases.
            (None, Some(Begun::Call { .. })) if let Some(other) = &pack.running => {
                match Box::pin(self.before_begun_call(pack, other)).await {
                    Some(outcome) => outcome,
                    None => return vec![Unit::of(Pack { running: None, ..pack.clone().into_owned() })],
                }
            }
            // It may run already: the rule that nothing starts any more does not apply to it.
            (None, Some(begun)) | (Some(_), Some(begun @ Begun::Task { .. })) => {
                match Box::pin(self.take_up(pack, begun, lane)).await {
                    TakenUp::Outcome(outcome) => Ok(outcome),
                    TakenUp::Hindered(found) => Err(found),
                    TakenUp::Over { migrated, rest, before } => {
                        self.judged(migrated);
                        return rest.into_iter().map(|rest| Unit::after(rest, before.clone())).collect();
                    }
                }
            }
            (Some(verdict), _) => Ok(PackOutcome::all(pack, verdict)),
            (None, None) => match &pack.running {
                Some(running) => Box::pin(self.on_running(pack, running, lane)).await,
                None => self.start(pack, lane).await,
            },
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(found) => return unit.split_by_other_runs(&found, &self.next_place),
        };
        // A death is final where nothing may start any more.
        let death = outcome.death.filter(|_| self.reason_not_to_start().is_none());
        let (judged, retried) = unit.settled(PackOutcome { death, ..outcome }, &self.next_place);
        self.judged(judged);
        self.note_retry(&retried);
        retried
    }

    fn judged(&self, verdicts: Vec<(DatabaseName, Verdict)>) {
        for (database, verdict) in verdicts {
            self.order.judged(&database, &verdict);
            if let Verdict::Migrated(proof) = &verdict {
                self.proofs.borrow_mut().push(proof.clone());
            }
            self.record.judged(&database, verdict);
        }
    }

    /// Records a database that an earlier run has migrated, with its proof. No task is started for it.
    fn proved(&self, proved: &Proved) {
        let task = Task { arn: proved.by.task.clone().unwrap_or_default(), ..Task::default() };
        if !task.arn.is_empty() {
            self.link(std::slice::from_ref(&proved.database), &task);
        }
        self.proofs.borrow_mut().push(proved.proof.clone());
        self.record.proved(proved);
    }

    fn reason_not_to_start(&self) -> Option<Verdict> {
        if self.interrupt.is_set() {
            return Some(interrupted_before());
        }
        self.order.nothing_starts().map(|why| Verdict::NotRun { why })
    }

    /// Starts a task of the pack, and follows it to its end. `Err` has the tasks of other runs that migrate some of
    /// its databases now.
    async fn start(&self, pack: &Pack, lane: Lane) -> Result<PackOutcome, Found> {
        self.progress.task_phase(&pack.databases, TaskPhase::Queued);
        let task = match self.launch(pack, self.call(pack), pack.attempt).await {
            Launched::Task(task) => task,
            Launched::Hindered(found) => return Err(found),
            other => return Ok(PackOutcome::all(pack, self.not_started(pack, other))),
        };
        let deadline = Instant::now() + *self.plan.task.common.timeout;
        self.record.started(&pack.databases, &task.arn);
        let lane = Cell::new(lane);
        let when_ended = |task: &Task| {
            // The rest of its log is read while the next one starts, unless that has to wait for the verdict.
            let own = task.container(&self.plan.container);
            if self.parallel.get() > 1 && own.and_then(|own| own.exit_code) == Some(0) {
                lane.take();
            }
        };
        let followed = Followed { task: *task, told: self.plan.told(&pack.databases), whose: Whose::Started };
        Ok(self.follow(pack, followed, deadline, &when_ended).await)
    }

    /// Returns what every migration task is judged by: the container, its image, the proof.
    fn asked(&self) -> Asked<'_> {
        Asked {
            container: &self.plan.container,
            image_digest: self.revision.image_digest(),
            is_essential: self.part.is_essential,
            essential: &self.essential,
            proof: self.plan.task.proof,
        }
    }
}

fn interrupted_before() -> Verdict {
    Verdict::NotRun { why: "the run was interrupted before it started".into() }
}
