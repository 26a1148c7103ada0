//! What a launcher that knew everything would take: it starts the next task the moment a slot and a launch are free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::world::Life;

/// Fargate's launches: burst, and a second.
const LAUNCHES: (usize, f64) = (100, 20.0);

/// Seconds from the first launch to the end of the last task, for tasks of these lengths in this order.
pub fn seconds(lengths: &[f64], slots: usize) -> f64 {
    let mut free: BinaryHeap<Reverse<Milliseconds>> = (0..slots).map(|_| Reverse(0)).collect();
    let ends = lengths.iter().enumerate().map(|(index, length)| {
        let Reverse(slot) = free.pop().unwrap_or_default();
        let launch = milliseconds(index.saturating_sub(LAUNCHES.0 - 1) as f64 / LAUNCHES.1);
        let end = slot.max(launch) + milliseconds(*length);
        free.push(Reverse(end));
        end
    });
    ends.max().unwrap_or_default() as f64 / 1000.0
}

/// The lengths of tasks that have stopped, in the order in which they were created.
pub fn lengths(lives: &[Life]) -> Vec<f64> {
    lives.iter().filter_map(|life| Some(life.stopped? - life.created)).collect()
}

type Milliseconds = u64;

fn milliseconds(seconds: f64) -> Milliseconds {
    (seconds * 1000.0).round() as Milliseconds
}

#[test]
fn the_floor_is_bound_by_slots_or_by_launches() {
    assert!((seconds(&[10.0; 48], 24) - 20.0).abs() < 1e-9);
    assert!((seconds(&[10.0; 25], 24) - 20.0).abs() < 1e-9);
    // 900 more than the burst at 20 a second, then the last task's own time.
    assert!((seconds(&[10.0; 1000], 1000) - (900.0 / 20.0 + 10.0 + 0.05)).abs() < 0.11);
}
