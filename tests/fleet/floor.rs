//! What a launcher that knew everything would take: it starts the next task the moment a slot and a launch are free.
//! A slot is free when its task is STOPPED; a run is over when its last container has exited.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::world::Life;

/// Fargate's launches: burst, and a second.
const LAUNCHES: (usize, f64) = (100, 20.0);

/// How long a task lives, in seconds from its creation.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// To the end of its work.
    pub work: f64,
    /// Until it is STOPPED.
    pub whole: f64,
}

/// Seconds from the first launch to the last exit, for tasks of these lengths in this order.
pub fn seconds(lengths: &[Length], slots: usize) -> f64 {
    let mut free: BinaryHeap<Reverse<Milliseconds>> = (0..slots).map(|_| Reverse(0)).collect();
    let exits = lengths.iter().enumerate().map(|(index, length)| {
        let Reverse(slot) = free.pop().unwrap_or_default();
        let launch = milliseconds(index.saturating_sub(LAUNCHES.0 - 1) as f64 / LAUNCHES.1);
        let start = slot.max(launch);
        free.push(Reverse(start + milliseconds(length.whole)));
        start + milliseconds(length.work)
    });
    exits.max().unwrap_or_default() as f64 / 1000.0
}

/// The lengths of tasks, in the order in which they were created.
///
/// # Panics
/// When one of them is not STOPPED.
pub fn lengths(lives: &[Life]) -> Vec<Length> {
    let length = |life: &Life| {
        let stopped = life.stopped.expect("a task that is STOPPED");
        Length { work: life.end() - life.created, whole: stopped - life.created }
    };
    lives.iter().map(length).collect()
}

type Milliseconds = u64;

fn milliseconds(seconds: f64) -> Milliseconds {
    (seconds * 1000.0).round() as Milliseconds
}

#[test]
fn the_floor_is_bound_by_slots_or_by_launches() {
    let tasks = |count| vec![Length { work: 7.0, whole: 10.0 }; count];
    assert!((seconds(&tasks(24), 24) - 7.0).abs() < 1e-9);
    assert!((seconds(&tasks(48), 24) - 17.0).abs() < 1e-9);
    assert!((seconds(&tasks(25), 24) - 17.0).abs() < 1e-9);
    // 900 more than the burst at 20 a second, then the last task's own time.
    assert!((seconds(&tasks(1000), 1000) - (900.0 / 20.0 + 7.0 + 0.05)).abs() < 0.11);
}
