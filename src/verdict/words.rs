//! A verdict in words.

use super::{GitHubProof, Killer, MIGRATED, NOT_PROVED, Verdict};
use crate::ports::{Container, Task};
use crate::untrusted::{phrase, printable};

impl Verdict {
    /// Returns the verdict's name in the summary, the outputs and the JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Migrated(migrated) if !migrated.is_proved() => NOT_PROVED,
            Self::Migrated(_) => MIGRATED,
            Self::Failed { .. } | Self::Reported { .. } => "failed",
            Self::NeverStarted { .. } => "never started",
            Self::Killed { .. } => "killed",
            Self::TimedOut { .. } => "timed out",
            Self::Cancelled { .. } => "cancelled",
            Self::WrongDatabase { .. } => "wrong database",
            Self::Unproved { .. } | Self::Unreported { .. } => "unproved",
            Self::AlreadyRunning { .. } => "already running",
            Self::NotRun { .. } => "not run",
        }
    }

    /// Explains it in one sentence, lowercase, without a full stop. It tells nothing that is not in the verdict.
    pub fn explain(&self) -> String {
        match self {
            Self::Migrated(migrated) => match (migrated.report(), migrated.github()) {
                (Some(report), _) => report.to_string(),
                (None, Some(GitHubProof::Reported)) => {
                    "a success by its GitHub Deployment, of a run that took nothing but a migration report for it"
                        .into()
                }
                (None, Some(GitHubProof::Success)) => {
                    "a success by its GitHub Deployment, which does not say whether a migration report proved it"
                        .into()
                }
                (None, None) => "exit code 0, and no migration report was seen: which database it was is not proved"
                    .into(),
            },
            Self::Failed { exit_code } => format!("exit code {exit_code}"),
            Self::NeverStarted { reason } => {
                format!("its container never ran, so this task migrated nothing: {}", text(reason))
            }
            Self::Killed { by, exit_code } => {
                format!("{} ({})", by.explain(), exit(*exit_code))
            }
            Self::TimedOut { stopped: true } => "still running at --timeout, so its task was stopped".into(),
            Self::TimedOut { stopped: false } => "still running at --timeout; its task was left running".into(),
            Self::Cancelled { stopped: true } => "the run was interrupted, so its task was stopped".into(),
            Self::Cancelled { stopped: false } => "the run was interrupted; its task was left running".into(),
            Self::WrongDatabase { asked, reported, times: Some(times), exit_code } => {
                let (asked, reported, exit) = (code(asked), code(reported), exit(*exit_code));
                format!(
                    "asked for {asked}, but the task reported {reported} {times} times and {asked} never: the image seems \
                     not to take its names from the list ({exit})"
                )
            }
            Self::WrongDatabase { asked, reported, times: None, exit_code } => {
                let (asked, reported, exit) = (code(asked), code(reported), exit(*exit_code));
                format!("asked for {asked}, but the task was connected to {reported} ({exit})")
            }
            Self::Reported { why } | Self::Unproved { why } | Self::NotRun { why } => text(why),
            Self::Unreported { unread: Some(why) } => format!(
                "exit code 0, but no migration report was seen, because its log could not be read: {}",
                text(why)
            ),
            Self::Unreported { unread: None } => {
                "exit code 0, but it printed no migration report: nothing proves which database it migrated".into()
            }
            Self::AlreadyRunning { task_arn, started_by, doubt } => {
                let by = started_by.as_deref().map(|by| format!(", started by {}", code(by)));
                let (task, by) = (code(task_arn), by.unwrap_or_default());
                match doubt {
                    None => format!("task {task} migrates it now{by}"),
                    Some(why) => format!("task {task} may migrate it now{by}: {}", text(why)),
                }
            }
        }
    }
}

impl Killer {
    fn explain(&self) -> String {
        match self {
            Self::OutOfMemory => "its container used more memory than it has and was killed".into(),
            Self::Signal => "a signal ended its container, and ECS does not say who sent it".into(),
            Self::Sidecar { name, exit_code } => format!(
                "container {} of the same task ended first, with exit code {exit_code}, so ECS stopped the task",
                code(name)
            ),
            Self::StopTask { reason } => format!("someone else stopped its task: {}", text(reason)),
            Self::Spot => "Fargate Spot took the capacity back".into(),
            Self::Retirement => "Fargate retired the host of its task".into(),
            Self::Host => "the host of its task failed".into(),
            Self::ServiceScheduler => "the scheduler of an ECS service stopped its task".into(),
        }
    }
}

/// Returns the reasons that ECS gives: the task's, and the container's where there is one.
pub(super) fn reason(task: &Task, own: Option<&Container>) -> String {
    let parts = [task.stopped_reason.as_deref(), own.and_then(|own| own.reason.as_deref())];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() { "ECS gives no reason".into() } else { text(&parts.join("; ")) }
}

fn exit(code: Option<i32>) -> String {
    code.map_or("no exit code".into(), |code| format!("exit code {code}"))
}

/// Makes a name or code from outside printable.
pub(super) fn code(name: &str) -> String {
    phrase(name)
}

/// Makes a sentence from outside printable: ECS keeps 1024 characters of a reason.
pub(super) fn text(sentence: &str) -> String {
    printable(sentence, 2100)
}

/// Formats a migration: `58 add_orders`.
pub(super) fn migration(version: &str, name: &str) -> String {
    format!("{} {}", printable(version, 100), printable(name, 100)).trim_end().to_owned()
}
