//! A database that somebody else's task migrates now.

use std::sync::Arc;

use super::fleet::run;
use super::world::{Life, REVISION};
use super::*;
use crate::plan::{RunningTask, Told};

const OTHER: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";

fn beside(world: &Fargate, flags: &[&str], revision: &str) -> Plan {
    let life = Life::of(&["shop"], false);
    world.tasks.borrow_mut().insert(OTHER.into(), life);
    let mut plan = plan(&[&["--database=shop"], flags].concat());
    plan.packs[0].running = Some(Arc::new(RunningTask {
        arn: OTHER.into(),
        task_definition: Some(revision.into()),
        started_by: Some("fargate-migrate/gha-1-1-migrate".into()),
        told: Told::One("shop".into()),
        ours: false,
    }));
    plan
}

#[tokio::test(start_paused = true)]
async fn its_end_is_waited_for_and_then_ours_runs() {
    let world = Fargate::running_for(MINUTE);
    let plan = beside(&world, &["--on-running=wait"], REVISION);
    let (report, took) = run(&world, &plan).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    assert_eq!(world.runs.get(), 1);
    assert!(took >= 2 * (START + MINUTE + END), "{took:?}");
    assert_ne!(report.databases[0].task_arn.as_deref(), Some(OTHER));
}

#[tokio::test(start_paused = true)]
async fn it_is_adopted_when_it_runs_the_same_revision_and_only_then() {
    for (revision, adopted) in [(REVISION, true), ("arn:aws:ecs:x:1:task-definition/t:2", false)] {
        let world = Fargate::running_for(MINUTE);
        let plan = beside(&world, &["--on-running=adopt"], revision);
        let (report, _) = run(&world, &plan).await;
        assert_eq!(verdict(&report).is_migrated(), adopted, "{report:#?}");
        assert_eq!(world.runs.get(), 0, "nothing runs beside it");
        if adopted {
            assert_eq!(report.databases[0].task_arn.as_deref(), Some(OTHER));
        } else {
            assert!(report.notes.iter().any(|note| note.contains("is not adopted")), "{:?}", report.notes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_task_is_not_ours_to_stop() {
    let world = Fargate::running_for(60 * MINUTE);
    let plan = beside(&world, &["--on-running=adopt", "--timeout=5m"], REVISION);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: false });
    assert!(world.stopped.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_word_it_is_a_failure() {
    let world = Fargate::running_for(MINUTE);
    let (report, _) = run(&world, &beside(&world, &[], REVISION)).await;
    assert!(matches!(verdict(&report), Verdict::AlreadyRunning { .. }));
    assert_eq!(world.runs.get(), 0);
}

/// Two databases, of which a task of somebody else migrates both, and a third one that is not ours.
fn beside_a_pack(world: &Fargate, flags: &[&str]) -> Plan {
    let told = ["shop", "blog", "other"];
    world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&told, true));
    let mut plan = plan(&[&["--database=shop,blog", "--max-parallel=2"], flags].concat());
    let running = Arc::new(RunningTask {
        arn: OTHER.into(),
        task_definition: Some(REVISION.into()),
        started_by: Some("fargate-migrate/gha-1-1-migrate".into()),
        told: Told::Pack(told.map(str::to_owned).to_vec()),
        ours: false,
    });
    for pack in &mut plan.packs {
        pack.running = Some(Arc::clone(&running));
    }
    plan
}

#[tokio::test(start_paused = true)]
async fn several_may_wait_for_the_end_of_one_pack() {
    let world = Fargate::running_for(MINUTE);
    let (report, took) = run(&world, &beside_a_pack(&world, &["--on-running=wait"])).await;
    assert_eq!((report.migrated().count(), world.runs.get()), (2, 2), "{report:#?}");
    assert!(took >= 2 * (START + MINUTE + END), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_adopted_pack_is_judged_by_its_reports_and_not_run_again() {
    let poison = [("blog".to_owned(), 137)].into();
    let world = Fargate { poison, ..Fargate::running_for(MINUTE) };
    let mut plan = beside_a_pack(&world, &["--on-running=adopt"]);
    let second = plan.packs.pop().expect("two packs");
    plan.packs[0].databases.extend(second.databases);
    let (report, _) = run(&world, &plan).await;
    let words: Vec<_> =
        report.databases.iter().filter_map(|row| Some(row.verdict.as_ref()?.word())).collect();
    assert_eq!((words, world.runs.get()), (vec!["migrated", "killed"], 0));
}
