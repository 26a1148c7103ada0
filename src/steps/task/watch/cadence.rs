//! Cadence: when a task is worth another look.
//!
//! A task takes its time to start, and after its container has ended it is DEACTIVATING, STOPPING and DEPROVISIONING
//! for some ten seconds. So a look now and then sees the end coming, and only its last seconds count.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::ports::{Task, TaskStatus};

/// A new task is looked at after this time.
const SOON: Duration = Duration::from_secs(1);
/// A task that may stop at any moment is looked at this often: half of it, on average, is how late its end is seen.
const STOPS: Duration = Duration::from_millis(1_200);
/// The longest time without a look: what goes by between a container's end and its task's, less rarely than more.
const MAX_GAP: Duration = Duration::from_secs(12);
/// The longest time before it is known that a task gets anywhere.
const MAX_START_GAP: Duration = Duration::from_secs(15);
/// The longest time without a look at several tasks: a lane that is free waits for it.
const MAX_FLEET_GAP: Duration = Duration::from_secs(5);
/// The network of a task is taken down in no less than a sixth of the time that its start took, and Fargate takes eight
/// seconds at least: until then nothing is to be seen.
const END_OF_START: u32 = 6;
const LONGEST_QUIET: Duration = Duration::from_millis(7_500);
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
pub(super) struct Cadence {
    took: VecDeque<Duration>,
}

impl Cadence {
    pub(super) fn ended_after(&mut self, took: Duration) {
        self.took.push_back(took);
        if self.took.len() > REMEMBERED {
            self.took.pop_front();
        }
    }

    /// The time between two looks with so many tasks under way: about one look for each end.
    pub(super) fn between_looks(&self, tasks: usize) -> Duration {
        if tasks <= FEW {
            return SOON;
        }
        let expected = self.expected();
        let one_end = expected / u32::try_from(tasks).unwrap_or(u32::MAX);
        one_end.min(expected / LATE).clamp(SOON, MAX_FLEET_GAP)
    }

    /// The median.
    fn expected(&self) -> Duration {
        let mut took: Vec<Duration> = self.took.iter().copied().collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or(EXPECTED)
    }
}

/// How long a task of this age can be left alone.
pub(super) fn after(task: &Task, age: Duration) -> Duration {
    match task.last_status {
        TaskStatus::Provisioning | TaskStatus::Pending => (age * 4).clamp(SOON, MAX_START_GAP),
        TaskStatus::Deactivating | TaskStatus::Stopping | TaskStatus::Deprovisioning => {
            until_it_may_stop(task, age).max(STOPS)
        }
        _ => (age / 2).clamp(SOON, MAX_GAP),
    }
}

/// By ECS's own times: `createdAt` is when the task was of age zero, whatever this machine's clock says. One that others
/// have started is older than we know, and so the wait has a bound.
fn until_it_may_stop(task: &Task, age: Duration) -> Duration {
    let since_created = |at: Option<Timestamp>| Duration::try_from(at?.duration_since(task.created_at?)).ok();
    let start = since_created(task.started_at).unwrap_or_default();
    // Not there yet while containers are being stopped: they are the first thing to end.
    let ended = since_created(task.execution_stopped_at).unwrap_or(age);
    let quiet = (start / END_OF_START).min(LONGEST_QUIET);
    (ended + quiet).saturating_sub(age).min(quiet)
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
        assert_eq!(after(&task("PROVISIONING"), seconds(0)), SOON);
        assert_eq!(after(&task("PENDING"), seconds(2)), seconds(8));
        assert_eq!(after(&task("PENDING"), seconds(20)), MAX_START_GAP);
        assert_eq!(after(&task("ACTIVATING"), seconds(8)), seconds(4));
        assert_eq!(after(&task("RUNNING"), seconds(600)), MAX_GAP);
        assert_eq!(after(&task("DEPROVISIONING"), seconds(600)), STOPS);
    }

    #[test]
    fn the_end_of_a_task_takes_the_longer_the_longer_its_start_took() {
        let at = |seconds: i64| Some(Timestamp::from_second(1_764_032_400 + seconds).unwrap());
        let ends = |started, stopped, age: u64| {
            let task = Task {
                last_status: "DEPROVISIONING".into(),
                created_at: at(0),
                started_at: started,
                execution_stopped_at: stopped,
                ..Task::default()
            };
            after(&task, Duration::from_millis(age))
        };
        assert_eq!(ends(at(30), at(60), 62_000), seconds(3));
        assert_eq!(ends(at(90), at(120), 120_000), LONGEST_QUIET, "a slow start says little of the end");
        assert_eq!(ends(at(30), at(60), 64_900), STOPS);
        assert_eq!(ends(at(3), at(6), 6_500), STOPS, "nothing like Fargate");
        assert_eq!(ends(at(30), at(600), 2_000), seconds(5), "others have started it long before");
        assert_eq!(ends(None, None, 20_000), STOPS, "it never started");
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
        assert_eq!(cadence.between_looks(24), MAX_FLEET_GAP);
        assert_eq!(cadence.took.len(), REMEMBERED);
    }
}
