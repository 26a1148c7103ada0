//! Two runs over the same databases, the second of which starts while the first is in its second hour: what the first
//! has still to do, the second has begun.

use std::time::Duration;

use sandbox::StandIn;
use sandbox::stand_in::{Ends, Migration, takes};

use crate::world::{Ran, Shape, World, simulate};

const DATABASES: usize = 24;
const MINUTE: Duration = Duration::from_secs(60);

/// Twenty minutes and some seconds for each database, so that six rounds take two hours.
fn image() -> StandIn {
    StandIn::new(4, |name| Migration::new(20 * MINUTE + takes(name), Ends::Migrated))
}

/// The first run, and the second one, which begins at the end of the list.
async fn both(world: &World, first: &[&str], names: &[String], second: &[&str]) -> (Ran, Ran) {
    let later = async {
        tokio::time::sleep(75 * MINUTE).await;
        world.migrate_these("second", names, second).await
    };
    let (first, second) = tokio::join!(world.migrate_as("first", first), later);
    assert_eq!(world.migrated_twice_at_once(), [""; 0], "{:?}", first.report.notes);
    assert_eq!(world.figures().throttled(), 0);
    (first, second)
}

fn counts<const N: usize>(words: [(&str, usize); N]) -> std::collections::BTreeMap<String, usize> {
    words.map(|(word, count)| (word.to_owned(), count)).into()
}

#[test]
fn a_run_meets_the_tasks_of_one_that_started_an_hour_later() {
    for (how, of_first, of_second) in [
        // The first finds all that it has left in the hands of the second, which has found one round of the first's.
        (
            "fail",
            counts([("already running", 8), ("migrated", 16)]),
            counts([("already running", 4), ("migrated", 20)]),
        ),
        ("wait", counts([("migrated", 24)]), counts([("migrated", 24)])),
        ("adopt", counts([("migrated", 24)]), counts([("migrated", 24)])),
    ] {
        simulate(1, async || {
            let world = World::new(Shape { databases: DATABASES, image: image(), ..Shape::default() });
            let on_running = format!("--on-running={how}");
            let names: Vec<String> = world.databases.iter().rev().cloned().collect();
            let flags = |lanes| [lanes, on_running.as_str(), "--keep-going", "--timeout=3h"];
            let (first, second) =
                both(&world, &flags("--max-parallel=4"), &names, &flags("--max-parallel=8")).await;
            assert_eq!(first.verdicts(), of_first, "{how}: {:#?}", first.report.notes);
            assert_eq!(second.verdicts(), of_second, "{how}: {:?}", second.report.notes);
            let theirs = |ran: &Ran| -> Vec<_> {
                let rows = ran.report.databases.iter().filter_map(|row| row.task_arn.clone());
                rows.collect()
            };
            let (ours, theirs) = (theirs(&first), theirs(&second));
            let shared = ours.iter().filter(|arn| theirs.contains(arn)).count();
            match how {
                "adopt" => assert!(shared >= 8, "{shared} tasks were adopted"),
                _ => assert_eq!(shared, 0, "{how}"),
            }
        });
    }
}

#[test]
fn packs_go_on_without_the_databases_that_another_run_migrates() {
    simulate(2, async || {
        let world = World::new(Shape { databases: DATABASES, image: image(), ..Shape::default() });
        // Every other one of those that the first has left.
        let names: Vec<String> = world.databases.iter().rev().step_by(2).take(4).cloned().collect();
        let flags = ["--max-parallel=2", "--databases-per-task=2", "--keep-going", "--timeout=3h"];
        let (first, second) = both(&world, &flags, &names, &flags).await;
        assert_eq!(second.verdicts(), counts([("migrated", 4)]));
        assert_eq!(first.verdicts(), counts([("already running", 4), ("migrated", 20)]));
        let beside = first.report.not_migrated().filter(|name| names.iter().any(|theirs| theirs == name));
        assert_eq!(beside.count(), 4);
    });
}
