//! What a person can fix: what happened, to which resource, how to fix it, and the exit code that says so.
//!
//! Anything else is a bug or an unforeseen answer; it travels as a plain `anyhow` error and ends with
//! [`ExitCode::Service`].

use std::fmt;

/// How a run ends. The numbers are part of the contract (README, "Exit codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Every database asked for is proved migrated, or the plan was printed.
    Done = 0,
    /// A migration ran and is not proved: it failed, was killed, or migrated another database.
    MigrationFailed = 1,
    /// The input or the configuration is wrong. Nothing was changed.
    BadInput = 2,
    /// AWS, Docker or GitHub failed us, or a task never started.
    Service = 3,
    /// A migration was still running when `--timeout` ended.
    TimedOut = 4,
    /// The run was interrupted by SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    Cancelled = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
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
    /// Try again: a server error, no answer, or another caller that did the same in this moment.
    TryAgain,
    /// Try again, and less often: AWS has served the callers of this account as often as it does in this time. The call
    /// had no effect.
    SlowDown,
    /// Use the image that another push has put under the tag.
    UseTag,
}

impl Failure {
    /// The input or the configuration is wrong and nothing was changed.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ExitCode::BadInput, message)
    }

    /// AWS, Docker or GitHub failed us.
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

    /// Message and hint, for a note.
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

    /// The same failure, with what was being done before its message.
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

    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.recourse, Recourse::TryAgain | Recourse::SlowDown)
    }

    /// Whether AWS refused the call because there were too many: it takes it later.
    pub fn is_throttled(&self) -> bool {
        self.recourse == Recourse::SlowDown
    }

    /// The failure in an error's chain, wherever context was added around it.
    pub fn find(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }

    /// Any error as a failure: one that nobody foresaw keeps its whole chain.
    pub fn from_error(error: &anyhow::Error) -> Self {
        Self::find(error).cloned().unwrap_or_else(|| Self::service(format!("{error:#}")))
    }
}

/// Whether AWS refused the call because there were too many: it takes it later.
pub(crate) fn is_throttled(error: &anyhow::Error) -> bool {
    Failure::find(error).is_some_and(Failure::is_throttled)
}

/// Whether the same call may succeed a little later.
pub(crate) fn is_transient(error: &anyhow::Error) -> bool {
    Failure::find(error).is_some_and(Failure::is_transient)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// `names` as a hint lists them: at most ten, sorted, with a count of the rest.
pub(crate) fn listed(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 10;
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    let rest = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if rest == 0 { shown } else { format!("{shown} and {rest} more") }
}

/// A hint at the name that was probably meant, if one is near enough to be worth saying; else what there is to say.
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
