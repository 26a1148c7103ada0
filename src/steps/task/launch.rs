//! Launch: RunTask until there is a task, or a reason why there is none.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Tasks;
use crate::backoff::jittered;
use crate::failure::{Failure, is_throttled, is_transient};
use crate::ports::{Launch, RunTask, Task, TaskStatus, TaskWorld};

/// A RunTask call, however often it is sent.
pub(crate) struct RunTaskCall {
    pub request: RunTask,
    /// It was sent before, or may have been, and what it did is not known.
    pub unanswered: bool,
    /// Its place in the order in which tasks start.
    pub place: usize,
}

/// Whoever a task is launched for: is asked before each call, and told what comes of it.
pub(crate) trait Owner {
    /// Why no task may be started, whatever room there is.
    type Hindrance;

    async fn hindrance(&self) -> Option<Self::Hindrance>;

    /// The call is about to be made for the first time.
    ///
    /// # Errors
    /// It must not be made.
    fn intends(&self, request: &RunTask) -> Result<(), Failure>;

    /// The call's token has this task.
    fn launched(&self, token: &str, arn: &str);

    /// There is no task with this token, and no call was left without an answer.
    fn refused(&self, token: &str);

    /// There is no room since then; without a reason, there was none until now.
    fn waited(&self, reason: Option<&str>, since: Instant);

    /// Something worth saying once.
    fn note(&self, text: String);

    /// The call had no answer when the run ended.
    fn left_unanswered(&self);
}

/// What came of a call.
pub(crate) enum Launched<H> {
    /// Its state is not known where RunTask did not tell.
    Task(Box<Task>),
    /// None was started, for this reason; `failure` is that of the call itself.
    Refused { reason: String, failure: Option<Failure> },
    /// None was started: the owner may not have one.
    Hindered(H),
    /// None was started: the run was interrupted before.
    Interrupted,
    /// The run was interrupted meanwhile: one may have been started.
    Unanswered,
}

/// A RunTask call that is under way when the run is interrupted may have started a task: it gets this long to say so,
/// which leaves time to stop that task before GitHub's runner kills us.
const ANSWER_AFTER_INTERRUPT: Duration = Duration::from_secs(3);
/// Rounds of the SDK's own retries, for a call that may succeed later.
const MAX_ERRORS: u32 = 3;
/// Between those rounds, doubled each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How far a call has come.
struct Attempts {
    unanswered: bool,
    /// A call of this process may have started a task.
    in_doubt: bool,
    is_recorded: bool,
    errors: u32,
    wait: Duration,
    began: Instant,
    /// Since when there is no room.
    refused_at: Option<Instant>,
}

impl<W: TaskWorld> Tasks<'_, W> {
    /// Makes the call, which starts the task. The client token makes every try the same to ECS: no second task can come
    /// of it. A lack of capacity, or of vCPUs in the account's quota, is waited out together with all other tasks.
    pub(crate) async fn launch<O: Owner>(&self, call: RunTaskCall, owner: &O) -> Launched<O::Hindrance> {
        let RunTaskCall { mut request, unanswered, place } = call;
        let mut so_far = Attempts {
            unanswered,
            in_doubt: false,
            is_recorded: false,
            errors: 0,
            wait: FIRST_WAIT,
            began: Instant::now(),
            refused_at: None,
        };
        loop {
            let turn = match self.unless_interrupted(self.capacity.turn(place)).await {
                Some(Ok(turn)) => turn,
                Some(Err(reason)) => {
                    so_far.is_over(owner, &request);
                    return no_task(format!("{reason} (until --timeout)"));
                }
                None => return Launched::Interrupted,
            };
            // A call of this process that may have started a task is repeated whatever else runs: to learn of that task.
            if !so_far.in_doubt {
                match self.unless_interrupted(owner.hindrance()).await {
                    Some(None) => {}
                    Some(Some(hindrance)) => {
                        self.capacity.unused(turn);
                        so_far.is_over(owner, &request);
                        return Launched::Hindered(hindrance);
                    }
                    None => return Launched::Interrupted,
                }
            }
            if !std::mem::replace(&mut so_far.is_recorded, true)
                && let Err(failure) = owner.intends(&request)
            {
                return Launched::Refused { reason: failure.message.clone(), failure: Some(failure) };
            }
            let answer = match self.run_task(&request).await {
                Ok(Some(answer)) => answer,
                Ok(None) => {
                    owner.left_unanswered();
                    return Launched::Unanswered;
                }
                Err(error) => {
                    drop(turn);
                    if !so_far.may_succeed(&error, self.patience.timeout, owner) {
                        let failure = Failure::from_error(&error);
                        return Launched::Refused { reason: failure.message.clone(), failure: Some(failure) };
                    }
                    if self.unless_interrupted(sleep(jittered(so_far.next_wait()))).await.is_none() {
                        return Launched::Interrupted;
                    }
                    continue;
                }
            };
            match answer {
                Launch::Started(mut task) => {
                    self.capacity.launched(&turn);
                    owner.launched(&request.client_token, &task.arn);
                    if let Some(since) = so_far.refused_at {
                        owner.waited(None, since);
                    }
                    // The answer to a call that was sent again names a task that may have ended, and nothing else of
                    // it (RunTask, idempotency): its end is yet to be read.
                    if task.is_stopped() {
                        task.last_status = TaskStatus::Unknown;
                    }
                    return Launched::Task(task);
                }
                Launch::Refused { reason, .. } if is_capacity(&reason) => {
                    self.capacity.refused(&turn, &reason);
                    so_far.in_doubt = false;
                    owner.note(format!("{reason}: what could not start waits for its turn, until --timeout"));
                    owner.waited(Some(&reason), *so_far.refused_at.get_or_insert_with(Instant::now));
                    if is_of_a_zone(&reason) {
                        try_another_zone(&mut request);
                    }
                }
                Launch::Refused { reason, detail } => {
                    so_far.is_over(owner, &request);
                    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                    return no_task(format!("RunTask: {reason}{detail}"));
                }
                Launch::Conflict { tasks } => return conflicting(owner, &request.client_token, tasks),
            }
        }
    }

    /// None when the run was interrupted and the call did not answer in time.
    async fn run_task(&self, request: &RunTask) -> anyhow::Result<Option<Launch>> {
        let mut call = std::pin::pin!(self.world.run_task(request));
        tokio::select! {
            answer = &mut call => answer.map(Some),
            () = self.interrupt.wait() => match timeout(ANSWER_AFTER_INTERRUPT, call).await {
                Ok(answer) => answer.map(Some),
                Err(_) => Ok(None),
            },
        }
    }

    async fn unless_interrupted<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.interrupt.wait() => None,
            done = waiting => Some(done),
        }
    }
}

impl Attempts {
    /// The owner is told that there is no task, where that is known of a call that it has taken note of.
    fn is_over(&self, owner: &impl Owner, request: &RunTask) {
        if self.is_recorded && !self.unanswered {
            owner.refused(&request.client_token);
        }
    }

    /// Whether the call is worth another try.
    fn may_succeed(&mut self, error: &anyhow::Error, timeout: Duration, owner: &impl Owner) -> bool {
        if is_throttled(error) {
            owner.note("RunTask is throttled: what could not start is tried again, until --timeout".into());
            return self.began.elapsed() < timeout;
        }
        if !is_transient(error) || self.errors >= MAX_ERRORS {
            return false;
        }
        (self.errors, self.unanswered, self.in_doubt) = (self.errors + 1, true, true);
        owner.note(format!("{error}: trying again"));
        true
    }

    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        wait
    }
}

/// The client token is the run's, the task's and the revision's: a task that it names was started by an earlier process
/// of the run, which was sent to other subnets.
fn conflicting<O: Owner>(owner: &O, token: &str, tasks: Vec<String>) -> Launched<O::Hindrance> {
    match tasks.into_iter().next() {
        Some(arn) => {
            owner.launched(token, &arn);
            Launched::Task(Box::new(Task { arn, ..Task::default() }))
        }
        None => {
            no_task("RunTask: ECS has used the client token for another request and names no task".into())
        }
    }
}

fn no_task<H>(reason: String) -> Launched<H> {
    Launched::Refused { reason, failure: None }
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
