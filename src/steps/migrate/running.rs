//! Running: a database that a task of somebody else migrates now (`--on-running`).

use tokio::time::{Instant, sleep_until};

use super::follow::Followed;
use super::watch::Sight;
use super::{Lane, Migration, Shared};
use crate::cli::OnRunning;
use crate::plan::{DatabasePlan, RunningTask};
use crate::ports::{Reads, Task, Writes};
use crate::progress::Phase;
use crate::verdict::Verdict;

impl<W: Reads + Writes> Migration<'_, W> {
    pub(super) async fn beside(
        &self,
        plan: &DatabasePlan,
        running: &RunningTask,
        lane: Option<Lane<'_>>,
        shared: &Shared<'_, W>,
    ) -> Verdict {
        let database = &plan.database;
        match self.plan.on_running {
            OnRunning::Fail => already(running),
            OnRunning::Wait => {
                self.progress.phase(database, Phase::Queued);
                self.recorder.note(format!("{database} waits for the end of task {}", running.arn));
                match self.other_ends(running, shared).await {
                    Some(verdict) => verdict,
                    None => self.start(plan, lane, shared).await,
                }
            }
            OnRunning::Adopt if running.task_definition.as_deref() != Some(self.revision.arn()) => {
                let other = running.task_definition.as_deref().unwrap_or("a revision that ECS does not name");
                self.recorder.note(format!(
                    "task {} of {database} is not adopted: it runs {other}, not {}",
                    running.arn,
                    self.revision.arn()
                ));
                already(running)
            }
            OnRunning::Adopt => {
                self.recorder.note(format!("{database} is judged by task {}, which ran before", running.arn));
                self.recorder.row(database, |row| {
                    row.task_arn = Some(running.arn.clone());
                    row.started_at = Some(jiff::Timestamp::now());
                });
                let task = Task { arn: running.arn.clone(), ..Task::default() };
                let deadline = Instant::now() + self.plan.timeout;
                self.follow(database, Followed::of_others(task), shared, deadline, &|_| ()).await
            }
        }
    }

    /// None when the other task has ended; else why ours does not start.
    async fn other_ends(&self, running: &RunningTask, shared: &Shared<'_, W>) -> Option<Verdict> {
        let mut sight = shared.watch.follow(&Task { arn: running.arn.clone(), ..Task::default() });
        let deadline = Instant::now() + self.plan.timeout;
        let ended = async {
            loop {
                match &*sight.borrow_and_update() {
                    Sight::Seen(task) if task.is_stopped() => return true,
                    Sight::Seen(_) => {}
                    Sight::Lost(_) => return false,
                }
                if sight.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::select! {
            ended = ended => (!ended).then(|| already(running)),
            () = sleep_until(deadline) => Some(already(running)),
            () = self.interrupt.wait() => {
                Some(Verdict::NotRun { why: "the run was interrupted before it started".into() })
            }
        }
    }
}

fn already(running: &RunningTask) -> Verdict {
    Verdict::AlreadyRunning { task_arn: running.arn.clone(), started_by: running.started_by.clone() }
}
