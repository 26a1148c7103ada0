//! What a person can fix: what happened, to which resource, how to fix it, and the exit code that says so.
//!
//! Anything else is a bug or an unforeseen answer; it travels as a plain `anyhow` error and ends with
//! [`ExitCode::Service`].

use std::fmt;

/// How a run ends. The numbers are part of the contract (docs/reference/verdicts.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Every database asked for is proved migrated and every service runs what was asked for, or the plan was
    /// printed.
    Done,
    /// A migration ran and is not proved: it failed, was killed, or migrated another database. Or a service does not
    /// run what was asked for: its deployment failed, went back, was superseded, or is not proved.
    MigrationFailed,
    /// The input or the configuration is wrong. Nothing was changed.
    BadInput,
    /// AWS, Docker or GitHub failed, or refused a call, UpdateService included; or a task never started.
    Service,
    /// A migration was still running when `--timeout` ended; or a deployment was not over when `--deploy-timeout`
    /// ended, or is paused.
    TimedOut,
    /// `run`: the task was still running when `--timeout` ended.
    RunTimedOut,
    /// `run`: the command was not run, or how it ended is not known.
    NotRun,
    /// The run was interrupted by SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    Cancelled,
    /// `run`: the exit code of its command's container.
    Container(u8),
}

impl ExitCode {
    /// Returns the process's exit code.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::MigrationFailed => 1,
            Self::BadInput => 2,
            Self::Service => 3,
            Self::TimedOut => 4,
            Self::RunTimedOut => 124,
            Self::NotRun => 125,
            Self::Cancelled => 130,
            Self::Container(exit_code) => exit_code,
        }
    }

    /// Returns the same of `run`, where each number below 124 may be the container's.
    pub(crate) fn of_run(self) -> Self {
        match self {
            Self::MigrationFailed | Self::BadInput | Self::Service => Self::NotRun,
            Self::TimedOut => Self::RunTimedOut,
            other => other,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// An error that a person can fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub exit_code: ExitCode,
    /// What happened, to which resource: lowercase, one sentence, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Evidence that is too long for the message, such as the last lines of a build.
    pub evidence: Vec<String>,
    pub recourse: Recourse,
}

/// What a program can do about a failure by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recourse {
    #[default]
    None,
    /// Try again: a server error, no answer, or another caller that did the same at this moment.
    TryAgain,
    /// Try again, and less often: the callers of this account have used up AWS's rate for now. The call had no
    /// effect.
    SlowDown,
    /// Use the image that another push has put under the tag.
    UseTag,
}

impl Failure {
    /// Makes the failure of a wrong input or configuration: nothing was changed.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ExitCode::BadInput, message)
    }

    /// Makes the failure of AWS, Docker or GitHub.
    pub fn service(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Service, message)
    }

    fn new(exit_code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            exit_code,
            message: message.into(),
            hint: None,
            evidence: Vec::new(),
            recourse: Recourse::None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Joins message and hint, for a note.
    pub fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    pub fn evidence(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence = lines.into_iter().collect();
        self
    }

    /// Puts what was being done in front of the message.
    pub fn while_doing(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    pub fn recourse(mut self, recourse: Recourse) -> Self {
        self.recourse = recourse;
        self
    }

    pub fn transient(self) -> Self {
        self.recourse(Recourse::TryAgain)
    }

    /// Returns whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.recourse, Recourse::TryAgain | Recourse::SlowDown)
    }

    /// Returns whether AWS refused the call because there were too many: it takes it later.
    pub fn is_throttled(&self) -> bool {
        self.recourse == Recourse::SlowDown
    }

    /// Finds the failure in an error's chain, wherever context was added around it.
    pub fn find(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }

    /// Makes a failure of any error: one that was not foreseen keeps its whole chain.
    pub fn from_error(error: &anyhow::Error) -> Self {
        Self::find(error).cloned().unwrap_or_else(|| Self::service(format!("{error:#}")))
    }
}

/// Returns whether AWS refused the call because there were too many: it takes it later.
pub(crate) fn is_throttled(error: &anyhow::Error) -> bool {
    Failure::find(error).is_some_and(Failure::is_throttled)
}

/// Returns whether the same call may succeed a little later.
pub(crate) fn is_transient(error: &anyhow::Error) -> bool {
    Failure::find(error).is_some_and(Failure::is_transient)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Lists `names` for a hint: at most ten, sorted, with a count of the rest.
pub(crate) fn listed(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 10;
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    let rest = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if rest == 0 { shown } else { format!("{shown} and {rest} more") }
}

/// Returns a hint at the most similar name, where one is near enough (Jaro-Winkler 0.8), else what `otherwise` says.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    let name = name.to_lowercase();
    names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map_or_else(otherwise, |(_, known)| format!("did you mean {known}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_and_reference_have_every_exit_code_of_our_own() {
        let pages = [include_str!("../README.md"), include_str!("../docs/reference/verdicts.md")];
        for code in [
            ExitCode::Done,
            ExitCode::MigrationFailed,
            ExitCode::BadInput,
            ExitCode::Service,
            ExitCode::TimedOut,
            ExitCode::RunTimedOut,
            ExitCode::NotRun,
            ExitCode::Cancelled,
        ] {
            for page in pages {
                assert!(page.contains(&format!("\n| {} | ", code.number())), "no row for {code:?}");
            }
        }
    }
}
