//! What an operation is handed.

use crate::adapters::github::GitHub;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::recorder::Recorder;

/// The surroundings of an operation: `W` is the outside world, as far as it may be used; `R` is the report.
#[derive(Clone, Copy)]
pub struct Session<'a, W, R> {
    pub world: W,
    pub progress: &'a Progress,
    pub interrupt: &'a Interrupt,
    pub recorder: &'a Recorder<'a, R>,
    /// Absent when nothing says that a runner of GitHub Actions has started this process.
    pub github: Option<&'a GitHub>,
}

impl<'a, W, R> Session<'a, W, R> {
    /// Returns the same session with another world.
    pub fn on<V>(&self, world: V) -> Session<'a, V, R> {
        let Self { progress, interrupt, recorder, github, .. } = *self;
        Session { world, progress, interrupt, recorder, github }
    }
}
