//! What a person sees while a run goes on: bars on a terminal, timestamped plain lines elsewhere.

/// Where a database's migration task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Queued,
    Provisioning,
    Pulling,
    Running,
    Stopping,
}

/// The one sink of everything that is shown while a run goes on.
pub struct Progress {}

impl Progress {
    /// Shows nothing.
    pub fn silent() -> Self {
        Self {}
    }

    /// A step begins, such as "build image".
    pub fn step(&self, _title: &str) {}

    /// A line that a build printed.
    pub fn build_line(&self, _line: &str) {}

    /// A push has sent `done` of `total` bytes.
    pub fn pushed(&self, _done: u64, _total: u64) {}

    /// Something worth saying once.
    pub fn note(&self, _text: &str) {}
}
