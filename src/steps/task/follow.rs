//! Follow: one task from RunTask to its end, its states and its log together.

use jiff::Timestamp;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::Tasks;
use super::ecs_clock::EcsClock;
use super::log::{Taken, TaskLog};
use super::watch::Sight;
use crate::choices::Leftover;
use crate::ending::{Ending, StopOrder, is_outlived};
use crate::failure::Failure;
use crate::ports::{LogEvent, LogStream, Task, TaskStatus, TaskWorld};
use crate::task_definition::Part;

/// Hears what becomes of a task while it is followed.
pub(crate) trait Listener {
    /// Hears what ECS says of the task now.
    fn seen(&mut self, task: &Task);

    /// Returns whether all that is waited for has ended: then the task's log is read to the end.
    fn is_decided(&self, task: &Task) -> bool;

    /// Hears that the task is decided, and its log is still to be read. Called once.
    fn ended(&mut self, task: &Task);

    /// Hears that StopTask is about to be called.
    fn is_being_stopped(&mut self);

    /// Hears what the task has printed.
    fn printed(&mut self, events: &[LogEvent]);

    /// Returns whether the task has printed all that is expected of it: then the end of its log is not waited for.
    fn has_heard_all(&self) -> bool;

    /// Forgets what was printed: the log is read again, from the head.
    fn begin_again(&mut self);

    /// Hears that the log could not be read, now or at all.
    fn unreadable(&mut self, failure: Failure);

    /// Hears that the task has ended without a line in its log, which is or would be this stream.
    fn silent(&mut self, stream: &LogStream);
}

/// A task that is followed.
pub(crate) struct Following<L> {
    pub task: Task,
    pub listener: L,
    sight: Receiver<Sight>,
    pub(super) log: TaskLog,
    clock: EcsClock,
    order: StopOrder,
    followed: FollowedContainer,
    /// When its container has exited, at the latest; `None` while it is not decided.
    exit: Option<Instant>,
    /// For a task that runs on although its container has ended: StopTask was taken, or why it is not known to have
    /// been.
    stop: Option<Result<(), String>>,
}

/// The container of a task that it is followed for.
#[derive(Debug, Clone)]
pub(crate) struct FollowedContainer {
    pub name: String,
    pub part: Part,
    /// No other container ends the task: `executionStoppedAt` is its own end. Of several it is that of the first.
    pub is_only_essential: bool,
    /// It may be stopped when it outlives the container.
    pub is_ours: bool,
}

impl<L: Listener> Following<L> {
    /// Says what was seen of its end by now.
    pub(crate) fn ending(&self) -> Ending {
        Ending { log: self.log.end(), order: self.order.clone() }
    }

    /// Says why it may run on although its container has ended; `None` for one that is stopped or ends by itself.
    pub(crate) fn runs_on(&self) -> Option<&str> {
        let why = self.stop.as_ref()?.as_ref().err()?;
        self.must_be_stopped().then_some(why.as_str())
    }

    pub(super) fn is_decided(&self) -> bool {
        self.exit.is_some()
    }

    /// Returns whether the task ends without StopTask, decided or not.
    pub(super) fn ends_by_itself(&self) -> bool {
        self.task.ends_by_itself(&self.followed.name)
    }

    /// Returns whether StopTask has to stop it, by what was last seen of it, even after it was decided.
    fn must_be_stopped(&self) -> bool {
        let runs = match &*self.sight.borrow() {
            Sight::Seen(task) => task.desired_status == TaskStatus::Running,
            Sight::Lost(_) => true,
        };
        self.followed.is_ours && self.task.outlived && runs
    }

    fn sees(&mut self, task: Task) {
        let FollowedContainer { name, part, .. } = &self.followed;
        // Later, the task alone would not tell that the container had ended before it.
        let outlived = self.task.outlived || (!part.is_essential && is_outlived(&task, name, part));
        self.task = Task { outlived, ..task };
        self.clock.look(&self.task);
        self.order.look(&self.task);
        self.listener.seen(&self.task);
        if self.listener.is_decided(&self.task) {
            let Task { started_at, execution_stopped_at, .. } = &self.task;
            // Not every host has the right time.
            let is_possible = |at: &Timestamp| started_at.as_ref().is_none_or(|started| at >= started);
            let own = execution_stopped_at.filter(|_| self.followed.is_only_essential).filter(is_possible);
            let at = own.and_then(|at| self.clock.latest(at));
            self.exit = Some(at.unwrap_or_else(Instant::now));
        }
    }
}

/// When following ends, and what becomes of a task that runs on then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    pub deadline: Instant,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
}

/// How following ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The task is decided, and its log was read.
    Decided,
    /// The task has ended. The run was interrupted before its log was read to the end, or ECS does not say how it
    /// ended.
    Unread,
    /// The task cannot be followed any more, and may still run: why.
    Lost(String),
    /// The task ran on at the deadline.
    TimedOut(Stop),
    /// The task ran on when the run was interrupted.
    Interrupted(Stop),
}

/// What was done about a task that ran on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// StopTask was taken, or the task has stopped all the same.
    Taken,
    /// StopTask was not called.
    Left,
    /// StopTask is not known to have been taken: why.
    Failed(String),
}

impl End {
    /// Says that a task which was to be stopped is not known to have been; `of` is what it was for. `None` for
    /// another end.
    pub(crate) fn not_stopped(&self, task: &Task, of: &str) -> Option<String> {
        let (Self::TimedOut(Stop::Failed(error)) | Self::Interrupted(Stop::Failed(error))) = self else {
            return None;
        };
        Some(format!("task {} of {of} was not stopped and may still run: {error}", task.arn))
    }
}

/// Says that a task may outlive the container it was followed for, and how to stop it.
pub(crate) fn may_run_on(cluster: &str, task: &Task, of: &str, why: &str) -> String {
    format!(
        "task {} of {of} may run on, although its container has ended: {why}. To stop it: `aws ecs stop-task \
         --cluster {cluster} --task {}`",
        task.arn,
        task.id()
    )
}

/// Says that a task goes on under `--on-cancel leave`, and how to stop it.
pub(crate) fn left_running(cluster: &str, task: &Task) -> String {
    format!(
        "--on-cancel leave: task {} goes on in cluster {cluster}, and nothing follows it; to stop it: `aws ecs stop-task \
         --cluster {cluster} --task {}`",
        task.arn,
        task.id()
    )
}

impl Until {
    /// Makes the terms for a task that this run does not stop.
    pub(crate) fn left_alone(deadline: Instant) -> Self {
        Self { deadline, on_timeout: Leftover::Leave, on_cancel: Leftover::Leave }
    }
}

impl<W: TaskWorld> Tasks<'_, W> {
    /// Begins to follow a task. Without a stream its log cannot be read.
    pub(crate) fn following<L: Listener>(
        &self,
        task: Task,
        stream: Option<LogStream>,
        followed: FollowedContainer,
        listener: L,
    ) -> Following<L> {
        let log = self.log_of(&task, stream);
        if followed.is_ours {
            self.watch.hold(&task);
        }
        Following {
            sight: self.watch.follow(&task),
            log,
            task,
            listener,
            clock: EcsClock::new(),
            order: StopOrder::default(),
            followed,
            exit: None,
            stop: None,
        }
    }

    /// Follows the task until it is decided and its log is complete.
    pub(crate) async fn follow(&self, following: &mut Following<impl Listener>, until: Until) -> End {
        let end = tokio::select! {
            end = self.to_the_end(following) => Some(end),
            () = sleep_until(until.deadline) => None,
            () = self.interrupt.wait() => Some(self.interrupted(following, until.on_cancel).await),
        };
        match end {
            Some(end) => end,
            None => self.timed_out(following, until.on_timeout).await,
        }
    }

    /// Watches state and log together, until the task is decided and its log is read.
    pub(super) async fn to_the_end(&self, following: &mut Following<impl Listener>) -> End {
        let exit = loop {
            if let Some(exit) = following.exit {
                break exit;
            }
            let sight = following.sight.borrow_and_update().clone();
            match sight {
                Sight::Seen(task) => following.sees(*task),
                Sight::Lost(why) => return End::Lost(why),
            }
            if following.is_decided() {
                if following.followed.is_ours && !following.task.is_stopped() {
                    self.capacity.container_exited(&following.task.arn);
                }
                following.listener.ended(&following.task);
                continue;
            }
            let Following { sight, log, task, listener, .. } = following;
            tokio::select! {
                changed = sight.changed() => if changed.is_err() {
                    return End::Lost("nobody watches it any more".into());
                },
                read = log.read_if(has_run(task), self.world) => {
                    let _: Taken = log.take(read, listener);
                }
            }
        };
        self.stop_outlived(following).await;
        self.drain(following, exit).await;
        // One more try of a call that was not taken: nothing else stops the task.
        self.stop_outlived(following).await;
        End::Decided
    }

    /// Stops a task that runs on although its container has ended.
    pub(super) async fn stop_outlived(&self, following: &mut Following<impl Listener>) {
        if following.must_be_stopped() && !matches!(following.stop, Some(Ok(()))) {
            let why = format!("its container {} has ended", following.followed.name);
            let stop = self.stop_followed(following, &why).await;
            following.stop = Some(stop);
        }
    }
}

/// Returns whether a container may have printed something. A no-op task can be over before RUNNING is ever seen.
pub(super) fn has_run(task: &Task) -> bool {
    task.started_at.is_some()
        || task.last_status == TaskStatus::Running
        || task.containers.iter().any(|container| container.exit_code.is_some())
}
