//! The log of a followed task: from its own stream ([`stream`]) or from that of all tasks ([`fleet`]), and [`files`].

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::fleet::FleetStream;
use self::stream::{LogFollower, Read};
use super::follow::{Following, Listener, has_run};
use super::{FEW, Tasks};
use crate::ending::LogEnd;
use crate::failure::{Failure, is_transient};
use crate::ports::{LogReads, LogStream, Task, TaskStatus, TaskWorld};

pub(crate) mod files;
pub(crate) mod fleet;
pub(crate) mod stream;

/// Failed log reads in a row before a drain gives up. Those that are throttled do not count: the timeout ends them.
const MAX_ERRORS: u32 = 5;
/// The driver's interval between two flushes: a line that comes late may have another one behind it that long.
const FLUSH: Duration = Duration::from_secs(5);

/// Where a task's log comes from.
enum Source {
    /// GetLogEvents of its stream.
    Own(LogFollower),
    /// FilterLogEvents of all streams of the fleet.
    Fleet(FleetStream),
}

/// A task's log while it is read.
pub(super) struct TaskLog {
    /// `None` when the log is not in CloudWatch Logs, or may not be read.
    source: Option<Source>,
    errors: u32,
    /// When something of it was last read, if only by the fleet's log.
    last_lines: Option<Instant>,
    /// Why the last read failed, or why there is no source.
    trouble: String,
    /// `None` while it is still to be read.
    end: Option<LogEnd>,
}

/// What a read has brought.
pub(super) enum Taken {
    Lines,
    End,
    Absent,
    /// A failed read, which says nothing about what is there.
    Failed,
}

impl Source {
    async fn read(&mut self, reads: &impl LogReads) -> anyhow::Result<Read> {
        match self {
            Self::Own(log) => log.read(reads).await,
            Self::Fleet(log) => match log.read().await {
                Some(read) => Ok(read),
                // Its own stream is read when the container has exited.
                None => std::future::pending().await,
            },
        }
    }
}

impl TaskLog {
    /// Says how far it was read by now.
    pub(super) fn end(&self) -> LogEnd {
        self.end.clone().unwrap_or_else(|| LogEnd::BrokenOff("the run was interrupted before".to_owned()))
    }

    /// Returns from when on nothing more is expected in the log of a container that exited at `exit`.
    fn is_over_at(&self, exit: Instant, log_drain: Duration) -> Instant {
        let late = self.last_lines.map(|at| at + log_drain.min(FLUSH));
        late.into_iter().chain([exit + log_drain]).max().unwrap_or(exit)
    }

    /// Ends the log with this reason: nothing more of it will be read.
    fn breaks_off(&mut self, why: String) {
        self.end = Some(if self.last_lines.is_some() { LogEnd::BrokenOff(why) } else { LogEnd::Unread(why) });
    }

    /// Reads what comes next. Never ends without a log, nor while there cannot be anything in it.
    pub(super) async fn read_if(&mut self, has_run: bool, reads: &impl LogReads) -> anyhow::Result<Read> {
        match self.source.as_mut().filter(|_| has_run) {
            Some(source) => source.read(reads).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn take(&mut self, read: anyhow::Result<Read>, listener: &mut impl Listener) -> Taken {
        match read {
            Ok(Read::Events(events)) => {
                self.errors = 0;
                if !events.is_empty() {
                    self.last_lines = Some(Instant::now());
                }
                listener.printed(&events);
                Taken::Lines
            }
            Ok(Read::End) => Taken::End,
            Ok(Read::Absent) => Taken::Absent,
            Err(error) => {
                let failure = Failure::from_error(&error);
                self.errors += u32::from(!failure.is_throttled());
                if !is_transient(&error) {
                    self.source = None;
                }
                self.trouble.clone_from(&failure.message);
                listener.unreadable(failure);
                Taken::Failed
            }
        }
    }
}

impl<W: TaskWorld> Tasks<'_, W> {
    pub(super) fn log_of(&self, task: &Task, stream: Option<LogStream>) -> TaskLog {
        let source = stream.map(|stream| match &self.fleet_log {
            Some(fleet) => {
                // A task that runs already was started before: by another process of this run, or by another run.
                let is_new = matches!(task.last_status, TaskStatus::Provisioning | TaskStatus::Pending);
                Source::Fleet(fleet.follow(stream, is_new))
            }
            None if self.patience.lanes > FEW => Source::Own(LogFollower::of_many(stream)),
            None => Source::Own(LogFollower::new(stream)),
        });
        let trouble = "the container does not log to CloudWatch Logs by awslogs".to_owned();
        TaskLog { source, errors: 0, last_lines: None, trouble, end: None }
    }

    /// Reads on after the container's exit: the driver then flushes its last lines, and CloudWatch Logs shows them a
    /// little later. A listener that has heard all ends the wait.
    pub(super) async fn drain(&self, following: &mut Following<impl Listener>, exit: Instant) {
        if !has_run(&following.task) {
            following.log.source = None;
            following.log.breaks_off("its container never ran".to_owned());
            return;
        }
        if let Some(Source::Fleet(log)) = &following.log.source {
            let stream = log.stream.clone();
            if self.drain_fleet(following, exit).await {
                following.log.end = Some(LogEnd::Whole);
                return;
            }
            // All of it again, from the head: complete, in order, and with a report if there is one.
            following.log.source = Some(Source::Own(LogFollower::new(stream)));
            following.listener.begin_again();
        }
        self.drain_own(following, exit).await;
    }

    /// Reads until the fleet's log has shown all that is expected and a whole sweep has brought nothing late behind
    /// it, which is all of the log: returns true. False when a sweep that began after the last line was due has not
    /// shown it either, when no sweep comes in time, or when the stream is not sound.
    async fn drain_fleet(&self, following: &mut Following<impl Listener>, exit: Instant) -> bool {
        let Following { log, listener, .. } = following;
        let began = Instant::now();
        let mut sweeps = 0;
        loop {
            let over_at = log.is_over_at(exit, self.patience.log_drain);
            let Some(Source::Fleet(stream)) = &mut log.source else { return false };
            if !stream.is_sound() {
                return false;
            }
            let has_all = listener.has_heard_all();
            // The first sweep that ends may have been under way when the last line came.
            if has_all && sweeps >= 2 {
                return true;
            }
            if !has_all && sweeps > 0 && stream.is_swept_since(over_at) {
                return false;
            }
            let patience = if has_all { began + self.patience.timeout } else { over_at + fleet::STALE };
            let read = tokio::select! {
                biased;
                read = stream.read() => read,
                () = sleep_until(patience) => return false,
            };
            let Some(read) = read else { continue };
            match log.take(Ok(read), listener) {
                Taken::Lines => sweeps = 0,
                _ => sweeps += 1,
            }
        }
    }

    /// Reads until all that is expected is there and nothing behind it, or a read shows that nothing more comes.
    async fn drain_own(&self, following: &mut Following<impl Listener>, exit: Instant) {
        let Following { log, listener, .. } = following;
        if let Some(Source::Own(stream)) = &mut log.source {
            stream.drain();
        }
        loop {
            let over_at = log.is_over_at(exit, self.patience.log_drain);
            let Some(Source::Own(stream)) = &mut log.source else {
                log.breaks_off(log.trouble.clone());
                return;
            };
            stream.no_later_than(over_at);
            let read = stream.read(self.world).await;
            let (asked_at, stream) = (stream.asked_at(), stream.stream().clone());
            let is_out_of_time = exit.elapsed() >= self.patience.log_drain + self.patience.timeout;
            let is_there = match log.take(read, listener) {
                // Each of its pages may be empty, and name another one.
                Taken::Lines if is_out_of_time => {
                    log.breaks_off("it came to no end".to_owned());
                    return;
                }
                Taken::Lines => continue,
                Taken::End if listener.has_heard_all() => {
                    log.end = Some(LogEnd::Whole);
                    return;
                }
                Taken::Failed => {
                    if log.source.is_none() || log.errors >= MAX_ERRORS || is_out_of_time {
                        log.breaks_off(log.trouble.clone());
                        return;
                    }
                    continue;
                }
                Taken::End => true,
                Taken::Absent => false,
            };
            if asked_at >= over_at {
                listener.silent(&stream);
                match is_there {
                    true => log.end = Some(LogEnd::Whole),
                    false => log.breaks_off(format!(
                        "log stream {} of log group {} does not exist",
                        stream.name, stream.group
                    )),
                }
                return;
            }
        }
    }
}
