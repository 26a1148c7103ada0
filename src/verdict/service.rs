//! What the program concludes of a service: the one place that may say "deployed".
//!
//! Pure: what ECS shows of the service and of its deployment goes in. The status of the run's own service deployment
//! decides, never that of whatever is PRIMARY: after a rollback the service is stable and its one deployment
//! COMPLETED.

use jiff::Timestamp;

use crate::failure::ExitCode;
use crate::untrusted::{phrase, printable};
use crate::words::duration;

mod classic;
mod course;
mod pace;
mod proof;
mod running;

pub(crate) use classic::{ClassicCourse, Ours, classic};
pub(crate) use course::{Course, course, failed_hook, why};
pub(crate) use pace::{Pace, pace};
pub use proof::{Deployable, Deployed, Evidence};
pub(crate) use running::{Running, Wanted, running};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceVerdict {
    /// The run's service deployment is SUCCESSFUL, and every running task of it has the wanted image.
    Deployed(Deployed),
    /// The service ran it already, as its PRIMARY deployment, complete and with the wanted image: no call was made.
    Unchanged(Deployed),
    /// The run's deployment ended well, and the service wants no tasks: nothing proves that one would start.
    NoTasksWanted,
    /// `rollback` did what it was asked for: the service runs what it was to go back to. That this ran before is not
    /// known where a person has named it.
    WentBack(Deployed),
    /// ECS goes back to what ran before, or was asked to by a call; `over` says whether it is there.
    RolledBack { why: String, to: Option<String>, over: bool },
    /// ECS could not go back: what the service runs is unknown.
    RollbackFailed { why: String },
    /// ECS gave the deployment up and leaves it where it is.
    Failed { why: String },
    /// A newer deployment of the service was started: of this revision, as an ARN or its last part.
    Superseded { by: String },
    /// A lifecycle hook waits to be continued.
    Paused { hook: String, expires_at: Option<Timestamp>, timeout_action: Option<String> },
    /// ECS says that it is deployed, and its health does not bear it out.
    Unhealthy { why: String },
    /// It may be deployed, and nothing proves it.
    Unproved { why: String },
    /// It may be deployed, but AWS did not let the run look, or act: the credentials lack a permission, or have
    /// ended.
    Unseen { why: String },
    /// By the run: still under way at `--deploy-timeout`, after so many milliseconds.
    TimedOut { after_ms: i64, why: String },
    /// By the run: it was interrupted. `rolled_back` says whether ECS took the order to go back.
    Cancelled { rolled_back: bool },
    /// By the run: no deployment was started.
    NotDeployed { why: String },
    /// No deployment was started, because AWS refused the call, for this service or for one before it.
    Refused { why: String },
}

impl ServiceVerdict {
    /// Returns the verdict's name in the summary, the outputs and the JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Deployed(_) => "deployed",
            Self::Unchanged(_) => "unchanged",
            Self::NoTasksWanted => "deployed with no tasks wanted",
            Self::WentBack(_) | Self::RolledBack { .. } => "rolled back",
            Self::RollbackFailed { .. } => "rollback failed",
            Self::Failed { .. } => "failed without rollback",
            Self::Superseded { .. } => "superseded",
            Self::Paused { .. } => "paused",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Unproved { .. } | Self::Unseen { .. } => "unproved",
            Self::TimedOut { .. } => "timed out",
            Self::Cancelled { .. } => "cancelled",
            Self::NotDeployed { .. } | Self::Refused { .. } => "not deployed",
        }
    }

    /// Tells whether what was asked for is so.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Deployed(_) | Self::Unchanged(_) | Self::NoTasksWanted | Self::WentBack(_))
    }

    /// Tells whether no deployment was started.
    pub fn is_not_begun(&self) -> bool {
        matches!(self, Self::NotDeployed { .. } | Self::Refused { .. })
    }

    /// Returns the proof by running tasks that what was asked for is so; none where there is no such proof.
    pub fn proof(&self) -> Option<&Deployed> {
        match self {
            Self::Deployed(proof) | Self::Unchanged(proof) | Self::WentBack(proof) => Some(proof),
            _ => None,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            verdict if verdict.is_done() => ExitCode::Done,
            Self::TimedOut { .. } | Self::Paused { .. } => ExitCode::TimedOut,
            Self::Cancelled { .. } => ExitCode::Cancelled,
            Self::Unseen { .. } | Self::Refused { .. } => ExitCode::Service,
            _ => ExitCode::MigrationFailed,
        }
    }

    /// Explains it in one sentence, lowercase, without a full stop. It tells nothing that is not in the verdict.
    pub fn explain(&self) -> String {
        match self {
            Self::Deployed(proof) => proof.to_string(),
            Self::Unchanged(proof) => format!("it ran this already: {proof}"),
            Self::WentBack(proof) => format!("it runs what it was to go back to: {proof}"),
            Self::NoTasksWanted => {
                "ECS has completed the deployment, and the service wants no tasks: nothing proves that one starts"
                    .into()
            }
            Self::RolledBack { why, to, over } => {
                let to = to.as_deref().map(|to| format!(" to {}", phrase(to))).unwrap_or_default();
                let how = if *over { "went back" } else { "is going back" };
                format!("ECS {how}{to}: {}", text(why))
            }
            Self::RollbackFailed { why } => {
                format!("ECS could not go back to what ran before: {}", text(why))
            }
            Self::Failed { why } => format!("ECS gave the deployment up, and did not go back: {}", text(why)),
            Self::Superseded { by } => {
                format!("another deployment of the service was started after this one, of {}", phrase(by))
            }
            Self::Paused { hook, expires_at, timeout_action } => {
                let until = expires_at
                    .map(|at| {
                        let action = timeout_action.as_deref().unwrap_or("goes on as it is set up");
                        format!("; ECS waits until {}, and then: {}", at.strftime("%Y-%m-%d %H:%M UTC"), phrase(action))
                    })
                    .unwrap_or_default();
                format!("lifecycle hook {} waits for an answer{until}", phrase(hook))
            }
            Self::Unhealthy { why }
            | Self::Unproved { why }
            | Self::Unseen { why }
            | Self::NotDeployed { why }
            | Self::Refused { why } => text(why),
            Self::TimedOut { after_ms, why } => {
                format!("still under way after {} (--deploy-timeout): {}", duration(*after_ms), text(why))
            }
            Self::Cancelled { rolled_back: true } => {
                "the run was interrupted, and ECS was told to go back to what ran before".into()
            }
            Self::Cancelled { rolled_back: false } => {
                "the run was interrupted, and ECS goes on with the deployment".into()
            }
        }
    }
}

/// Makes a sentence from outside printable: an event of a service has about a thousand characters at most.
fn text(sentence: &str) -> String {
    printable(sentence, 2100)
}
