//! Who or what ended a migration container, when it was not its own program.

use std::cmp::Ordering;

use super::{Asked, Verdict, unproved, words};
use crate::container_exit::{SIGKILL, SIGTERM, is_signal};
use crate::ending::StopOrder;
use crate::ports::{Container, Task};

/// Who ended a migration container from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Killer {
    /// The container (or the task) used more memory than it has.
    OutOfMemory,
    /// A signal, such as SIGKILL (137) or SIGSEGV (139), and ECS does not say why.
    Signal,
    /// Another essential container ended first, and ECS then stopped the task: its name and exit code.
    Sidecar { name: String, exit_code: i32 },
    /// StopTask, called by another user: stopCode UserInitiated, with the reason that was given.
    StopTask { reason: String },
    /// stopCode SpotInterruption.
    Spot,
    /// stopCode TerminationNotice: Fargate retires the host.
    Retirement,
    /// stopCode InfrastructureHealth.
    Host,
    /// stopCode ServiceSchedulerInitiated: the task belongs to a service.
    ServiceScheduler,
}

/// Returns who ended the container; none where it ended by itself, as far as ECS and its exit code tell.
pub(super) fn killer(
    task: &Task,
    own: &Container,
    stop_code: Option<&str>,
    exit_code: Option<i32>,
) -> Option<Killer> {
    if is_out_of_memory(own.reason.as_deref()) && exit_code != Some(0) {
        return Some(Killer::OutOfMemory);
    }
    match stop_code {
        Some("UserInitiated") => Some(Killer::StopTask { reason: words::reason(task, None) }),
        Some("SpotInterruption") => Some(Killer::Spot),
        Some("TerminationNotice") => Some(Killer::Retirement),
        Some("InfrastructureHealth") => Some(Killer::Host),
        Some("ServiceSchedulerInitiated") => Some(Killer::ServiceScheduler),
        _ if matches!(exit_code, Some(SIGKILL | SIGTERM)) => {
            let sidecar = if task.outlived { None } else { sidecar(task, own) };
            Some(sidecar.unwrap_or(Killer::Signal))
        }
        _ => exit_code.is_some_and(is_signal).then_some(Killer::Signal),
    }
}

/// Finds a container that ended by itself, while the migration container was ended by a signal.
fn sidecar(task: &Task, own: &Container) -> Option<Killer> {
    let others = task.containers.iter().filter(|other| other.name != own.name);
    others
        .filter_map(|other| Some((other, other.exit_code?)))
        .find(|(_, code)| !matches!(*code, SIGKILL | SIGTERM))
        .map(|(other, exit_code)| Killer::Sidecar { name: other.name.clone(), exit_code })
}

/// Returns what speaks against exit code 0 where no report says what was done: a container that is told to end may
/// end with 0 as well.
pub(super) fn doubt(asked: &Asked<'_>, task: &Task, order: &StopOrder) -> Option<Verdict> {
    let own = task.container(asked.container)?;
    let reasons = [own.reason.as_deref(), task.stopped_reason.as_deref()];
    if reasons.into_iter().any(is_out_of_memory) {
        return Some(Verdict::Killed { by: Killer::OutOfMemory, exit_code: own.exit_code });
    }
    let others = task.containers.iter().filter(|other| asked.essential.contains(&other.name));
    let mut doubts = others.filter_map(|other| {
        let name = words::code(&other.name);
        let by_itself = other.exit_code.filter(|code| !matches!(*code, SIGKILL | SIGTERM));
        match (order.of(&other.name, &own.name), other.exit_code, by_itself) {
            (Some(Ordering::Greater), ..) => None,
            (Some(_), Some(exit_code), _) => {
                let by = Killer::Sidecar { name: other.name.clone(), exit_code };
                Some(Verdict::Killed { by, exit_code: own.exit_code })
            }
            _ if is_out_of_memory(other.reason.as_deref()) => Some(unproved(format!(
                "exit code 0, but essential container {name} ran out of memory, and nothing says which of them ended first"
            ))),
            (None, _, Some(exit_code)) => Some(unproved(format!(
                "exit code 0, but essential container {name} ended by itself as well, with exit code {exit_code}, and \
                 nothing says which of them ended first"
            ))),
            _ => None,
        }
    });
    let first = doubts.next()?;
    // One that is known to have ended first says more than one that may have.
    let killed = |verdict: &Verdict| matches!(verdict, Verdict::Killed { .. });
    Some(if killed(&first) { first } else { doubts.find(killed).unwrap_or(first) })
}

/// Tells whether a reason has ECS's word for a container that used more memory than it has, or what it says of it.
fn is_out_of_memory(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| {
        let reason = reason.to_ascii_lowercase();
        reason.contains("outofmemory") || reason.contains("killed due to memory usage")
    })
}
