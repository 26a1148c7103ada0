use std::time::Duration;

use sandbox::stand_in::{Ends, Migration, takes};
use sandbox::{Fault, StandIn, TaskFault};

use crate::world::{Ran, Shape, World, simulate};

/// An image in which migrations end as `ends` says of their databases, each within seconds.
fn image(ends: impl Fn(&str) -> Ends + Send + Sync + 'static) -> StandIn {
    StandIn::new(4, move |name| Migration::new(takes(name) / 20, ends(name)))
}

fn healthy() -> StandIn {
    image(|_| Ends::UpToDate)
}

/// Every database had a task, and none two at once.
fn each_was_run(world: &World, ran: &Ran) {
    assert_eq!(world.migrated_twice_at_once(), [""; 0]);
    assert!(ran.report.databases.iter().all(|row| row.task_arn.is_some()), "{:?}", ran.verdicts());
}

#[test]
fn a_thousand_databases_in_packs_cost_a_fifth_of_a_call_each() {
    simulate(1, async || {
        let world = World::new(Shape { databases: 1_000, image: healthy(), ..Shape::default() });
        let ran = world.migrate(&["--max-parallel=24", "--databases-per-task=auto"]).await;
        let figures = world.figures();
        let calls = figures.total_calls() as f64 / 1_000.0;
        println!("{calls:.3} calls a database, {:.0} s of AWS\n{figures}", ran.took.as_secs_f64());
        assert_eq!(ran.migrated(), 1_000, "{:?}", ran.verdicts());
        each_was_run(&world, &ran);
        assert_eq!((figures.tasks.started, figures.throttled()), (24, 0));
        assert!(calls <= 0.2, "{calls} calls a database");
        assert!(ran.took < Duration::from_secs(180), "{:?}", ran.took);
    });
}

/// The large tenants are neighbours in the list, and so in the packs of a run that knows nothing of them.
#[test]
fn what_a_state_file_knows_of_durations_balances_the_packs() {
    simulate(7, async || {
        let image = StandIn::new(1, |name| {
            let seconds = if name < "tenant_00020" { 60 } else { 1 };
            Migration::new(Duration::from_secs(seconds), Ends::UpToDate)
        });
        let world = World::new(Shape { databases: 200, image, ..Shape::default() });
        let directory = tempfile::tempdir().expect("a directory");
        let state = format!("--state={}", directory.path().join("state.jsonl").display());
        let flags = ["--max-parallel=10", "--databases-per-task=auto", &state];
        let first = world.migrate_as("first", &flags).await;
        let second = world.migrate_as("second", &flags).await;
        assert_eq!((first.migrated(), second.migrated()), (200, 200));
        assert_eq!(world.figures().tasks.started, 20);
        // Twenty minutes in one task, and two of them in each of ten.
        assert!(first.took > Duration::from_secs(20 * 60), "{:?}", first.took);
        assert!(second.took < Duration::from_secs(5 * 60), "{:?}", second.took);
    });
}

#[test]
fn a_container_that_dies_in_the_middle_costs_its_databases_nothing_but_time() {
    simulate(2, async || {
        let shape = Shape { databases: 300, image: healthy(), ..Shape::default() };
        let world = World::new(shape);
        let lost = TaskFault::SpotInterruption { after: Duration::from_secs(6) };
        world.sandbox.faults().push(Fault::task(lost).after(3));
        let ran = world.migrate(&["--max-parallel=10", "--databases-per-task=auto"]).await;
        assert_eq!(ran.migrated(), 300, "{:?}", ran.verdicts());
        each_was_run(&world, &ran);
        let again: Vec<_> = ran.report.databases.iter().filter(|row| !row.killed_tasks.is_empty()).collect();
        assert!((1..30).contains(&again.len()), "{} ran again", again.len());
        assert_eq!(world.figures().tasks.started, 11, "{:?}", ran.report.notes);
    });
}

#[test]
fn a_database_that_kills_its_container_every_time_is_the_only_one_that_is_left() {
    for exit_code in [137, 139] {
        simulate(3, async || {
            let poison = move |name: &str| match name {
                "tenant_00123" => Ends::Dies { exit_code },
                _ => Ends::Migrated,
            };
            let world = World::new(Shape { databases: 1_000, image: image(poison), ..Shape::default() });
            let flags = ["--max-parallel=24", "--databases-per-task=auto", "--max-failures=2"];
            let ran = world.migrate(&flags).await;
            assert_eq!(ran.report.not_migrated().collect::<Vec<_>>(), ["tenant_00123"]);
            each_was_run(&world, &ran);
            let row = &ran.report.databases[123];
            assert_eq!(row.killed_tasks.len(), 2, "{row:#?}");
            let most = world
                .lives()
                .iter()
                .filter(|life| life.databases.iter().any(|name| *name == *row.database))
                .count();
            assert_eq!(most, 3);
            let started = world.figures().tasks.started;
            println!("{started} tasks, {:.0} s of AWS", ran.took.as_secs_f64());
            assert!(started <= 24 + 2 * 7, "{started} tasks");
        });
    }
}

#[test]
fn failures_are_told_apart_from_their_neighbours() {
    simulate(4, async || {
        let some = |name: &str| match name.ends_with('7') {
            true => Ends::Failed { error: "relation already exists".into() },
            false => Ends::Migrated,
        };
        let world = World::new(Shape { databases: 200, image: image(some), ..Shape::default() });
        let ran = world.migrate(&["--max-parallel=8", "--databases-per-task=50", "--keep-going"]).await;
        assert_eq!(ran.verdicts(), [("failed".to_owned(), 20), ("migrated".to_owned(), 180)].into());
        assert_eq!(world.figures().tasks.started, 4, "what ended by itself is not run again");
        assert!(ran.report.not_migrated().all(|name| name.ends_with('7')));
    });
}

#[test]
fn a_canary_that_fails_keeps_all_packs_from_starting() {
    simulate(5, async || {
        let canary = |name: &str| match name {
            "tenant_00500" => Ends::Failed { error: "x".into() },
            _ => Ends::Migrated,
        };
        let world = World::new(Shape { databases: 1_000, image: image(canary), ..Shape::default() });
        let flags = [
            "--max-parallel=24",
            "--databases-per-task=auto",
            "--canary=tenant_00500,tenant_00501",
            "--keep-going",
        ];
        let ran = world.migrate(&flags).await;
        let expected = [("failed", 1), ("migrated", 1), ("not run", 998)];
        assert_eq!(ran.verdicts(), expected.map(|(word, count)| (word.to_owned(), count)).into());
        assert!(world.figures().tasks.started <= 2);
    });
}

#[test]
fn packs_wait_for_room_as_single_databases_do() {
    simulate(6, async || {
        // Eight slots for twenty tasks.
        let shape = Shape { databases: 400, vcpus: 2.0, image: healthy(), ..Shape::default() };
        let world = World::new(shape);
        let ran = world.migrate(&["--max-parallel=20", "--databases-per-task=20"]).await;
        assert_eq!(ran.migrated(), 400, "{:?}", ran.verdicts());
        each_was_run(&world, &ran);
        assert!(ran.report.databases.iter().any(|row| row.waited.is_some()));
        assert_eq!((world.figures().tasks.started, world.figures().tasks.peak), (20, 8));
    });
}

/// A run that is killed, and another process of the same job: no database twice at once, none left out.
#[test]
fn a_second_process_takes_up_the_packs_of_a_killed_one() {
    for lives in [15, 45, 60, 75, 100] {
        simulate(lives, async || {
            let world =
                World::new(Shape { databases: 400, seed: lives, image: healthy(), ..Shape::default() });
            let flags = ["--max-parallel=10", "--databases-per-task=20"];
            let first = world.killed_after(Duration::from_secs(lives), "fleet", &flags).await;
            assert!(first.is_none());
            let ran = world.migrate(&flags).await;
            assert_eq!(ran.migrated(), 400, "after {lives} s: {:?}", ran.verdicts());
            each_was_run(&world, &ran);
        });
    }
}

/// A database, then a hundred, then all: each stage is as wide as it says, and waits for the one before.
#[test]
fn a_thousand_databases_go_in_three_stages() {
    simulate(8, async || {
        let world = World::new(Shape { databases: 1_000, image: healthy(), ..Shape::default() });
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("rollout.yml");
        let stages = "rollout:\n- {name: one, databases: [tenant_00500], pause: 15m}\n- {name: some, databases: \
                      ['tenant_000??'], parallel: 5, databases-per-task: 20, pause: 1h}\n- {databases: [all], \
                      databases-per-task: auto, parallel: 24}\n";
        std::fs::write(&file, stages).expect("write it");
        let config = format!("--config={}", file.display());
        let ran = world.migrate(&[&config]).await;
        let figures = world.figures();
        assert_eq!(ran.migrated(), 1_000, "{:?}", ran.verdicts());
        each_was_run(&world, &ran);
        assert_eq!(figures.tasks.started, 1 + 5 + 24);
        let stage = |index: usize| ran.report.databases.iter().filter(move |row| row.stage == Some(index));
        assert_eq!([0, 1, 2].map(|index| stage(index).count()), [1, 100, 899]);
        let ends = |index| stage(index).filter_map(|row| row.times.ended).max().expect("an end");
        let begins = |index| stage(index).filter_map(|row| row.times.created).min().expect("a beginning");
        for (index, pause) in [(0, 15), (1, 60)] {
            let waited = begins(index + 1).duration_since(ends(index)).as_secs() / 60;
            assert!((pause..pause + 2).contains(&waited), "stage {index}: {waited} min");
        }
        assert!(ran.took < Duration::from_secs(80 * 60), "{:?}", ran.took);
    });
}
