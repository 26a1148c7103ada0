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
    /// What ECS says of it now.
    fn seen(&mut self, task: &Task);

    /// Whether what has ended of it is all that is waited for: then its log is read to the end.
    fn is_decided(&self, task: &Task) -> bool;

    /// It is decided, and its log is still to be read. Called once.
    fn ended(&mut self, task: &Task);

    /// StopTask is about to be called.
    fn is_being_stopped(&mut self);

    /// It has printed this.
    fn printed(&mut self, events: &[LogEvent]);

    /// Whether it has printed all that is to be expected of it: then the end of its log is not waited for.
    fn has_heard_all(&self) -> bool;

    /// Its log is read again, from the head.
    fn begin_again(&mut self);

    /// Its log could not be read, now or at all.
    fn unreadable(&mut self, failure: Failure);

    /// It has ended without a line in its log, which is or would be this stream.
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
    /// When its container has exited, at the latest; none while it is not decided.
    exit: Option<Instant>,
    /// StopTask was taken, or why it is not known to have been: of one that runs on although its container has ended.
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

    /// Says why it may run on although its container has ended; none for one that is stopped or ends by itself.
    pub(crate) fn runs_on(&self) -> Option<&str> {
        let why = self.stop.as_ref()?.as_ref().err()?;
        self.must_be_stopped().then_some(why.as_str())
    }

    pub(super) fn is_decided(&self) -> bool {
        self.exit.is_some()
    }

    /// Whether nobody has to stop it, be it decided or not.
    pub(super) fn ends_by_itself(&self) -> bool {
        self.task.ends_by_itself(&self.followed.name)
    }

    /// By what was last seen of it, be it after it was decided.
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
    /// The task has ended. The run was interrupted before its log was read to the end, or ECS does not say how it ended.
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

impl Until {
    /// For a task that is not ours to stop.
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

    /// Watches state and log together.
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
        // One more try of a call that was not taken: nobody else stops it.
        self.stop_outlived(following).await;
        End::Decided
    }

    /// Stops a task that runs on although its container has ended.
    pub(super) async fn stop_outlived(&self, following: &mut Following<impl Listener>) {
        if following.must_be_stopped() && !matches!(following.stop, Some(Ok(()))) {
            let stop = self.stop_followed(following, "its migration container has ended").await;
            following.stop = Some(stop);
        }
    }
}

/// Whether a container may have printed something. A no-op task can be over before RUNNING is ever seen.
pub(super) fn has_run(task: &Task) -> bool {
    task.started_at.is_some()
        || task.last_status == TaskStatus::Running
        || task.containers.iter().any(|container| container.exit_code.is_some())
}
