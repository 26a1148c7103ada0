//! One-off tasks: from RunTask to the end of a task and of its log. What a task is for, its owner knows.
//!
//! - [`lanes`]: at most so many at a time.
//! - [`launch`]: RunTask, once per task whatever happens; [`capacity`]: whose turn it is while Fargate has no room.
//! - [`watch`]: one reader of task states for all tasks of a run; [`ecs_clock`]: how long ago a time of ECS was.
//! - [`follow`]: one task to its end, states and log together; [`timeout`]: what is done when it runs too
//!   long.
//! - [`log`]: its log, from its own stream or from that of all tasks.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use self::capacity::Capacity;
use self::log::fleet::FleetLog;
use self::watch::{Sight, Watch};
use crate::diagnosis::STOPPED_BY_US;
use crate::interrupt::Interrupt;
use crate::ports::{LogGroup, Task, TaskWorld};

mod capacity;
mod ecs_clock;
pub(crate) mod follow;
pub(crate) mod lanes;
pub(crate) mod launch;
pub(crate) mod log;
mod timeout;
pub(crate) mod watch;

/// StopTask when the run is interrupted, retries included: GitHub's runner leaves 7.5 s between SIGINT and SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Up to so many tasks at a time are looked at each second, and their logs every two. With more, each call brings
/// more, and FilterLogEvents reads their logs with fewer calls than one for each stream.
pub(crate) const FEW: usize = 4;

/// How long tasks are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From RunTask to a task's end; and for room to start one.
    pub timeout: Duration,
    /// How long after its container's exit the log of a task counts as complete.
    pub log_drain: Duration,
    /// How many tasks run at a time.
    pub lanes: usize,
}

/// The one-off tasks of a run, in one cluster.
pub(crate) struct Tasks<'a, W> {
    world: &'a W,
    cluster: &'a str,
    interrupt: &'a Interrupt,
    patience: Patience,
    watch: Watch<'a, W>,
    capacity: Capacity,
    /// `None` where a read of each stream costs less.
    fleet_log: Option<FleetLog<'a, W>>,
}

impl<'a, W: TaskWorld> Tasks<'a, W> {
    pub(crate) fn new(world: &'a W, cluster: &'a str, interrupt: &'a Interrupt, patience: Patience) -> Self {
        Self {
            world,
            cluster,
            interrupt,
            patience,
            watch: Watch::new(world, cluster),
            capacity: Capacity::new(patience.timeout),
            fleet_log: None,
        }
    }

    /// Reads the logs of all tasks from this group at once, from now on; with `None`, each stream by itself.
    pub(crate) fn with_fleet_log(mut self, group: Option<LogGroup>) -> Self {
        let now = || jiff::Timestamp::now().as_millisecond();
        self.fleet_log = group.map(|group| FleetLog::new(self.world, group, now()));
        self
    }

    /// Watches what is followed until the future is dropped. Calls `note` with the reason when the logs cannot be
    /// read at once any more: then each stream is read once its container has exited.
    pub(crate) async fn run(&self, note: impl Fn(String)) {
        let fleet_log = async {
            if let Some(log) = &self.fleet_log {
                note(log.run().await);
            }
            pending().await
        };
        tokio::select! {
            () = self.watch.run(|arn| self.capacity.task_stopped(arn)) => {}
            () = fleet_log => {}
        }
    }

    /// Watches a task from what RunTask said of it. Several may watch the same one.
    pub(crate) fn watch(&self, task: &Task) -> Receiver<Sight> {
        self.watch.follow(task)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_set()
    }

    /// Calls StopTask.
    ///
    /// # Errors
    /// Says why it is not known to have been taken.
    pub(crate) async fn stop(&self, arn: &str, why: &str) -> Result<(), String> {
        let reason = format!("{STOPPED_BY_US}{why}");
        match timeout(STOP_DEADLINE, self.world.stop_task(self.cluster, arn, &reason)).await {
            Ok(stopped) => stopped.map_err(|error| format!("{error:#}")),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}
