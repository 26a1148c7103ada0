//! Launch: RunTask until there is a task, or a reason why there is none.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::backoff::jittered;
use crate::diagnosis::diagnose_text;
use crate::failure::{Failure, is_throttled, is_transient};
use crate::migration::other_runs::Found;
use crate::migration::{Migration, Shared};
use crate::plan::Pack;
use crate::ports::{Launch, Reads, RunTask, Task, Writes};
use crate::verdict::Verdict;

/// A RunTask call, however often it is sent.
pub struct Call {
    request: RunTask,
    attempt: u32,
    /// It was sent, or may have been, and what it did is not known.
    unanswered: bool,
}

pub enum Launched {
    Task(Box<Task>),
    Not(Verdict),
    /// None was started: tasks of somebody else migrate these databases now.
    Beside(Found),
}

/// A RunTask call that is under way when the run is interrupted may have started a task: it gets this long to say so,
/// which leaves time to stop that task before GitHub's runner kills us.
const ANSWER_AFTER_INTERRUPT: Duration = Duration::from_secs(3);
/// Rounds of the SDK's own retries, for a call that may succeed later.
const MAX_ERRORS: u32 = 3;
/// Between those rounds, doubled each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl<W: Reads + Writes> Migration<'_, W> {
    /// The call that starts a task of the pack which was never started before.
    pub fn call(&self, pack: &Pack) -> Call {
        let request = self.plan.run_task(self.revision.arn(), &pack.databases, pack.attempt);
        Call { request, attempt: pack.attempt, unanswered: false }
    }

    /// A call that an earlier process has made, or was about to: ECS knows by its token, whatever else it asks for.
    pub fn call_again(&self, pack: &Pack, token: &str, attempt: u32) -> Call {
        let mut call = Call { attempt, unanswered: true, ..self.call(pack) };
        token.clone_into(&mut call.request.client_token);
        call
    }

    /// Makes the call, which starts the pack's task. The client token makes every try the same to ECS: no second task
    /// can come of it. A lack of capacity, or of vCPUs in the account's quota, is waited out together with all other packs.
    pub async fn launch(&self, pack: &Pack, call: Call, shared: &Shared<'_, W>) -> Launched {
        let Call { mut request, attempt, mut unanswered } = call;
        let (mut errors, mut wait) = (0, FIRST_WAIT);
        let (mut is_recorded, mut in_doubt) = (false, false);
        let capacity = &shared.capacity;
        let mut refused_at = None;
        let began = Instant::now();
        loop {
            let turn = match self.unless_interrupted(capacity.turn(pack.place)).await {
                Some(Ok(turn)) => turn,
                Some(Err(reason)) => {
                    if is_recorded && !unanswered {
                        self.recorder.refused(&request.client_token);
                    }
                    return self.refused(pack, format!("{reason} (until --timeout)"), None);
                }
                None => return Launched::Not(interrupted_before()),
            };
            // A call of ours that may have started a task is repeated whatever else runs: to learn of that task.
            if !in_doubt {
                let found = match self.unless_interrupted(self.others(pack, shared)).await {
                    Some(found) => found,
                    None => return Launched::Not(interrupted_before()),
                };
                if !found.is_empty() {
                    capacity.unused(turn);
                    if is_recorded && !unanswered {
                        self.recorder.refused(&request.client_token);
                    }
                    return Launched::Beside(found);
                }
            }
            if !std::mem::replace(&mut is_recorded, true)
                && let Err(failure) = self.recorder.intends(&request, &pack.databases, attempt)
            {
                return self.refused(pack, failure.message.clone(), Some(failure));
            }
            match self.run_task(pack, &request).await {
                Ok(Some(Launch::Started(mut task))) => {
                    capacity.launched(&turn);
                    shared.others.disregard(&task.arn);
                    self.recorder.launched(&request.client_token, &task.arn);
                    if let Some(since) = refused_at {
                        self.waited(pack, None, since);
                    }
                    // The answer to a call that was sent again names a task that may have ended, and nothing else of
                    // it (RunTask, idempotency): its end is yet to be read.
                    if task.is_stopped() {
                        task.last_status.clear();
                    }
                    return Launched::Task(task);
                }
                Ok(None) => return Launched::Not(Verdict::Cancelled { stopped: false }),
                Ok(Some(Launch::Refused { reason, .. })) if is_capacity(&reason) => {
                    capacity.refused(&turn, &reason);
                    in_doubt = false;
                    let since: Instant = *refused_at.get_or_insert_with(Instant::now);
                    self.recorder
                        .note(format!("{reason}: what could not start waits for its turn, until --timeout"));
                    self.waited(pack, Some(&reason), since);
                    if is_of_a_zone(&reason) {
                        try_another_zone(&mut request);
                    }
                }
                Ok(Some(Launch::Refused { reason, detail })) => {
                    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                    if !unanswered {
                        self.recorder.refused(&request.client_token);
                    }
                    return self.refused(pack, format!("RunTask: {reason}{detail}"), None);
                }
                Ok(Some(Launch::Conflict { tasks })) => {
                    return self.conflicting(pack, &request.client_token, tasks);
                }
                Err(error)
                    if is_throttled(&error) && began.elapsed() < self.plan.task.timeout
                        || is_transient(&error) && errors < MAX_ERRORS =>
                {
                    drop(turn);
                    if is_throttled(&error) {
                        self.recorder.note(
                            "RunTask is throttled: what could not start is tried again, until --timeout"
                                .into(),
                        );
                    } else {
                        (errors, unanswered, in_doubt) = (errors + 1, true, true);
                        self.recorder.note(format!("{error}: trying again"));
                    }
                    if self.unless_interrupted(sleep(jittered(wait))).await.is_none() {
                        return Launched::Not(interrupted_before());
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => {
                    let failure = Failure::from_error(&error);
                    return self.refused(pack, failure.message.clone(), Some(failure));
                }
            }
        }
    }

    /// None when the run was interrupted and the call did not answer in time.
    async fn run_task(&self, pack: &Pack, request: &RunTask) -> anyhow::Result<Option<Launch>> {
        let mut call = std::pin::pin!(self.world.run_task(request));
        tokio::select! {
            answer = &mut call => answer.map(Some),
            () = self.interrupt.wait() => match timeout(ANSWER_AFTER_INTERRUPT, call).await {
                Ok(answer) => answer.map(Some),
                Err(_) => {
                    self.recorder.note(format!(
                        "RunTask for {} did not answer before the run ended: a task with startedBy {} may run",
                        pack.name(),
                        self.plan.started_by
                    ));
                    Ok(None)
                }
            },
        }
    }

    /// The client token is this run's, this pack's and this revision's: a task that it names is ours, started by an
    /// earlier process that was sent to other subnets.
    fn conflicting(&self, pack: &Pack, token: &str, tasks: Vec<String>) -> Launched {
        match tasks.into_iter().next() {
            Some(arn) => {
                self.recorder.launched(token, &arn);
                Launched::Task(Box::new(Task { arn, ..Task::default() }))
            }
            None => {
                let reason = "RunTask: ECS has used the client token for another request and names no task";
                self.refused(pack, reason.to_owned(), None)
            }
        }
    }

    /// The wait of a pack for capacity, kept in the rows of its databases.
    fn waited(&self, pack: &Pack, reason: Option<&str>, since: Instant) {
        let ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.recorder.rows(&pack.databases, |row| {
            let waited = row.waited.get_or_insert_default();
            waited.ms = ms;
            if let Some(reason) = reason {
                reason.clone_into(&mut waited.reason);
            }
        });
    }

    async fn unless_interrupted<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.interrupt.wait() => None,
            done = waiting => Some(done),
        }
    }

    fn refused(&self, pack: &Pack, reason: String, failure: Option<Failure>) -> Launched {
        let diagnosis = diagnose_text(&reason);
        self.recorder.rows(&pack.databases, |row| {
            row.stopped_reason = Some(reason.clone());
            row.diagnosis = diagnosis;
        });
        if let Some(failure) = failure {
            self.recorder.update(|report| report.error.get_or_insert(failure).exit_code);
        }
        Launched::Not(Verdict::NeverStarted { reason })
    }
}

fn interrupted_before() -> Verdict {
    Verdict::NotRun { why: "the run was interrupted before it started".into() }
}

/// The answers in RunTask's failures[] that pass: the account's running tasks end, and capacity comes back.
/// AWS writes the apostrophe in "You've" in more than one way; these parts have none.
fn is_capacity(reason: &str) -> bool {
    reason.contains("limit on the number of vCPUs") || is_of_a_zone(reason)
}

/// Those that another zone may not have. `RESOURCE:ENI` and its kind come from capacity of one's own.
fn is_of_a_zone(reason: &str) -> bool {
    reason.contains("Capacity is unavailable") || reason.starts_with("RESOURCE:")
}

/// The same subnets, another one first.
fn try_another_zone(request: &mut RunTask) {
    if !request.network.subnets.is_empty() {
        request.network.subnets.rotate_left(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{is_capacity, is_of_a_zone};

    #[test]
    fn capacity_is_told_from_what_does_not_pass() {
        for (reason, passes, another_zone) in [
            ("You’ve reached the limit on the number of vCPUs you can run concurrently", true, false),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                true,
                true,
            ),
            ("RESOURCE:ENI", true, true),
            ("MISSING", false, false),
            ("INACTIVE", false, false),
        ] {
            assert_eq!(is_capacity(reason), passes, "{reason}");
            assert_eq!(is_of_a_zone(reason), another_zone, "{reason}");
        }
    }
}
