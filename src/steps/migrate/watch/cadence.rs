//! Cadence: when a task is worth another look.
//!
//! A task takes its time to start, and after its container has ended it is DEACTIVATING, STOPPING and DEPROVISIONING
//! for some ten seconds. So a look now and then sees the end coming, and only then every second counts.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ports::Task;

/// A new task, and one that is about to stop, is looked at after this time.
const SOON: Duration = Duration::from_secs(1);
/// The longest time without a look: shorter than the phases between a container's end and its task's.
const MAX_GAP: Duration = Duration::from_secs(5);
/// What a task is expected to take before one has ended: Fargate's start and its end are most of it.
const EXPECTED: Duration = Duration::from_secs(60);
/// So many tasks at a time are worth a look every second: with more, each look brings more ends.
const FEW: usize = 4;
/// A look may come late by this part of what a task takes, and not by more: a lane is idle that long.
const LATE: u32 = 20;
/// Ended tasks that the expectation is made from.
const REMEMBERED: usize = 101;

/// How long tasks of this run take, and so how often it pays to look at all of them.
#[derive(Debug, Default)]
pub struct Cadence {
    took: VecDeque<Duration>,
}

impl Cadence {
    pub fn ended_after(&mut self, took: Duration) {
        self.took.push_back(took);
        if self.took.len() > REMEMBERED {
            self.took.pop_front();
        }
    }

    /// The time between two looks with so many tasks under way: about one look for each end.
    pub fn between_looks(&self, tasks: usize) -> Duration {
        if tasks <= FEW {
            return SOON;
        }
        let expected = self.expected();
        let one_end = expected / u32::try_from(tasks).unwrap_or(u32::MAX);
        one_end.min(expected / LATE).clamp(SOON, MAX_GAP)
    }

    /// The median.
    fn expected(&self) -> Duration {
        let mut took: Vec<Duration> = self.took.iter().copied().collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or(EXPECTED)
    }
}

/// How long a task of this age can be left alone.
pub fn after(task: &Task, age: Duration) -> Duration {
    match task.last_status.as_str() {
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" => SOON,
        _ => (age / 2).clamp(SOON, MAX_GAP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_task_that_can_not_have_ended_is_left_alone_and_one_that_ends_is_not() {
        let task = |status: &str| Task { last_status: status.into(), ..Task::default() };
        assert_eq!(after(&task("PROVISIONING"), seconds(0)), seconds(1));
        assert_eq!(after(&task("PENDING"), seconds(6)), seconds(3));
        assert_eq!(after(&task("RUNNING"), seconds(600)), MAX_GAP);
        assert_eq!(after(&task("DEPROVISIONING"), seconds(600)), seconds(1));
    }

    #[test]
    fn a_fleet_is_looked_at_about_once_for_each_end() {
        let mut cadence = Cadence::default();
        assert_eq!(cadence.between_looks(1), seconds(1));
        assert_eq!(cadence.between_looks(24), Duration::from_millis(2_500));
        assert_eq!(cadence.between_looks(5), seconds(3), "a lane is idle for a twentieth at most");
        assert_eq!(cadence.between_looks(600), seconds(1));
        for _ in 0..REMEMBERED + 9 {
            cadence.ended_after(seconds(600));
        }
        assert_eq!(cadence.between_looks(24), MAX_GAP);
        assert_eq!(cadence.took.len(), REMEMBERED);
    }
}
