use std::collections::BTreeMap;
use std::time::Duration;

use crate::floor;
use crate::world::{Life, Ran, Shape, World, simulate};

/// Prints what a run took; answers how often its floor that is.
fn print(world: &World, ran: &Ran, real: std::time::Instant) -> f64 {
    let lives = world.lives();
    let floor = floor::seconds(&floor::lengths(&lives), world.slots());
    let (took, figures) = (ran.took.as_secs_f64(), world.figures());
    println!(
        "{} databases: {took:.0} s of AWS, {:.3} x the floor of {floor:.0} s, {:.2} calls a database, {} throttled, {:.1} s \
         here\n{figures}",
        world.databases.len(),
        took / floor,
        figures.total_calls() as f64 / world.databases.len() as f64,
        figures.throttled(),
        real.elapsed().as_secs_f64(),
    );
    took / floor
}

#[test]
fn a_thousand_databases_are_migrated_within_the_quotas_of_a_new_account() {
    let real = std::time::Instant::now();
    simulate(1, async || {
        let world = World::new(Shape { databases: 1_000, ..Shape::default() });
        let ran = world.migrate(&["--max-parallel=24"]).await;
        print(&world, &ran, real);
        assert_eq!(ran.migrated(), 1_000, "{:?}", ran.verdicts());
        assert_eq!(world.migrated_twice_at_once(), [""; 0]);
        let tasks = world.figures().tasks;
        assert_eq!((tasks.started, tasks.peak), (1_000, 24));
    });
}

/// Which of two things that are due at the same instant comes first is tokio's dice, which has no seed. What a task
/// does has one, whatever the order is.
#[test]
fn a_seed_repeats_every_task() {
    let run = |seed| {
        simulate(seed, async || {
            let world = World::new(Shape { databases: 40, seed, ..Shape::default() });
            let ran = world.migrate(&["--max-parallel=24"]).await;
            assert_eq!(ran.migrated(), 40);
            let lives = world.lives().into_iter();
            let length = |life: Life| life.stopped.map(|stopped| ((stopped - life.created) * 1000.0).round());
            lives.map(|life| (life.databases.clone(), length(life))).collect::<BTreeMap<_, _>>()
        })
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_neighbour_that_takes_most_of_every_bucket_ends_no_migration() {
    let real = std::time::Instant::now();
    simulate(1, async || {
        let world = World::new(Shape { databases: 100, neighbour: 0.8, ..Shape::default() });
        let ran = world.migrate(&["--max-parallel=24", "--keep-going"]).await;
        print(&world, &ran, real);
        assert!(world.figures().throttled() > 0);
        // A log that was not readable for long leaves a migration without its proof.
        let others: Vec<_> = ran
            .verdicts()
            .into_keys()
            .filter(|word| !["migrated", "unproved"].contains(&word.as_str()))
            .collect();
        assert_eq!(others, [""; 0]);
        assert!(world.lives().iter().all(|life| life.ended.is_some()));
        assert_eq!(world.migrated_twice_at_once(), [""; 0]);
    });
}

/// What a killed run leaves is what another one meets: tasks that go on, and nobody who watches them.
#[test]
fn the_tasks_of_a_killed_run_go_on_without_it() {
    simulate(1, async || {
        let world = World::new(Shape { databases: 50, ..Shape::default() });
        let lives = Duration::from_secs(75);
        assert!(world.killed_after(lives, "fleet", &["--max-parallel=24"]).await.is_none());
        assert_eq!(world.now(), lives);
        let (at_death, calls) = (world.figures().tasks.started, world.figures().total_calls());
        assert!((24..50).contains(&at_death), "{at_death} had started");
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert!(world.lives().iter().all(|life| life.stopped.is_some()));
        assert_eq!((world.figures().tasks.started, world.figures().total_calls()), (at_death, calls));
    });
}
