//! Follow: one task from RunTask to its verdict.

use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::Migration;
use super::log::{LogFollower, Read};
use super::watch::{Sight, Watch};
use crate::cli::Leftover;
use crate::diagnosis::STOPPED_BY_US;
use crate::failure::{Failure, is_transient};
use crate::migration_report::Reports;
use crate::ports::{LogEvent, Reads, Task, Writes};
use crate::progress::Phase;
use crate::untrusted;
use crate::verdict::{Verdict, judge};

/// StopTask when the run is interrupted, retries included: GitHub's runner leaves 7.5 s between SIGINT and SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// A task that was stopped at `--timeout` is watched this much longer: stopTimeout is at most 120 s on Fargate.
const LAST_WORDS: Duration = Duration::from_secs(150);
/// After a StopTask that was refused or had no answer: it may have been carried out all the same.
const LAST_LOOK: Duration = Duration::from_secs(30);
/// Failed log reads in a row before a drain gives up.
const MAX_LOG_ERRORS: u32 = 5;

/// What is known of a task while it is followed.
struct Following<'a> {
    database: String,
    /// Called once, when the task has stopped and its log is still to be read.
    when_stopped: Option<&'a dyn Fn(&Task)>,
    task: Task,
    sight: Receiver<Sight>,
    /// None when the log is not in CloudWatch Logs, or may not be read.
    log: Option<LogFollower>,
    log_errors: u32,
    reports: Reports,
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
        task: Task,
        watch: &Watch<'_, W>,
        deadline: Instant,
        when_stopped: &dyn Fn(&Task),
    ) -> Verdict {
        let stream = self.plan.log_stream(&self.plan.container, &task);
        let mut following = Following {
            database: database.to_owned(),
            when_stopped: Some(when_stopped),
            sight: watch.follow(&task),
            log: stream.map(LogFollower::new),
            log_errors: 0,
            reports: Reports::default(),
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

    /// Reads on after the end: the driver flushes its last lines when the container exits, and CloudWatch Logs shows
    /// them a little later. A migration report is the last line of its protocol, and ends the wait.
    async fn drain(&self, following: &mut Following<'_>) {
        if !has_run(&following.task) {
            following.log = None;
            return;
        }
        let Some(log) = following.log.as_mut() else { return };
        log.drain();
        let mut quiet_since = Instant::now();
        loop {
            let read = read_if(following.log.as_mut(), self.world).await;
            match self.take(following, read) {
                Taken::Lines => quiet_since = Instant::now(),
                Taken::End if !following.reports.is_empty() => return,
                Taken::Failed if following.log.is_none() || following.log_errors >= MAX_LOG_ERRORS => return,
                Taken::End | Taken::Absent | Taken::Failed => {}
            }
            if quiet_since.elapsed() >= self.plan.log_drain {
                self.say_if_silent(&following.database, following.log.as_ref());
                return;
            }
        }
    }

    fn take(&self, following: &mut Following<'_>, read: anyhow::Result<Read>) -> Taken {
        match read {
            Ok(Read::Events(events)) => {
                following.log_errors = 0;
                for event in &events {
                    self.line(following, event);
                }
                Taken::Lines
            }
            Ok(Read::End) => Taken::End,
            Ok(Read::Absent) => Taken::Absent,
            Err(error) => {
                following.log_errors += 1;
                let failure = Failure::from_error(&error);
                if !is_transient(&error) {
                    following.log = None;
                }
                self.recorder.row(&following.database, |row| row.log.note = Some(failure.message.clone()));
                self.recorder.note(format!(
                    "logs could not be read, so a migration report in them could not be seen: {}",
                    failure.hint.unwrap_or(failure.message)
                ));
                Taken::Failed
            }
        }
    }

    fn line(&self, following: &mut Following<'_>, event: &LogEvent) {
        for line in untrusted::lines(&event.message) {
            following.reports.line(line);
            self.progress.log_line(&following.database, event.timestamp, line);
            self.recorder.row(&following.database, |row| row.log.push(line));
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

    /// A log without a line is said, with the name that was looked for.
    fn say_if_silent(&self, database: &str, log: Option<&LogFollower>) {
        let Some(stream) = log.map(LogFollower::stream) else { return };
        self.recorder.row(database, |row| {
            if row.log.seen == 0 {
                row.log.note = Some(format!(
                    "the container printed nothing: log stream {} of log group {} is empty or was never made",
                    stream.name, stream.group
                ));
            }
        });
    }

    async fn cancel(&self, following: &Following<'_>) -> Verdict {
        let Following { database, task, .. } = following;
        if task.is_stopped() {
            return self.judge_early(following);
        }
        match self.plan.on_cancel {
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
        if self.plan.on_timeout == Leftover::Leave {
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

enum Taken {
    Lines,
    End,
    Absent,
    Failed,
}

/// Waits for ever without a log.
async fn read_if(log: Option<&mut LogFollower>, reads: &impl Reads) -> anyhow::Result<Read> {
    match log {
        Some(log) => log.read(reads).await,
        None => std::future::pending().await,
    }
}

/// Whether a container may have printed something. A no-op migration can be over before RUNNING is ever seen.
fn has_run(task: &Task) -> bool {
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
