//! Launch: RunTask until there is a task, or a reason why there is none.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Migration;
use crate::diagnosis::diagnose_text;
use crate::failure::{Failure, is_transient};
use crate::plan::DatabasePlan;
use crate::ports::{Launch, Reads, Task, Writes};
use crate::verdict::Verdict;

pub enum Launched {
    Task(Box<Task>),
    Not(Verdict),
}

/// A RunTask call that is under way when the run is interrupted may have started a task: it gets this long to say so,
/// which leaves time to stop that task before GitHub's runner kills us.
const ANSWER_AFTER_INTERRUPT: Duration = Duration::from_secs(3);
/// Waits between tries: doubled from the first to the last.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LAST_WAIT: Duration = Duration::from_secs(60);
/// Rounds of the SDK's own retries, for a call that may succeed later.
const MAX_ERRORS: u32 = 3;

impl<W: Reads + Writes> Migration<'_, W> {
    /// Starts the database's task. The client token makes every try the same call to ECS: no second task can come of
    /// it. A lack of capacity, or of vCPUs in the account's quota, is waited out until `deadline`.
    pub(super) async fn launch(&self, plan: &DatabasePlan, deadline: Instant) -> Launched {
        let database = plan.database.as_str();
        let (mut errors, mut wait) = (0, FIRST_WAIT);
        loop {
            let reason = match self.run_task(database, plan.attempt).await {
                Ok(Some(Launch::Started(mut task))) => {
                    // The answer to a call that was sent again names a task that may have ended, and nothing else of
                    // it (RunTask, idempotency): its end is yet to be read.
                    if task.is_stopped() {
                        task.last_status.clear();
                    }
                    return Launched::Task(task);
                }
                Ok(None) => return Launched::Not(Verdict::Cancelled { stopped: false }),
                Ok(Some(Launch::Refused { reason, .. })) if is_capacity(&reason) => reason,
                Ok(Some(Launch::Refused { reason, detail })) => {
                    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                    return self.refused(database, format!("RunTask: {reason}{detail}"), None);
                }
                Err(error) if is_transient(&error) && errors < MAX_ERRORS => {
                    errors += 1;
                    error.to_string()
                }
                Err(error) => {
                    let failure = Failure::from_error(&error);
                    return self.refused(database, failure.message.clone(), Some(failure));
                }
            };
            if Instant::now() + wait >= deadline {
                return self.refused(database, format!("{reason} (until --timeout)"), None);
            }
            self.recorder.note(format!("{reason}: trying again until --timeout"));
            tokio::select! {
                () = sleep(wait) => wait = (wait * 2).min(LAST_WAIT),
                () = self.interrupt.wait() => {
                    return Launched::Not(Verdict::NotRun { why: "the run was interrupted before it started".into() });
                }
            }
        }
    }

    /// None when the run was interrupted and the call did not answer in time.
    async fn run_task(&self, database: &str, attempt: u32) -> anyhow::Result<Option<Launch>> {
        let request = self.plan.run_task(self.revision.arn(), database, attempt);
        let mut call = std::pin::pin!(self.world.run_task(&request));
        tokio::select! {
            answer = &mut call => answer.map(Some),
            () = self.interrupt.wait() => match timeout(ANSWER_AFTER_INTERRUPT, call).await {
                Ok(answer) => answer.map(Some),
                Err(_) => {
                    self.recorder.note(format!(
                        "RunTask for {database} did not answer before the run ended: a task with startedBy {} may run",
                        self.plan.started_by
                    ));
                    Ok(None)
                }
            },
        }
    }

    fn refused(&self, database: &str, reason: String, failure: Option<Failure>) -> Launched {
        let diagnosis = diagnose_text(&reason);
        self.recorder.row(database, |row| {
            row.stopped_reason = Some(reason.clone());
            row.diagnosis = diagnosis;
        });
        if let Some(failure) = failure {
            self.recorder.update(|report| report.error.get_or_insert(failure).exit_code);
        }
        Launched::Not(Verdict::NeverStarted { reason })
    }
}

/// The answers in RunTask's failures[] that pass: the account's running tasks end, and capacity comes back.
/// AWS writes the apostrophe in "You've" in more than one way; these parts have none.
fn is_capacity(reason: &str) -> bool {
    reason.contains("limit on the number of vCPUs") || reason.contains("Capacity is unavailable")
}

#[cfg(test)]
mod tests {
    use super::is_capacity;

    #[test]
    fn capacity_is_told_from_what_does_not_pass() {
        for (reason, passes) in [
            ("You’ve reached the limit on the number of vCPUs you can run concurrently", true),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                true,
            ),
            ("MISSING", false),
            ("INACTIVE", false),
        ] {
            assert_eq!(is_capacity(reason), passes, "{reason}");
        }
    }
}
