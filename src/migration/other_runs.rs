//! Tasks of other runs that migrate a database of this run, looked for again while the run goes on.
//!
//! The plan has looked once. In a run of hours another run may start a task later, so the program looks again before
//! RunTask when the last look is older than [`GOOD_FOR`]. A look is not a lock: two runs that have both looked may
//! call RunTask within the same minute, and ECS takes seconds to list a new task. Then only a lock in the database
//! keeps two migrations of it apart.
//!
//! What a look cannot tell counts against a start: a task that ECS lists and does not describe, or whose revision
//! cannot be read, may migrate any database; and nothing starts after a look that fails.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

pub(super) mod adopt;
pub(super) mod on_running;

use super::Migration;
use crate::database_name::DatabaseName;
use crate::failure::{Failure, is_throttled, is_transient};
use crate::plan::{Orders, Pack, Plan, Revisions, RunningTask};
use crate::ports::{DesiredStatus, MigrationWorld, Task};
use crate::steps::observe::{LOOKS, PAUSE, read_revisions};

/// How long RunTask relies on a look: at 24 tasks at a time it costs a twentieth of a call for each of them.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long a look is sure that a task which it found still runs: after that, the program looks again.
const SURE_FOR: Duration = Duration::from_secs(5);
/// The pause between two tries of a look that failed for a moment; the SDK retries as well.
const AFTER_A_FAILURE: Duration = Duration::from_secs(10);

/// Databases that tasks of other runs migrate now.
pub(super) type Found = HashMap<DatabaseName, Arc<RunningTask>>;

/// What the looks of a run have found, shared by all of its packs.
pub(super) struct OtherRuns {
    /// `None` where what was seen is out of date, however new.
    looked_at: Cell<Option<Instant>>,
    /// One look is enough for all who wait for it.
    looking: Mutex<()>,
    /// Every task that was described; `None` for one that is not of another run.
    known: RefCell<HashMap<String, Option<Arc<RunningTask>>>>,
    /// Why the last look failed.
    failed: RefCell<Option<Failure>>,
    /// By the last look, in its order.
    running: RefCell<Vec<Arc<RunningTask>>>,
    /// What was read of the revisions that tasks run.
    revisions: RefCell<Revisions>,
    orders: Orders,
}

impl OtherRuns {
    /// Begins with the look of the plan: its packs say what that found.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            looked_at: Cell::new(Some(plan.looked_at)),
            looking: Mutex::default(),
            known: RefCell::default(),
            failed: RefCell::default(),
            running: RefCell::default(),
            revisions: RefCell::new(plan.revisions.clone()),
            orders: plan.orders(),
        }
    }

    /// Forgets a task: one of this run, or one of another run that has ended.
    pub(super) fn disregard(&self, arn: &str) {
        self.known.borrow_mut().insert(arn.to_owned(), None);
        self.running.borrow_mut().retain(|task| task.arn != arn);
    }

    /// Makes the last look out of date: nothing starts before another look.
    pub(super) fn outdate(&self) {
        self.looked_at.set(None);
    }

    /// Returns whether a task has ended what it was started for.
    pub(super) fn is_over(&self, plan: &Plan, task: &Task) -> bool {
        plan.reading(None, &self.orders, &self.revisions.borrow()).is_over(task)
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.looked_at.get().is_none_or(|at| at.elapsed() >= age)
    }

    /// Returns the tasks of other runs that migrate these databases. A task that is known to migrate a database comes
    /// before one that may migrate any.
    fn of(&self, databases: &[DatabaseName]) -> Found {
        let mut found = Found::new();
        for task in self.running.borrow().iter() {
            for name in task.of(databases) {
                let known = found.entry(name.clone()).or_insert_with(|| Arc::clone(task));
                if known.told.is_err() && task.told.is_ok() {
                    *known = Arc::clone(task);
                }
            }
        }
        found
    }

    /// Returns the tasks of other runs that were listed before, and are not now.
    fn gone(&self, listed: &[String]) -> Vec<String> {
        let known = self.known.borrow();
        let of_other_run = known.iter().filter(|(_, task)| task.is_some()).map(|(arn, _)| arn);
        of_other_run.filter(|arn| !listed.contains(arn)).cloned().collect()
    }

    /// Returns whether a task has to be described: what it migrates is not known yet.
    fn is_open(&self, arn: &str) -> bool {
        self.known.borrow().get(arn).is_none_or(|task| task.as_ref().is_some_and(|task| task.told.is_err()))
    }

    /// Calls ListTasks, and DescribeTasks for what is new in the list and for what is no longer listed because it was
    /// told to end. Looks again for what is listed and not described, because ECS's stores take seconds to agree.
    async fn look(&self, plan: &Plan, reads: &impl MigrationWorld) -> Result<()> {
        // A look that fails is not repeated by every pack that waits for it.
        self.looked_at.set(Some(Instant::now()));
        for look in 1..=LOOKS {
            let mut listed = Vec::new();
            for family in plan.families() {
                listed.extend(reads.list_tasks(&plan.cluster, family, DesiredStatus::Running).await?);
            }
            let gone = self.gone(&listed);
            let open = listed.iter().filter(|arn| self.is_open(arn)).chain(&gone);
            let asked: Vec<String> = open.cloned().collect();
            let mut described = match asked.as_slice() {
                [] => Vec::new(),
                asked => reads.describe_tasks(&plan.cluster, asked).await?,
            };
            let is_unseen = |arn: &&String| {
                // A task of this run may have been disregarded during the call.
                self.is_open(arn) && !gone.contains(arn) && !described.iter().any(|task| task.arn == **arn)
            };
            let unseen: Vec<Task> = asked
                .iter()
                .filter(is_unseen)
                .map(|arn| Task { arn: arn.clone(), ..Task::default() })
                .collect();
            if !unseen.is_empty() && look < LOOKS {
                sleep(PAUSE).await;
                continue;
            }
            described.extend(unseen);
            self.read_revisions(plan, &described, reads).await;
            self.settle(plan, &listed, &gone, &described);
            break;
        }
        Ok(())
    }

    async fn read_revisions(&self, plan: &Plan, described: &[Task], reads: &impl MigrationWorld) {
        let known = self.revisions.borrow().clone();
        let is_of_other_run = |task: &&Task| task.started_by.as_deref() != Some(&plan.started_by);
        let of_other_runs: Vec<Task> = described.iter().filter(is_of_other_run).cloned().collect();
        let read = read_revisions(&plan.reading(None, &self.orders, &known), &of_other_runs, reads).await;
        if !read.is_empty() {
            self.revisions.borrow_mut().read(read);
        }
    }

    fn settle(&self, plan: &Plan, listed: &[String], gone: &[String], described: &[Task]) {
        let mut known = self.known.borrow_mut();
        known.extend(gone.iter().map(|arn| (arn.clone(), None)));
        let revisions = self.revisions.borrow();
        let reading = plan.reading(None, &self.orders, &revisions);
        for task in described {
            let of_other_run = reading.of_other_run(task).map(Arc::new);
            match known.get(&task.arn) {
                // A task of this run may have been disregarded during the calls.
                Some(None) if !gone.contains(&task.arn) => {}
                _ => drop(known.insert(task.arn.clone(), of_other_run)),
            }
        }
        let tasks = listed.iter().chain(gone).filter_map(|arn| known.get(arn)?.clone());
        *self.running.borrow_mut() = tasks.collect();
    }
}

impl<W: MigrationWorld> Migration<'_, W> {
    /// Returns the tasks of other runs that migrate databases of a pack which is about to start.
    ///
    /// # Errors
    /// It cannot be known: then nothing starts.
    pub(super) async fn found(&self, pack: &Pack) -> Result<Found, Failure> {
        let other_runs = &self.other_runs;
        for good_for in [GOOD_FOR, SURE_FOR] {
            let _one = other_runs.looking.lock().await;
            if other_runs.is_older_than(good_for) {
                let failed = self.look().await.err();
                other_runs.failed.replace(failed);
            }
            if let Some(failure) = other_runs.failed.borrow().clone() {
                return Err(failure);
            }
            if other_runs.of(&pack.databases).is_empty() {
                break;
            }
        }
        let found = other_runs.of(&pack.databases);
        found.values().filter_map(|task| task.doubt()).for_each(|doubt| self.record.note(doubt));
        Ok(found)
    }

    /// Looks, up to [`LOOKS`] times while ECS throttles or fails for a moment. Any other error ends it at once.
    async fn look(&self) -> Result<(), Failure> {
        for left in (0..LOOKS).rev() {
            let Err(error) = self.other_runs.look(self.plan, self.world).await else { return Ok(()) };
            if left > 0 && (is_transient(&error) || is_throttled(&error)) {
                sleep(AFTER_A_FAILURE).await;
                continue;
            }
            let failure = Failure::from_error(&error);
            let what = "nothing starts while it is not known which tasks other runs have started";
            return Err(Failure { message: format!("{what}: {}", failure.message), ..failure });
        }
        Ok(())
    }
}
