//! Follow: one task from RunTask to its verdict.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::choices::Leftover;
use crate::diagnosis::STOPPED_BY_US;
use crate::migration::{Migration, Shared};
use crate::migration_report::Reports;
use crate::plan::{Pack, Told};
use crate::ports::{Reads, Task, Writes};
use crate::progress::TaskPhase;
use crate::steps::task::following::{Followed, Following, Outcome};
use crate::steps::task::log::reading::read_if;
use crate::steps::task::watch::Sight;
use crate::verdict::{Verdict, judge, judge_pack};
/// StopTask when the run is interrupted, retries included: GitHub's runner leaves 7.5 s between SIGINT and SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// A task that was stopped at `--timeout` is watched this much longer: stopTimeout is at most 120 s on Fargate.
const LAST_WORDS: Duration = Duration::from_secs(150);
/// After a StopTask that was refused or had no answer: it may have been carried out all the same.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// Why following ended.
pub enum End {
    Stopped,
    Lost(String),
}

impl<W: Reads + Writes> Migration<'_, W> {
    pub async fn follow(
        &self,
        pack: &Pack,
        followed: Followed,
        shared: &Shared<'_, W>,
        deadline: Instant,
        when_stopped: &dyn Fn(&Task),
    ) -> Outcome {
        let mut following = self.following(pack, followed, shared, when_stopped);
        let verdicts = self.verdicts(&mut following, deadline).await;
        let death = self.death(&following, &verdicts);
        Outcome { verdicts, death }
    }

    pub fn following<'f>(
        &self,
        pack: &Pack,
        Followed { task, told, leave, taken_over }: Followed,
        shared: &Shared<'_, W>,
        when_stopped: &'f dyn Fn(&Task),
    ) -> Following<'f> {
        let following = Following {
            databases: pack.databases.clone(),
            tail: self.recorder.tail(&pack.databases, &told),
            told,
            when_stopped: Some(when_stopped),
            sight: shared.watch.follow(&task),
            log: self.log_of(&task, shared),
            log_errors: 0,
            reports: Reports::default(),
            leave,
            taken_over,
            task,
        };
        self.show(&following);
        self.log_begins(&following);
        following
    }

    /// For each database that it is followed for, in their order.
    pub async fn verdicts(&self, following: &mut Following<'_>, deadline: Instant) -> Vec<Verdict> {
        let verdicts = tokio::select! {
            end = self.to_the_end(following) => Some(self.judge(following, end)),
            () = sleep_until(deadline) => None,
            () = self.interrupt.wait() => Some(self.cancel(following).await),
        };
        let verdicts = match verdicts {
            Some(verdicts) => verdicts,
            None => self.time_out(following).await,
        };
        self.ended(following, &verdicts).await;
        verdicts
    }

    /// Watches state and log together until the task has stopped and its log is complete.
    async fn to_the_end(&self, following: &mut Following<'_>) -> End {
        loop {
            let sight = following.sight.borrow_and_update().clone();
            match sight {
                Sight::Seen(task) => following.task = *task,
                Sight::Lost(why) => return End::Lost(why),
            }
            self.progress.task_phase(&following.databases, phase(&following.task));
            if following.task.is_stopped() {
                if let Some(when_stopped) = following.when_stopped.take() {
                    self.recorder.task_ended(&following.task.arn);
                    when_stopped(&following.task);
                }
                self.drain(following).await;
                return End::Stopped;
            }
            let Following { sight, log, task, .. } = following;
            let reading = has_run(task).then_some(log.as_mut()).flatten();
            tokio::select! {
                changed = sight.changed() => if changed.is_err() {
                    return End::Lost("nobody watches it any more".into());
                },
                read = read_if(reading, self.world) => {
                    self.take(following, read);
                }
            }
        }
    }

    pub fn judge(&self, following: &Following<'_>, end: End) -> Vec<Verdict> {
        let Following { databases, told, task, reports, .. } = following;
        let (container, require_report) = (&self.plan.container, self.plan.require_report);
        match (end, told) {
            (End::Stopped, Told::Pack(told)) => judge_pack(databases, told, container, task, reports),
            (End::Stopped, Told::One(_)) => {
                let judged = |name: &String| judge(name, container, task, reports, require_report);
                databases.iter().map(judged).collect()
            }
            (End::Lost(why), _) => {
                let why = format!("we lost sight of its task, which may still run: {why}");
                following.all(Verdict::Unproved { why })
            }
        }
    }

    /// Of a task of ours that nobody follows yet.
    pub async fn cancelled(&self, task: &Task) -> Verdict {
        let why = "the run was interrupted";
        let stopped =
            self.plan.on_cancel == Leftover::Stop && self.request_stop_of(&task.arn, why).await.is_ok();
        Verdict::Cancelled { stopped }
    }

    async fn cancel(&self, following: &Following<'_>) -> Vec<Verdict> {
        let task = &following.task;
        if task.is_stopped() {
            return self.judge_early(following);
        }
        let stopped = match self.plan.on_cancel {
            _ if following.leave => false,
            Leftover::Leave => false,
            Leftover::Stop => self.stop(following, "the run was interrupted").await,
        };
        following.all(Verdict::Cancelled { stopped })
    }

    /// The task is over, and the rest of its log is not waited for: without its report, exit code 0 is no proof.
    fn judge_early(&self, following: &Following<'_>) -> Vec<Verdict> {
        let mut verdicts = self.judge(following, End::Stopped);
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.is_migrated()) {
            if following.reports.is_empty() {
                *verdict = Verdict::Unproved {
                    why: "exit code 0, but the run was interrupted before its log was read to the end".into(),
                };
            }
        }
        verdicts
    }

    /// Stops the task at `--timeout`, and still hears it out: what it was doing is what people ask next, and what it
    /// reported of a pack's databases by then is true.
    async fn time_out(&self, following: &mut Following<'_>) -> Vec<Verdict> {
        if following.task.is_stopped() {
            // It made it in time: only its log is still being read.
            return tokio::select! {
                end = self.to_the_end(following) => self.judge(following, end),
                () = self.interrupt.wait() => self.judge_early(following),
            };
        }
        if following.leave || self.plan.on_timeout == Leftover::Leave {
            return following.all(Verdict::TimedOut { stopped: false });
        }
        let stop = self.request_stop(following, "still running at --timeout").await;
        let patience = if stop.is_ok() { LAST_WORDS } else { LAST_LOOK };
        tokio::select! {
            _ = timeout(patience, self.to_the_end(following)) => {}
            () = self.interrupt.wait() => {}
        }
        match stop {
            Err(error) if !following.task.is_stopped() => {
                self.note_not_stopped(following, &error);
                following.all(Verdict::TimedOut { stopped: false })
            }
            _ => self.reported_in_time(following),
        }
    }

    fn reported_in_time(&self, following: &Following<'_>) -> Vec<Verdict> {
        let mut verdicts = following.all(Verdict::TimedOut { stopped: true });
        if matches!(following.told, Told::Pack(_)) && following.task.is_stopped() {
            let judged = self.judge(following, End::Stopped);
            for (verdict, judged) in verdicts.iter_mut().zip(judged) {
                if judged.is_by_report() {
                    *verdict = judged;
                }
            }
        }
        verdicts
    }

    /// Whether ECS took the StopTask.
    async fn stop(&self, following: &Following<'_>, why: &str) -> bool {
        let stop = self.request_stop(following, why).await;
        if let Err(error) = &stop {
            self.note_not_stopped(following, error);
        }
        stop.is_ok()
    }

    /// StopTask; an error says why it is not known to have been taken.
    async fn request_stop(&self, following: &Following<'_>, why: &str) -> Result<(), String> {
        self.progress.task_phase(&following.databases, TaskPhase::Stopping);
        self.request_stop_of(&following.task.arn, why).await
    }

    async fn request_stop_of(&self, arn: &str, why: &str) -> Result<(), String> {
        let reason = format!("{STOPPED_BY_US}{why}");
        match timeout(STOP_DEADLINE, self.world.stop_task(&self.plan.cluster, arn, &reason)).await {
            Ok(stopped) => stopped.map_err(|error| format!("{error:#}")),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    fn note_not_stopped(&self, following: &Following<'_>, error: &str) {
        let (arn, what) = (&following.task.arn, following.name());
        self.recorder.note(format!("task {arn} of {what} was not stopped and may still run: {error}"));
    }
}

/// Whether a container may have printed something. A no-op migration can be over before RUNNING is ever seen.
pub fn has_run(task: &Task) -> bool {
    task.started_at.is_some()
        || task.last_status == "RUNNING"
        || task.containers.iter().any(|container| container.exit_code.is_some())
}

fn phase(task: &Task) -> TaskPhase {
    match task.last_status.as_str() {
        "RUNNING" => TaskPhase::Running,
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" | "STOPPED" => TaskPhase::Stopping,
        "ACTIVATING" => TaskPhase::Pulling,
        _ if task.pull_started_at.is_some() => TaskPhase::Pulling,
        _ => TaskPhase::Provisioning,
    }
}
