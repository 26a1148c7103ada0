//! Tasks of other runs that migrate a database of ours, looked for again while the run goes on.
//!
//! The plan has looked once. In a run of hours another one may start a task later, so RunTask is not called when the
//! last look is older than [`GOOD_FOR`]. It is a look and not a lock: two runs that both have looked may call RunTask
//! within the same minute, and ECS takes seconds to list a new task. What keeps two migrations of one database apart then
//! is a lock in the database.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(super) mod adopt;
pub(super) mod on_running;

use super::Migration;
use crate::database_name::DatabaseName;
use crate::plan::{Pack, Plan, RunningTask};
use crate::ports::{DesiredStatus, TaskReads, TaskWorld};

/// RunTask relies on a look for so long: at 24 tasks at a time it costs a twentieth of a call for each of them.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// A task that was found in an older look may have ended since: that is looked at again.
const SURE_FOR: Duration = Duration::from_secs(5);

/// Databases that tasks of other runs migrate now.
pub(super) type Found = HashMap<DatabaseName, Arc<RunningTask>>;

/// What the looks of a run have found, shared by all of its packs.
pub(super) struct OtherRuns {
    looked_at: Cell<Instant>,
    /// One look is enough for all who wait for it.
    looking: Mutex<()>,
    /// Every task that needs no description any more; none for those that are none.
    known: RefCell<HashMap<String, Option<Arc<RunningTask>>>>,
    /// That a look has failed, once.
    said: Cell<bool>,
    /// By the last look, and by what their overrides name.
    running: RefCell<HashMap<String, Arc<RunningTask>>>,
}

impl OtherRuns {
    /// The plan has looked at that time, and its packs say what it found.
    pub(super) fn new(looked_at: Instant) -> Self {
        Self {
            looked_at: Cell::new(looked_at),
            looking: Mutex::default(),
            known: RefCell::default(),
            said: Cell::default(),
            running: RefCell::default(),
        }
    }

    /// A task of ours, or one of another run that has ended.
    pub(super) fn disregard(&self, arn: &str) {
        self.known.borrow_mut().insert(arn.to_owned(), None);
        self.running.borrow_mut().retain(|_, task| task.arn != arn);
    }

    fn of(&self, databases: &[DatabaseName]) -> Found {
        let running = self.running.borrow();
        let of = |name: &DatabaseName| Some((name.clone(), Arc::clone(running.get(name.as_str())?)));
        databases.iter().filter_map(of).collect()
    }

    /// Tasks of other runs that were listed before, and are not now.
    fn gone(&self, listed: &[String]) -> Vec<String> {
        let known = self.known.borrow();
        let of_other_run = known.iter().filter(|(_, task)| task.is_some()).map(|(arn, _)| arn);
        of_other_run.filter(|arn| !listed.contains(arn)).cloned().collect()
    }

    /// ListTasks, and DescribeTasks of what is new in it, and of what is listed no longer because it was told to end.
    async fn look(&self, plan: &Plan, reads: &impl TaskReads) -> Result<()> {
        // One that fails is not tried again by everyone who waits.
        self.looked_at.set(Instant::now());
        let listed = reads.list_tasks(&plan.cluster, plan.family(), DesiredStatus::Running).await?;
        let is_new = |arn: &&String| !self.known.borrow().contains_key(*arn);
        let mut asked: Vec<String> = listed.iter().filter(is_new).cloned().collect();
        let gone = self.gone(&listed);
        asked.extend_from_slice(&gone);
        let described = match asked.as_slice() {
            [] => Vec::new(),
            asked => reads.describe_tasks(&plan.cluster, asked).await?,
        };
        let mut known = self.known.borrow_mut();
        known.extend(gone.iter().map(|arn| (arn.clone(), None)));
        for task in described {
            let of_other_run = plan.of_other_run(&task).map(Arc::new);
            match known.entry(task.arn) {
                // One of ours may have been disregarded while this was asked.
                Entry::Occupied(mut known) if gone.contains(known.key()) => drop(known.insert(of_other_run)),
                Entry::Occupied(_) => {}
                Entry::Vacant(unknown) => drop(unknown.insert(of_other_run)),
            }
        }
        let mut running = HashMap::new();
        for task in listed.iter().chain(&gone).filter_map(|arn| known.get(arn)?.as_ref()) {
            for database in task.told.databases() {
                running.entry(database.clone()).or_insert_with(|| Arc::clone(task));
            }
        }
        *self.running.borrow_mut() = running;
        Ok(())
    }
}

impl<W: TaskWorld> Migration<'_, W> {
    /// Those of a pack that is about to start. A look that fails is said, and what was last seen counts on.
    pub(super) async fn found(&self, pack: &Pack) -> Found {
        let other_runs = &self.other_runs;
        for good_for in [GOOD_FOR, SURE_FOR] {
            let _one = other_runs.looking.lock().await;
            if other_runs.looked_at.get().elapsed() >= good_for
                && let Err(error) = other_runs.look(self.plan, self.world).await
                && !other_runs.said.replace(true)
            {
                let what = "tasks that others have started since the plan are not seen";
                self.record.note(format!("{what}: {error:#}"));
            }
            if other_runs.of(&pack.databases).is_empty() {
                break;
            }
        }
        other_runs.of(&pack.databases)
    }
}
