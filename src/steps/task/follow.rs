//! Follow: one task from RunTask to its end, its states and its log together.

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::Tasks;
use super::log::{Taken, TaskLog};
use super::watch::Sight;
use crate::choices::Leftover;
use crate::ending::{Ending, StopOrder};
use crate::failure::Failure;
use crate::ports::{LogEvent, LogStream, Task, TaskStatus, TaskWorld};

/// Hears what becomes of a task while it is followed.
pub(crate) trait Listener {
    /// What ECS says of it now.
    fn seen(&mut self, task: &Task);

    /// It has stopped, and its log is still to be read. Called once.
    fn stopped(&mut self, task: &Task);

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
    order: StopOrder,
    is_stopped: bool,
    /// The container whose end is all that is waited for, where the task runs on after it.
    outlived: Option<String>,
}

impl<L> Following<L> {
    /// Says what was seen of its end by now.
    pub(crate) fn ending(&self) -> Ending {
        Ending { log: self.log.end(), order: self.order.clone() }
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
    /// The task has stopped, and its log was read.
    Stopped,
    /// The task has stopped; the run was interrupted before its log was read to the end.
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
    /// Begins to follow a task. Without a stream its log cannot be read. Where the task outlives a container that is
    /// named here, it is stopped when that has ended.
    pub(crate) fn following<L: Listener>(
        &self,
        task: Task,
        stream: Option<LogStream>,
        outlived: Option<String>,
        listener: L,
    ) -> Following<L> {
        let log = self.log_of(&task, stream);
        Following {
            sight: self.watch.follow(&task),
            log,
            task,
            listener,
            order: StopOrder::default(),
            is_stopped: false,
            outlived,
        }
    }

    /// Follows the task until it has stopped and its log is complete.
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
        let mut is_told = false;
        loop {
            let is_new = following.sight.has_changed().unwrap_or_default();
            let sight = following.sight.borrow_and_update().clone();
            match sight {
                Sight::Seen(task) => following.sees(*task),
                Sight::Lost(why) => return End::Lost(why),
            }
            following.order.look(&following.task);
            following.listener.seen(&following.task);
            if following.task.is_stopped() {
                if !std::mem::replace(&mut following.is_stopped, true) {
                    following.listener.stopped(&following.task);
                }
                self.drain(following).await;
                return End::Stopped;
            }
            let runs_on = following.task.outlived && following.task.desired_status == TaskStatus::Running;
            if runs_on && (is_new || !is_told) {
                // A call that is not taken is made again at the next sight; at the deadline its error is said.
                is_told = self.stop_followed(following, "its migration container has ended").await.is_ok();
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
        }
    }
}

impl<L> Following<L> {
    /// Keeps that the container had ended before the task did: later, the task alone would not tell.
    fn sees(&mut self, task: Task) {
        let outlived = self.task.outlived || self.outlived.as_deref().is_some_and(|own| task.outlives(own));
        self.task = Task { outlived, ..task };
    }
}

/// Whether a container may have printed something. A no-op task can be over before RUNNING is ever seen.
pub(super) fn has_run(task: &Task) -> bool {
    task.started_at.is_some()
        || task.last_status == TaskStatus::Running
        || task.containers.iter().any(|container| container.exit_code.is_some())
}
