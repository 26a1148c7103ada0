//! Launch: RunTask until there is a task, or a reason why there is none.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Tasks;
use crate::backoff::jittered;
use crate::failure::{Failure, is_throttled, is_transient};
use crate::ports::{Launch, NoRoom, RunTask, Task, TaskStatus, TaskWorld};

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
/// The same after throttling, which most often passes within a second, and which the rate of our calls follows besides.
const FIRST_THROTTLED_WAIT: Duration = Duration::from_secs(1);
const LONGEST_THROTTLED_WAIT: Duration = Duration::from_secs(20);

/// How far a call has come.
struct Attempts {
    unanswered: bool,
    /// A call of this process may have started a task.
    in_doubt: bool,
    is_recorded: bool,
    errors: u32,
    wait: Duration,
    throttled_wait: Duration,
    throttled_since: Option<Instant>,
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
            throttled_wait: FIRST_THROTTLED_WAIT,
            throttled_since: None,
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
            if self.unless_interrupted(self.world.run_task_turn()).await.is_none() {
                return Launched::Interrupted;
            }
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
                    let Some(wait) = so_far.wait_after(&error, self.patience.timeout, owner) else {
                        let failure = Failure::from_error(&error);
                        return Launched::Refused { reason: failure.message.clone(), failure: Some(failure) };
                    };
                    if self.unless_interrupted(sleep(jittered(wait))).await.is_none() {
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
                Launch::Refused { reason, detail } => {
                    let Some(no_room) = NoRoom::of(&reason) else {
                        so_far.is_over(owner, &request);
                        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                        return no_task(format!("RunTask: {reason}{detail}"));
                    };
                    so_far.in_doubt = false;
                    let is_awaited = self.capacity.refused(&turn, &reason) && no_room == NoRoom::Quota;
                    if !is_awaited {
                        owner.note(format!(
                            "{reason}: what could not start waits for its turn, until --timeout"
                        ));
                        owner.waited(Some(&reason), *so_far.refused_at.get_or_insert_with(Instant::now));
                    }
                    if no_room == NoRoom::Zone {
                        try_another_zone(&mut request);
                    }
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

    /// How long to wait before another try; none when the call is not worth one.
    fn wait_after(
        &mut self,
        error: &anyhow::Error,
        timeout: Duration,
        owner: &impl Owner,
    ) -> Option<Duration> {
        if is_throttled(error) {
            owner.note("RunTask is throttled: what could not start is tried again, until --timeout".into());
            let since = *self.throttled_since.get_or_insert_with(Instant::now);
            let longer = (self.throttled_wait * 2).min(LONGEST_THROTTLED_WAIT);
            let wait = std::mem::replace(&mut self.throttled_wait, longer);
            return (since.elapsed() < timeout).then_some(wait);
        }
        if !is_transient(error) || self.errors >= MAX_ERRORS {
            return None;
        }
        (self.errors, self.unanswered, self.in_doubt) = (self.errors + 1, true, true);
        owner.note(format!("{error}: trying again"));
        let longer = (self.wait * 2).min(LONGEST_WAIT);
        Some(std::mem::replace(&mut self.wait, longer))
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

/// The same subnets, another one first.
fn try_another_zone(request: &mut RunTask) {
    if !request.network.subnets.is_empty() {
        request.network.subnets.rotate_left(1);
    }
}
