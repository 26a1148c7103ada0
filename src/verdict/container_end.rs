//! How a container of a task has ended, whatever the task was started for.

use super::killer::killer;
use super::{Asked, Killer, is_decided, words};
use crate::ports::Task;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContainerEnd {
    /// By itself, as far as ECS tells.
    Exited(i32),
    /// Something ended it from outside.
    Killed { by: Killer, exit_code: Option<i32> },
    /// It never ran.
    NeverStarted { reason: String },
    /// ECS does not say: why.
    Untold { why: String },
}

/// Returns how the container of `asked` has ended. `has_reported` says that its log shows that it has run.
pub(crate) fn container_end(asked: &Asked<'_>, task: &Task, has_reported: bool) -> ContainerEnd {
    let container = asked.container;
    let untold = |why| ContainerEnd::Untold { why };
    if !is_decided(asked, task) {
        return untold(format!("its task is {}, not STOPPED", words::code(&task.last_status.to_string())));
    }
    let own = task.container(container);
    let exit_code = own.and_then(|own| own.exit_code);
    let stop_code = task.end();
    let Some(own) = own else {
        let there: Vec<String> = task.containers.iter().map(|other| words::code(&other.name)).collect();
        let there = if there.is_empty() { "none".into() } else { crate::failure::listed(&there) };
        let missing =
            format!("the task has no container {} (its containers: {there})", words::code(container));
        return match stop_code {
            Some("TaskFailedToStart") => ContainerEnd::NeverStarted { reason: words::reason(task, None) },
            _ => untold(missing),
        };
    };
    let reason = || words::reason(task, Some(own));
    match (stop_code, exit_code) {
        (Some("TaskFailedToStart"), Some(0)) => {
            untold(format!("exit code 0 of a task that failed to start: {}", reason()))
        }
        (Some("TaskFailedToStart"), _) => ContainerEnd::NeverStarted { reason: reason() },
        (_, None) if task.started_at.is_none() && !has_reported => {
            ContainerEnd::NeverStarted { reason: reason() }
        }
        (code, exit_code) => match (killer(task, own, code, exit_code), exit_code) {
            (Some(by), _) => ContainerEnd::Killed { by, exit_code },
            (None, None) => untold(format!("its container left no exit code: {}", reason())),
            (None, Some(exit_code)) => ContainerEnd::Exited(exit_code),
        },
    }
}
