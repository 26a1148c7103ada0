//! The arithmetic of a rolling update: how many tasks are started and stopped now.

use serde_json::Value;

/// How many tasks a service may and must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub desired: u64,
    /// That have to be healthy: minimumHealthyPercent, rounded up.
    pub least: u64,
    /// That may be RUNNING or PENDING: maximumPercent, rounded down.
    pub most: u64,
}

impl Bounds {
    pub fn new(desired: u64, configuration: &Value) -> Self {
        let percent = |member: &str, default| configuration[member].as_u64().unwrap_or(default);
        Self {
            desired,
            least: (desired * percent("minimumHealthyPercent", 100)).div_ceil(100),
            most: desired * percent("maximumPercent", 200) / 100,
        }
    }
}

/// The tasks that are to run: of the PRIMARY deployment, and of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub primary: u64,
    pub primary_healthy: u64,
    pub old: u64,
    pub old_healthy: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moves {
    /// Of the PRIMARY deployment.
    pub start: u64,
    pub stop_primary: u64,
    pub stop_old: u64,
    /// Nothing can move, and nothing is on its way.
    pub stuck: bool,
}

pub(super) fn moves(bounds: Bounds, tally: Tally) -> Moves {
    let wanted = bounds.desired.saturating_sub(tally.primary);
    let start = wanted.min(bounds.most.saturating_sub(tally.primary + tally.old));
    // A healthy new task stands in for an old one; without room for new tasks, old ones go first.
    let replaced = tally.old.saturating_sub(bounds.desired.saturating_sub(tally.primary_healthy));
    let in_the_way = wanted - start;
    let stop_old = replaced.max(in_the_way).min(spare(bounds, tally));
    let pending = tally.primary > tally.primary_healthy;
    Moves {
        start,
        stop_primary: tally.primary.saturating_sub(bounds.desired),
        stop_old,
        stuck: wanted > 0 && start == 0 && stop_old == 0 && !pending,
    }
}

/// Returns how many old tasks may go now, whatever is to take their place.
pub(super) fn spare(bounds: Bounds, tally: Tally) -> u64 {
    let unhealthy = tally.old - tally.old_healthy;
    let healthy = (tally.primary_healthy + tally.old_healthy).saturating_sub(bounds.least);
    tally.old.min(unhealthy + healthy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bounds(desired: u64, least: u64, most: u64) -> Bounds {
        Bounds::new(desired, &json!({ "minimumHealthyPercent": least, "maximumPercent": most }))
    }

    fn tally(primary: u64, primary_healthy: u64, old: u64, old_healthy: u64) -> Tally {
        Tally { primary, primary_healthy, old, old_healthy }
    }

    #[test]
    fn the_least_is_rounded_up_and_the_most_down() {
        assert_eq!(bounds(3, 50, 150), Bounds { desired: 3, least: 2, most: 4 });
        assert_eq!(Bounds::new(2, &json!({})), Bounds { desired: 2, least: 2, most: 4 });
    }

    #[test]
    fn defaults_start_all_new_tasks_and_stop_an_old_one_for_each_that_is_healthy() {
        let at = |tally| moves(bounds(4, 100, 200), tally);
        assert_eq!(at(tally(0, 0, 4, 4)), Moves { start: 4, ..Moves::default() });
        assert_eq!(at(tally(4, 0, 4, 4)), Moves::default());
        assert_eq!(at(tally(4, 1, 4, 4)), Moves { stop_old: 1, ..Moves::default() });
        assert_eq!(at(tally(4, 4, 3, 3)), Moves { stop_old: 3, ..Moves::default() });
    }

    #[test]
    fn without_room_old_tasks_are_stopped_first_as_far_as_the_minimum_lets() {
        let at = |tally| moves(bounds(4, 50, 100), tally);
        assert_eq!(at(tally(0, 0, 4, 4)), Moves { stop_old: 2, ..Moves::default() });
        assert_eq!(at(tally(0, 0, 2, 2)), Moves { start: 2, ..Moves::default() });
        assert_eq!(at(tally(2, 0, 2, 2)), Moves::default());
        assert_eq!(at(tally(2, 2, 2, 2)), Moves { stop_old: 2, ..Moves::default() });
        assert_eq!(at(tally(2, 2, 0, 0)), Moves { start: 2, ..Moves::default() });
    }

    #[test]
    fn a_minimum_and_a_maximum_of_all_can_never_move() {
        assert_eq!(moves(bounds(1, 100, 100), tally(0, 0, 1, 1)), Moves { stuck: true, ..Moves::default() });
        assert_eq!(moves(bounds(3, 90, 110), tally(0, 0, 3, 3)), Moves { stuck: true, ..Moves::default() });
        // An old task that is not healthy is nothing that the minimum protects.
        assert_eq!(moves(bounds(1, 100, 100), tally(0, 0, 1, 0)), Moves { stop_old: 1, ..Moves::default() });
        assert_eq!(moves(bounds(1, 0, 100), tally(0, 0, 1, 1)), Moves { stop_old: 1, ..Moves::default() });
    }

    #[test]
    fn a_smaller_desired_count_stops_tasks_and_none_is_left_for_zero() {
        assert_eq!(
            moves(bounds(1, 100, 200), tally(3, 3, 0, 0)),
            Moves { stop_primary: 2, ..Moves::default() }
        );
        assert_eq!(
            moves(bounds(0, 100, 200), tally(2, 2, 1, 1)),
            Moves { stop_primary: 2, stop_old: 1, ..Moves::default() }
        );
        assert_eq!(moves(bounds(0, 100, 200), tally(0, 0, 0, 0)), Moves::default());
    }
}
