//! Phases only go forward. Several parts of the program look at a task and tell its phase, and one of them may have
//! looked earlier than the one that told before it: ECS calls a task that is being stopped RUNNING for a while.

use std::collections::HashMap;

use super::TaskPhase;
use crate::database_name::DatabaseName;

/// How far the task of each database is.
#[derive(Default)]
pub(super) struct Phases(HashMap<DatabaseName, TaskPhase>);

impl Phases {
    /// Takes note of a phase, and returns whether it is news: it is a later one than before, or another task is
    /// queued.
    pub(super) fn advance(&mut self, names: &[DatabaseName], phase: TaskPhase) -> bool {
        let mut is_news = false;
        for name in names {
            let known = self.0.get(name).copied();
            if known.is_none_or(|known| phase > known || (phase == TaskPhase::Queued && known != phase)) {
                self.0.insert(name.clone(), phase);
                is_news = true;
            }
        }
        is_news
    }

    /// Takes note that a database is judged: a phase of its task is not news any more, unless another one is queued.
    pub(super) fn judged(&mut self, name: &DatabaseName) {
        self.0.insert(name.clone(), TaskPhase::Reading);
    }
}

#[cfg(test)]
mod tests {
    use super::TaskPhase::{Provisioning, Pulling, Queued, Running, Stopping};
    use super::*;

    fn shown(told: &[TaskPhase]) -> Vec<TaskPhase> {
        let mut phases = Phases::default();
        told.iter().copied().filter(|phase| phases.advance(&["shop".into()], *phase)).collect()
    }

    #[test]
    fn a_phase_that_was_left_is_not_shown_again() {
        for (told, seen) in [
            (
                vec![Queued, Provisioning, Pulling, Running, Stopping],
                vec![Queued, Provisioning, Pulling, Running, Stopping],
            ),
            (vec![Running, Stopping, Running, Stopping], vec![Running, Stopping]),
            (vec![Queued, Queued, Running, Provisioning, Pulling, Running], vec![Queued, Running]),
            (vec![Stopping, Provisioning, Pulling, Running], vec![Stopping]),
            // A retry: another task, from the beginning.
            (
                vec![Running, Stopping, Running, Queued, Provisioning, Running, Stopping, Running],
                vec![Running, Stopping, Queued, Provisioning, Running, Stopping],
            ),
            (vec![Queued, Running, Queued, Queued, Running], vec![Queued, Running, Queued, Running]),
        ] {
            assert_eq!(shown(&told), seen, "{told:?}");
        }
    }

    #[test]
    fn every_order_of_the_phases_of_one_task_is_shown_as_a_rise() {
        const ALL: [TaskPhase; 4] = [Provisioning, Pulling, Running, Stopping];
        for number in 0..ALL.len().pow(6) {
            let told: Vec<TaskPhase> =
                (0..6).map(|place| ALL[number / ALL.len().pow(place) % ALL.len()]).collect();
            let seen = shown(&told);
            assert!(seen.is_sorted_by(|one, next| one < next), "{told:?}: {seen:?}");
            assert_eq!(seen.first(), told.first());
            assert_eq!(seen.last(), told.iter().max());
        }
    }

    #[test]
    fn a_database_of_a_pack_can_be_behind_the_others_and_nothing_follows_a_verdict() {
        let mut phases = Phases::default();
        let (shop, both) = ([DatabaseName::from("shop")], ["shop".into(), "blog".into()]);
        assert!(phases.advance(&both, Running));
        assert!(phases.advance(&shop, Stopping));
        assert!(phases.advance(&both, Stopping), "blog was not there yet");
        assert!(!phases.advance(&both, Running));
        phases.judged(&"shop".into());
        assert!(!phases.advance(&shop, Stopping));
    }
}
