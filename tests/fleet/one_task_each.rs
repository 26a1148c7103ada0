use std::collections::BTreeMap;
use std::time::Duration;

use crate::floor;
use crate::world::{Life, Ran, Shape, World, simulate};

/// What a run of a thousand and more has to keep to, besides that every database is migrated, by one task.
struct Cost {
    /// Of the makespan over its floor.
    ratio: f64,
    /// Of calls beyond its RunTask, for each database.
    calls: f64,
}

/// Prints what a run took.
async fn cost(world: &World, ran: &Ran, real: std::time::Instant) -> Cost {
    world.all_stopped().await;
    let lives = world.lives();
    let floor = floor::seconds(&floor::lengths(&lives), world.slots());
    let (took, figures) = (ran.took.as_secs_f64(), world.figures());
    let beyond = figures.total_calls() - figures.calls_of("ecs:RunTask");
    let cost = Cost { ratio: took / floor, calls: beyond as f64 / world.databases.len() as f64 };
    println!(
        "{} databases on {} slots: {took:.0} s of AWS, {:.3} x the floor of {floor:.0} s, {:.2} calls a database beyond \
         RunTask, {} throttled, {:.1} s here\n{figures}",
        world.databases.len(),
        world.slots(),
        cost.ratio,
        cost.calls,
        figures.throttled(),
        real.elapsed().as_secs_f64(),
    );
    cost
}

/// All databases in as many lanes as the account has slots, at the default share of its API; in at most `ratio` of the
/// floor.
fn goals(shape: Shape, ratio: f64) -> Cost {
    let real = std::time::Instant::now();
    simulate(1, async || {
        let world = World::new(shape);
        let (databases, slots) = (world.databases.len(), world.slots());
        let ran = world.migrate(&[&format!("--max-parallel={slots}")]).await;
        let cost = cost(&world, &ran, real).await;
        assert_eq!(ran.migrated(), databases, "{:?}", ran.verdicts());
        assert_eq!(world.migrated_twice_at_once(), [""; 0]);
        let figures = world.figures();
        assert_eq!(figures.tasks.started, databases);
        assert!(figures.tasks.peak <= slots, "{} at a time", figures.tasks.peak);
        assert_eq!(figures.throttled(), 0, "others draw on the account's buckets as well");
        assert!(cost.ratio <= ratio, "{} times the floor", cost.ratio);
        assert!(cost.calls <= 3.0, "{} calls a database", cost.calls);
        cost
    })
}

/// Ten times the slots: filling them at our half of the launch rate is felt.
#[test]
fn a_larger_account_is_used_as_well() {
    goals(Shape { databases: 1_000, vcpus: 62.5, ..Shape::default() }, 1.10);
}

/// Within the quotas of a new account.
#[test]
fn a_thousand_databases_are_migrated_and_five_thousand_cost_no_more_calls_each() {
    let thousand = goals(Shape { databases: 1_000, ..Shape::default() }, 1.05);
    let five = goals(Shape { databases: 5_000, ..Shape::default() }, 1.05);
    assert!(five.calls <= thousand.calls, "{} and {} calls a database", five.calls, thousand.calls);
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
            world.all_stopped().await;
            let lives = world.lives().into_iter();
            let length = |life: Life| life.stopped.map(|stopped| ((stopped - life.created) * 1000.0).round());
            lives.map(|life| (life.databases.clone(), length(life))).collect::<BTreeMap<_, _>>()
        })
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// A log that could not be read for long would leave a migration without its proof.
#[test]
fn a_neighbour_that_takes_most_of_every_bucket_ends_no_migration() {
    for (seed, databases, vcpus) in
        [(1, 100, 6.0), (2, 100, 6.0), (3, 300, 62.5), (4, 300, 62.5), (5, 300, 25.0)]
    {
        let real = std::time::Instant::now();
        simulate(seed, async || {
            let world = World::new(Shape { databases, seed, vcpus, neighbour: 0.8, ..Shape::default() });
            let lanes = format!("--max-parallel={}", world.slots());
            let ran = world.migrate(&[&lanes, "--keep-going"]).await;
            cost(&world, &ran, real).await;
            assert!(world.figures().throttled() > 0);
            assert_eq!(ran.migrated(), databases, "{:?}\n{:?}", ran.verdicts(), ran.report.notes);
            assert_eq!(world.migrated_twice_at_once(), [""; 0]);
        });
    }
}

/// No answer for ten minutes: nothing can be launched, seen or read, and that proves nothing about any task.
#[test]
fn a_neighbour_that_takes_everything_for_a_while_ends_no_migration() {
    for seed in 1..=3 {
        simulate(seed, async || {
            let world = World::new(Shape { seed, ..Shape::default() });
            let neighbour = async {
                tokio::time::sleep(Duration::from_secs(60 + 20 * seed)).await;
                world.sandbox.set_neighbour(1.0);
                tokio::time::sleep(Duration::from_secs(600)).await;
                world.sandbox.set_neighbour(0.8);
            };
            let (ran, ()) = tokio::join!(world.migrate(&["--max-parallel=24", "--keep-going"]), neighbour);
            assert!(ran.took > Duration::from_secs(600));
            assert_eq!(ran.migrated(), 100, "{:?}\n{:#?}", ran.verdicts(), ran.report.notes);
            assert_eq!(world.migrated_twice_at_once(), [""; 0]);
        });
    }
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
