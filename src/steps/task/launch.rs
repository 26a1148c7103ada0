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

/// The owner of a task that is launched: asked before each call, and told its result.
pub(crate) trait Owner {
    /// Why no task may be started, whatever room there is.
    type Hindrance;

    async fn hindrance(&self) -> Option<Self::Hindrance>;

    /// Hears that the call is about to be made for the first time.
    ///
    /// # Errors
    /// It must not be made.
    fn intends(&self, request: &RunTask) -> Result<(), Failure>;

    /// Hears that the call's token has this task.
    fn launched(&self, token: &str, arn: &str);

    /// Hears that there is no task with this token, and no call was left without an answer.
    fn refused(&self, token: &str);

    /// Hears that there is no room since then; without a reason, that there was none until now.
    fn waited(&self, reason: Option<&str>, since: Instant);

    /// Hears something worth saying once.
    fn note(&self, text: String);

    /// Hears that the call had no answer when the run ended.
    fn left_unanswered(&self);
}

/// The result of a call.
pub(crate) enum Launched<H> {
    /// The task; its state is not known where RunTask did not tell it.
    Task(Box<Task>),
    /// No task was started, for this reason, unless `may_run`: then an earlier try was not answered. `failure` is that
    /// of the call itself.
    Refused { reason: String, failure: Option<Failure>, may_run: bool },
    /// No task was started: the owner may not have one.
    Hindered(H),
    /// No task was started: the run was interrupted before.
    Interrupted,
    /// The run was interrupted meanwhile: a task may have been started.
    Unanswered,
}

/// Returns why nothing is known of a task that was refused and `may_run`.
pub(crate) fn no_answer(reason: &str) -> String {
    format!("a try of RunTask had no answer, so its task may still be running: {reason}")
}

/// A RunTask call that is under way when the run is interrupted may have started a task: it gets this long to say so,
/// which leaves time to stop that task before GitHub's runner kills the program.
const ANSWER_AFTER_INTERRUPT: Duration = Duration::from_secs(3);
/// Rounds of the SDK's own retries, for a call that may succeed later.
const MAX_ERRORS: u32 = 3;
/// The wait between those rounds, doubled each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The same after throttling, which most often passes within a second; the rate of the run's calls follows it as
/// well.
const FIRST_THROTTLED_WAIT: Duration = Duration::from_secs(1);
const LONGEST_THROTTLED_WAIT: Duration = Duration::from_secs(20);

/// How far a call has come.
struct Attempts {
    unanswered: bool,
    /// A call of this process may have started a task.
    in_doubt: bool,
    /// A call of this process, or of an earlier one, may have started a task.
    may_run: bool,
    is_recorded: bool,
    errors: u32,
    wait: Duration,
    throttled_wait: Duration,
    throttled_since: Option<Instant>,
    /// Since when there is no room.
    refused_at: Option<Instant>,
}

impl<W: TaskWorld> Tasks<'_, W> {
    /// Makes the call, which starts the task. The client token makes every try the same to ECS: no second task can
    /// result. A lack of capacity, or of vCPUs in the account's quota, is waited out together with all other tasks.
    pub(crate) async fn launch<O: Owner>(&self, call: RunTaskCall, owner: &O) -> Launched<O::Hindrance> {
        let RunTaskCall { mut request, unanswered, place } = call;
        let mut so_far = Attempts {
            unanswered,
            in_doubt: false,
            may_run: unanswered,
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
                    let (reason, may_run) = (format!("{reason} (until --timeout)"), so_far.may_run);
                    return Launched::Refused { reason, failure: None, may_run };
                }
                None => return so_far.interrupted(owner),
            };
            if self.unless_interrupted(self.world.run_task_turn()).await.is_none() {
                return so_far.interrupted(owner);
            }
            // A call of this process that may have started a task is repeated, whatever else runs, to learn of that
            // task.
            if !so_far.in_doubt {
                match self.unless_interrupted(owner.hindrance()).await {
                    Some(None) => {}
                    Some(Some(hindrance)) => {
                        self.capacity.unused(turn);
                        so_far.is_over(owner, &request);
                        return Launched::Hindered(hindrance);
                    }
                    None => return so_far.interrupted(owner),
                }
            }
            if !std::mem::replace(&mut so_far.is_recorded, true)
                && let Err(failure) = owner.intends(&request)
            {
                return so_far.refused(failure);
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
                        return so_far.refused(Failure::from_error(&error));
                    };
                    if self.unless_interrupted(sleep(jittered(wait))).await.is_none() {
                        return so_far.interrupted(owner);
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
                    // It would have named the task that an earlier try has started.
                    so_far.may_run = false;
                    let Some(no_room) = NoRoom::of(&reason) else {
                        so_far.is_over(owner, &request);
                        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                        return no_task(format!("RunTask: {reason}{detail}"));
                    };
                    so_far.in_doubt = false;
                    let is_awaited = self.capacity.refused(&turn, &reason) && no_room == NoRoom::Quota;
                    if !is_awaited {
                        owner.note(format!(
                            "{reason}: tasks that could not start are tried again until --timeout"
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

    /// Calls RunTask; `None` when the run was interrupted and the call did not answer in time.
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
    /// Tells the owner that there is no task, where that is known of a call that the owner has taken note of.
    fn is_over(&self, owner: &impl Owner, request: &RunTask) {
        if self.is_recorded && !self.unanswered {
            owner.refused(&request.client_token);
        }
    }

    /// Returns what is known of a call that is not tried again.
    fn refused<H>(&self, failure: Failure) -> Launched<H> {
        let (reason, may_run) = (failure.message.clone(), self.may_run);
        Launched::Refused { reason, failure: Some(failure), may_run }
    }

    /// Returns what is known of a call when the run is interrupted between two tries.
    fn interrupted<O: Owner>(&self, owner: &O) -> Launched<O::Hindrance> {
        if !self.may_run {
            return Launched::Interrupted;
        }
        owner.left_unanswered();
        Launched::Unanswered
    }

    /// Returns how long to wait before another try; `None` when there is no further try.
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
        self.may_run |= is_transient(error);
        if !is_transient(error) || self.errors >= MAX_ERRORS {
            return None;
        }
        self.errors += 1;
        (self.unanswered, self.in_doubt) = (true, true);
        owner.note(format!("{error}: trying again"));
        let longer = (self.wait * 2).min(LONGEST_WAIT);
        Some(std::mem::replace(&mut self.wait, longer))
    }
}

/// Returns the task of a client token that ECS knows from another request. The token is the run's, the task's and the
/// revision's: an earlier process of the run, which named other subnets, has started that task.
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
    Launched::Refused { reason, failure: None, may_run: false }
}

/// Puts another of the same subnets first.
fn try_another_zone(request: &mut RunTask) {
    if !request.network.subnets.is_empty() {
        request.network.subnets.rotate_left(1);
    }
}
