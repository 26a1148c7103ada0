//! Migrate: a migration task per database, watched to its end, and judged.
//!
//! - [`launch`]: RunTask, once per database whatever happens.
//! - [`watch`]: one reader of task states for all tasks.
//! - [`follow`]: one task from its start to its end, states and log together.

use std::cell::RefCell;

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use self::launch::Launched;
use self::watch::Watch;
use super::revision::Revision;
use crate::interrupt::Interrupt;
use crate::plan::{DatabasePlan, Plan};
use crate::ports::{Reads, Writes};
use crate::progress::{Phase, Progress};
use crate::recorder::Recorder;
use crate::verdict::Verdict;

mod end;
mod follow;
mod launch;
mod log;
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

impl<W: Reads + Writes> Migration<'_, W> {
    /// Migrates every database of the plan, at most `max_parallel` at a time, in the plan's order. Each one gets its
    /// verdict in the recorder; one that fails stops new ones from starting, unless the plan keeps going.
    pub async fn run(&self) {
        let plan = self.plan;
        let watch = Watch::new(self.world, &plan.cluster);
        let failed: RefCell<Option<String>> = RefCell::default();
        let databases = stream::iter(&plan.databases)
            .map(|database| self.one(database, &watch, &failed))
            .buffer_unordered(plan.max_parallel)
            .for_each(async |()| {});
        tokio::select! {
            () = databases => {}
            () = watch.run() => {}
        }
    }

    async fn one(&self, database: &DatabasePlan, watch: &Watch<'_, W>, failed: &RefCell<Option<String>>) {
        let name = &database.database;
        let verdict = match self.reason_not_to_start(database, failed) {
            Some(verdict) => verdict,
            None => {
                let verdict = self.start(database, watch).await;
                if !verdict.is_migrated() {
                    failed.borrow_mut().get_or_insert_with(|| name.clone());
                }
                verdict
            }
        };
        self.recorder.judged(name, verdict);
    }

    fn reason_not_to_start(
        &self,
        database: &DatabasePlan,
        failed: &RefCell<Option<String>>,
    ) -> Option<Verdict> {
        if self.interrupt.is_set() {
            return Some(Verdict::NotRun { why: "the run was interrupted before it started".into() });
        }
        if let (Some(first), false) = (failed.borrow().as_ref(), self.plan.keep_going) {
            return Some(Verdict::NotRun {
                why: format!("{first} was not migrated, and nothing starts after that"),
            });
        }
        let running = database.running.as_ref()?;
        failed.borrow_mut().get_or_insert_with(|| database.database.clone());
        Some(Verdict::AlreadyRunning {
            task_arn: running.arn.clone(),
            started_by: running.started_by.clone(),
        })
    }

    async fn start(&self, plan: &DatabasePlan, watch: &Watch<'_, W>) -> Verdict {
        let database = &plan.database;
        self.progress.phase(database, Phase::Queued);
        let deadline = Instant::now() + self.plan.timeout;
        match self.launch(plan, deadline).await {
            Launched::Task(task) => {
                self.recorder.started(database, &task.arn);
                self.follow(database, *task, watch, deadline).await
            }
            Launched::Not(verdict) => verdict,
        }
    }
}
