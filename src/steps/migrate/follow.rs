//! Follow: one task from RunTask to its verdict.

use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::reading::{Source, read_if};
use super::watch::Sight;
use super::{Migration, Shared};
use crate::cli::Leftover;
use crate::diagnosis::STOPPED_BY_US;
use crate::migration_report::Reports;
use crate::ports::{Reads, Task, Writes};
use crate::progress::Phase;
use crate::verdict::{Verdict, judge};

/// StopTask when the run is interrupted, retries included: GitHub's runner leaves 7.5 s between SIGINT and SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// A task that was stopped at `--timeout` is watched this much longer: stopTimeout is at most 120 s on Fargate.
const LAST_WORDS: Duration = Duration::from_secs(150);
/// After a StopTask that was refused or had no answer: it may have been carried out all the same.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// What is known of a task while it is followed.
pub(super) struct Following<'a> {
    pub database: String,
    /// Called once, when the task has stopped and its log is still to be read.
    when_stopped: Option<&'a dyn Fn(&Task)>,
    pub task: Task,
    sight: Receiver<Sight>,
    /// None when the log is not in CloudWatch Logs, or may not be read.
    pub log: Option<Source>,
    pub log_errors: u32,
    pub reports: Reports,
    /// It is somebody else's: it is not ours to stop.
    leave: bool,
}

/// A task, and whose it is.
pub(super) struct Followed {
    task: Task,
    leave: bool,
}

impl Followed {
    pub fn ours(task: Task) -> Self {
        Self { task, leave: false }
    }

    pub fn of_others(task: Task) -> Self {
        Self { task, leave: true }
    }
}

/// Why following ended.
enum End {
    Stopped,
    Lost(String),
}

impl<W: Reads + Writes> Migration<'_, W> {
    pub(super) async fn follow(
        &self,
        database: &str,
        Followed { task, leave }: Followed,
        shared: &Shared<'_, W>,
        deadline: Instant,
        when_stopped: &dyn Fn(&Task),
    ) -> Verdict {
        let mut following = Following {
            database: database.to_owned(),
            when_stopped: Some(when_stopped),
            sight: shared.watch.follow(&task),
            log: self.log_of(&task, shared),
            log_errors: 0,
            reports: Reports::default(),
            leave,
            task,
        };
        self.link(database, &following.task);
        let verdict = tokio::select! {
            end = self.to_the_end(&mut following) => Some(self.judge(&following, end)),
            () = sleep_until(deadline) => None,
            () = self.interrupt.wait() => Some(self.cancel(&following).await),
        };
        let verdict = match verdict {
            Some(verdict) => verdict,
            None => self.time_out(&mut following).await,
        };
        self.ended(database, &following.task, &following.reports, &verdict).await;
        verdict
    }

    /// Watches state and log together until the task has stopped and its log is complete.
    async fn to_the_end(&self, following: &mut Following<'_>) -> End {
        loop {
            let sight = following.sight.borrow_and_update().clone();
            match sight {
                Sight::Seen(task) => following.task = *task,
                Sight::Lost(why) => return End::Lost(why),
            }
            self.progress.phase(&following.database, phase(&following.task));
            if following.task.is_stopped() {
                if let Some(when_stopped) = following.when_stopped.take() {
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

    fn judge(&self, following: &Following<'_>, end: End) -> Verdict {
        match end {
            End::Stopped => judge(
                &following.database,
                &self.plan.container,
                &following.task,
                &following.reports,
                self.plan.require_report,
            ),
            End::Lost(why) => {
                Verdict::Unproved { why: format!("we lost sight of its task, which may still run: {why}") }
            }
        }
    }

    async fn cancel(&self, following: &Following<'_>) -> Verdict {
        let Following { database, task, .. } = following;
        if task.is_stopped() {
            return self.judge_early(following);
        }
        match self.plan.on_cancel {
            _ if following.leave => Verdict::Cancelled { stopped: false },
            Leftover::Leave => Verdict::Cancelled { stopped: false },
            Leftover::Stop => Verdict::Cancelled {
                stopped: self.stop(database, &task.arn, "the run was interrupted").await,
            },
        }
    }

    /// The task is over, and the rest of its log is not waited for: without its report, exit code 0 is no proof.
    fn judge_early(&self, following: &Following<'_>) -> Verdict {
        match self.judge(following, End::Stopped) {
            Verdict::Migrated(_) if following.reports.is_empty() => Verdict::Unproved {
                why: "exit code 0, but the run was interrupted before its log was read to the end".into(),
            },
            verdict => verdict,
        }
    }

    /// Stops the task at `--timeout`, and still hears it out: what it was doing is what people ask next.
    async fn time_out(&self, following: &mut Following<'_>) -> Verdict {
        if following.task.is_stopped() {
            // It made it in time: only its log is still being read.
            return tokio::select! {
                end = self.to_the_end(following) => self.judge(following, end),
                () = self.interrupt.wait() => self.judge_early(following),
            };
        }
        if following.leave || self.plan.on_timeout == Leftover::Leave {
            return Verdict::TimedOut { stopped: false };
        }
        let (database, arn) = (following.database.clone(), following.task.arn.clone());
        let stop = self.request_stop(&database, &arn, "still running at --timeout").await;
        let patience = if stop.is_ok() { LAST_WORDS } else { LAST_LOOK };
        tokio::select! {
            _ = timeout(patience, self.to_the_end(following)) => {}
            () = self.interrupt.wait() => {}
        }
        match stop {
            Err(error) if !following.task.is_stopped() => {
                self.note_not_stopped(&database, &arn, &error);
                Verdict::TimedOut { stopped: false }
            }
            _ => Verdict::TimedOut { stopped: true },
        }
    }

    /// Whether ECS took the StopTask.
    async fn stop(&self, database: &str, arn: &str, why: &str) -> bool {
        let stop = self.request_stop(database, arn, why).await;
        if let Err(error) = &stop {
            self.note_not_stopped(database, arn, error);
        }
        stop.is_ok()
    }

    /// StopTask; an error says why it is not known to have been taken.
    async fn request_stop(&self, database: &str, arn: &str, why: &str) -> Result<(), String> {
        self.progress.phase(database, Phase::Stopping);
        let reason = format!("{STOPPED_BY_US}{why}");
        match timeout(STOP_DEADLINE, self.world.stop_task(&self.plan.cluster, arn, &reason)).await {
            Ok(stopped) => stopped.map_err(|error| format!("{error:#}")),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    fn note_not_stopped(&self, database: &str, arn: &str, error: &str) {
        self.recorder.note(format!("task {arn} of {database} was not stopped and may still run: {error}"));
    }
}

/// Whether a container may have printed something. A no-op migration can be over before RUNNING is ever seen.
pub(super) fn has_run(task: &Task) -> bool {
    task.started_at.is_some()
        || task.last_status == "RUNNING"
        || task.containers.iter().any(|container| container.exit_code.is_some())
}

fn phase(task: &Task) -> Phase {
    match task.last_status.as_str() {
        "RUNNING" => Phase::Running,
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" | "STOPPED" => Phase::Stopping,
        "ACTIVATING" => Phase::Pulling,
        _ if task.pull_started_at.is_some() => Phase::Pulling,
        _ => Phase::Provisioning,
    }
}
