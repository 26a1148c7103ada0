//! How fast GitHub lets content be created.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The most requests in any such span. GitHub documents 80 a minute and 500 an hour for requests that create content,
/// over all programs with the same token, and asks those that make many to leave a second between them ("Rate limits
/// for the REST API", "Best practices for using the REST API"). A small run is through at once.
const LIMITS: [(usize, Duration); 2] = [(10, Duration::from_secs(10)), (500, Duration::from_secs(3600))];

/// When requests were sent.
#[derive(Default)]
pub(super) struct Pace(VecDeque<Instant>);

impl Pace {
    /// Returns when the next request may go: `now`, or later.
    pub(super) fn next(&self, now: Instant) -> Instant {
        LIMITS
            .iter()
            .filter_map(|(count, span)| Some(*self.0.get(self.0.len().checked_sub(*count)?)? + *span))
            .fold(now, Instant::max)
    }

    /// Counts a request that is sent now.
    pub(super) fn take(&mut self, now: Instant) {
        self.0.push_back(now);
        if self.0.len() > 500 {
            self.0.pop_front();
        }
    }
}
