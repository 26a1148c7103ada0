//! ECS's clock by this machine's: how long ago a time that ECS tells was.
//!
//! A time in an answer of ECS was over when the answer came. So each such time bounds how far ECS's clock is behind
//! this machine's at most, and the tightest bound of a task's own times holds for all of them, whatever this
//! machine's clock says and however late ECS tells them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::ports::Task;

#[derive(Debug)]
pub(super) struct EcsClock {
    began: Instant,
    /// The least of what was seen: the program's time, in milliseconds since `began`, less ECS's.
    least: Option<i64>,
}

impl EcsClock {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), least: None }
    }

    /// Takes note of a look at the task.
    pub(super) fn look(&mut self, task: &Task) {
        let now = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let times = [task.created_at, task.started_at, task.execution_stopped_at, task.stopped_at];
        let newest = times.into_iter().flatten().max();
        let seen = newest.map(|at| now.saturating_sub(at.as_millisecond()));
        self.least = self.least.into_iter().chain(seen).min();
    }

    /// Returns the latest instant that a time of ECS can be; `None` before ECS has told any.
    pub(super) fn latest(&self, time: Timestamp) -> Option<Instant> {
        let since_began = time.as_millisecond().saturating_add(self.least?);
        let distance = Duration::from_millis(since_began.unsigned_abs());
        let at = match since_began {
            0.. => self.began.checked_add(distance),
            // The machine itself may have started later.
            _ => self.began.checked_sub(distance).or(Some(self.began)),
        };
        at.map(|at| at.min(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(1_764_032_400 + second).ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_is_no_later_than_the_tightest_of_all_times_lets_it_be() {
        let began = Instant::now();
        let mut clock = EcsClock::new();
        assert_eq!(clock.latest(Timestamp::UNIX_EPOCH), None);
        // RunTask has answered 2 s after the task was created.
        tokio::time::advance(Duration::from_secs(2)).await;
        clock.look(&Task { created_at: at(0), ..Task::default() });
        // The container started at 40 s, and that is seen a second later.
        tokio::time::advance(Duration::from_secs(39)).await;
        let running = Task { created_at: at(0), started_at: at(40), ..Task::default() };
        clock.look(&running);
        // It ended at 60 s, and that is seen ten seconds later.
        tokio::time::advance(Duration::from_secs(29)).await;
        let ended = at(60).expect("a time");
        clock.look(&Task { execution_stopped_at: Some(ended), ..running });
        assert_eq!(clock.latest(ended), Some(began + Duration::from_secs(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_met_at_its_end_has_ended_when_that_is_seen_at_the_latest() {
        let mut clock = EcsClock::new();
        let ended = at(60).expect("a time");
        clock.look(&Task { created_at: at(0), execution_stopped_at: Some(ended), ..Task::default() });
        assert_eq!(clock.latest(ended), Some(Instant::now()));
        assert!(clock.latest(Timestamp::UNIX_EPOCH).expect("a bound") <= Instant::now());
    }
}
