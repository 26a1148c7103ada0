//! Begun: what another process of this run has begun, and whose end it did not see. [`crate::state`] has the argument
//! why this never makes two migrations of one database at once.

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::Migration;
use super::judge::{Followed, PackOutcome, Whose, lost};
use super::other_runs::Found;
use crate::database_name::DatabaseName;
use crate::plan::{Begun, Pack, Revisions, Told};
use crate::ports::{MigrationWorld, Task, TaskStatus};
use crate::progress::TaskPhase;
use crate::state::FRESH;
use crate::steps::task::lanes::Lane;
use crate::steps::task::launch::Launched;
use crate::steps::task::watch::{Sight, until};
use crate::verdict::{Verdict, is_decided};

/// What became of a task that an earlier process had begun.
pub(super) enum TakenUp {
    /// Nothing was called: tasks of other runs migrate these databases now.
    Hindered(Found),
    /// It ended while this process followed it, or could not be followed: a result of this run.
    Outcome(PackOutcome),
    /// It was over before, or ran something else until now: what it had not migrated is started anew. `before` has the
    /// verdicts of that task on it, where it was judged.
    Over { migrated: Vec<(DatabaseName, Verdict)>, rest: Option<Pack>, before: Vec<Verdict> },
}

impl<W: MigrationWorld> Migration<'_, W> {
    /// Follows the task that was begun when it does what a task of this run would do, else waits for its end.
    pub(super) async fn take_up(&self, pack: &Pack, begun: &Begun, lane: Lane) -> TakenUp {
        self.progress.task_phase(&pack.databases, TaskPhase::Queued);
        let ends = |verdict: Verdict| TakenUp::Outcome(PackOutcome::all(pack, verdict));
        if matches!(begun, Begun::Call { .. }) && self.plan.looked_at.elapsed() >= FRESH {
            let why =
                "the look for tasks of the earlier run is too old by now; run again with --resume".to_owned();
            return ends(Verdict::NotRun { why });
        }
        let task = match self.begun_task(pack, begun).await {
            Launched::Task(task) => *task,
            Launched::Hindered(found) => return TakenUp::Hindered(found),
            other => return ends(self.not_started(pack, other)),
        };
        let mut sight = self.tasks.watch(&task);
        let deadline = Instant::now() + *self.plan.task.common.timeout;
        let seen = match self.seen(&task, &mut sight, deadline).await {
            Ok(seen) => seen,
            Err(verdict) => return ends(verdict),
        };
        if let Some(told) = self.told_as_now(&seen, pack) {
            let followed = Followed { task: seen, told, whose: Whose::TakenOver };
            return self.resume(pack, followed, lane, deadline).await;
        }
        self.record.note(format!(
            "{} waits for the end of task {}, which the run started before with something else",
            pack.name(),
            task.arn
        ));
        match self.over(&task, &mut sight, deadline).await {
            Ok(()) => {
                let rest = Some(pack.without_begun(&pack.databases));
                TakenUp::Over { migrated: Vec::new(), rest, before: Vec::new() }
            }
            Err(verdict) => ends(verdict),
        }
    }

    /// Returns what the task is told to migrate, when it does all that a task of this run would do for the pack: by
    /// the same revision, command and further variables.
    fn told_as_now(&self, task: &Task, pack: &Pack) -> Option<Told> {
        let revisions = Revisions::of_one(self.revision.arn(), self.revision.definition());
        let reading = self.plan.reading(Some(self.revision.arn()), &self.orders, &revisions);
        let told = reading.told_as_now(task)?;
        pack.databases.iter().all(|name| told.includes(name)).then_some(told)
    }

    /// Returns the task, of which only the ARN may be known. Where only a call was recorded, makes that call again.
    async fn begun_task(&self, pack: &Pack, begun: &Begun) -> Launched<Found> {
        match begun {
            Begun::Task { arn, token, .. } => {
                if let Some(token) = token {
                    self.record.launched(token, arn);
                }
                Launched::Task(Box::new(Task { arn: arn.clone(), ..Task::default() }))
            }
            Begun::Call { token, attempt } => self.launch(pack, self.begun_call(pack, token), *attempt).await,
        }
    }

    /// Follows the task. An end that this process sees is this run's result. What ended before was not seen: only its
    /// migrated databases are final, and the rest is tried again.
    async fn resume(&self, pack: &Pack, followed: Followed, lane: Lane, deadline: Instant) -> TakenUp {
        let was_over = is_decided(&self.asked(), &followed.task);
        self.record.started(&pack.databases, &followed.task.arn);
        let outcome = self.follow(pack, followed, deadline, &|_| ()).await;
        drop(lane);
        if !was_over {
            return TakenUp::Outcome(outcome);
        }
        let judged = pack.databases.iter().cloned().zip(outcome.verdicts);
        let (migrated, rest): (Vec<_>, Vec<_>) = judged.partition(|(_, verdict)| verdict.is_migrated());
        let (rest, before): (Vec<DatabaseName>, Vec<Verdict>) = rest.into_iter().unzip();
        TakenUp::Over { migrated, rest: (!rest.is_empty()).then(|| pack.without_begun(&rest)), before }
    }

    /// Waits until ECS describes the task with its revision and what it was told. An interrupted run does not wait:
    /// it takes the task for what it was asked to be, and applies `--on-cancel` to it.
    async fn seen(
        &self,
        task: &Task,
        sight: &mut Receiver<Sight>,
        deadline: Instant,
    ) -> Result<Task, Verdict> {
        let is_known =
            |seen: &Task| seen.task_definition.is_some() && seen.last_status != TaskStatus::Unknown;
        tokio::select! {
            seen = until(sight, is_known) => seen.map_err(|why| lost(&why)),
            () = sleep_until(deadline) => Err(lost("ECS does not say what it runs")),
            () = self.interrupt.wait() => Err(self.cancelled(task).await),
        }
    }

    /// Waits until the task has ended what it was started for, which is recorded.
    async fn over(&self, task: &Task, sight: &mut Receiver<Sight>, deadline: Instant) -> Result<(), Verdict> {
        let is_over = |task: &Task| self.other_runs.is_over(self.plan, task);
        tokio::select! {
            over = until(sight, is_over) => match over {
                Ok(_) => {
                    self.record.task_ended(&task.arn);
                    Ok(())
                }
                Err(why) => Err(lost(&why)),
            },
            () = sleep_until(deadline) => Err(Verdict::AlreadyRunning {
                task_arn: task.arn.clone(),
                started_by: Some(self.plan.started_by.clone()),
                doubt: None,
            }),
            () = self.interrupt.wait() => Err(self.cancelled(task).await),
        }
    }
}
