//! What a task's end was like: which container ended for good, and which first, and how far its log was read.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::ports::{Task, TaskStatus};
use crate::task_definition::Part;

/// Returns the exit code of a container that has ended for good: ECS shows it while it takes the task down, and while
/// other containers of the task run on.
pub(crate) fn last_exit_code(task: &Task, container: &str, part: &Part) -> Option<i32> {
    let exit_code = task.container(container)?.ended_with()?;
    part.is_last(exit_code, task.is_told_to_stop()).then_some(exit_code)
}

/// Tells whether the container has ended for good, and ECS wants the task to run on.
pub(crate) fn is_outlived(task: &Task, container: &str, part: &Part) -> bool {
    // Before the containers that wait for it are there, the task itself is PENDING.
    task.desired_status == TaskStatus::Running && last_exit_code(task, container, part).is_some()
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ending {
    pub log: LogEnd,
    pub order: StopOrder,
}

/// How far the log of a task was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogEnd {
    /// To its end: nothing more has come for long enough, or nothing comes behind what was expected.
    Whole,
    /// Some of it was read, and the rest was not: why. What stands in the rest is not known.
    BrokenOff(String),
    /// Nothing of it: why.
    Unread(String),
}

impl Default for LogEnd {
    fn default() -> Self {
        Self::Unread("it was not asked for".to_owned())
    }
}

/// When each container was first seen with an exit code, in looks at the task. Those that are first seen in one look
/// may have ended in any order: ECS tells no time of a container's end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StopOrder {
    looks: u32,
    ended: HashMap<String, u32>,
}

impl StopOrder {
    /// Takes note of a look at the task.
    pub(crate) fn look(&mut self, task: &Task) {
        self.looks += 1;
        for container in task.containers.iter().filter(|container| container.exit_code.is_some()) {
            self.ended.entry(container.name.clone()).or_insert(self.looks);
        }
    }

    /// Returns which of two containers ended first; `None` where nothing tells.
    pub(crate) fn of(&self, one: &str, other: &str) -> Option<Ordering> {
        let (one, other) = (self.ended.get(one)?, self.ended.get(other)?);
        Some(one.cmp(other)).filter(|order| order.is_ne())
    }
}
