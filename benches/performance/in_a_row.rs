//! Databases one after the other, on a simulated clock at Fargate's pace: each task starts when the one before it is
//! judged, and not when that is STOPPED.

use crate::data::{InARow, Rounds};
use crate::world::{Shape, World, simulate};

const DATABASES: usize = 10;
/// Each with other lengths of a task's phases.
const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

pub fn measure() -> InARow {
    let (makespan, saved) = SEEDS.map(simulated).into_iter().unzip();
    InARow { databases: DATABASES, makespan: Rounds(makespan), saved: Rounds(saved) }
}

/// Seconds of the run, and how many more it had taken if it had waited for STOPPED each time.
fn simulated(seed: u64) -> (f64, f64) {
    simulate(seed, async || {
        let world = World::new(Shape { databases: DATABASES, seed, ..Shape::default() });
        let ran = world.migrate(&["--max-parallel=1"]).await;
        let ended = world.sandbox.now() as f64 / 1000.0;
        assert_eq!(ran.migrated(), DATABASES, "{:?}", ran.verdicts());
        world.all_stopped().await;
        let lives = world.lives();
        let mut created: Vec<f64> = lives.iter().map(|life| life.created).collect();
        let mut stopped: Vec<f64> = lives.iter().filter_map(|life| life.stopped).collect();
        assert_eq!((created.len(), stopped.len()), (DATABASES, DATABASES), "one task each");
        created.sort_by(f64::total_cmp);
        stopped.sort_by(f64::total_cmp);
        let next = created.into_iter().skip(1).chain([ended]);
        (ran.took.as_secs_f64(), stopped.into_iter().zip(next).map(|(stopped, next)| stopped - next).sum())
    })
}
