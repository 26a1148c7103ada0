use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sandbox::Script;

use crate::support::{FINTECH, HEALTH, PROD, World, database, migrates};

const THREE: [&str; 6] = ["--database", PROD, "--database", HEALTH, "--database", FINTECH];

/// Waits until `holds`, as long as a slow machine needs.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn running(world: &World) -> usize {
    world.sandbox.tasks().iter().filter(|task| task["lastStatus"] == "RUNNING").count()
}

fn state(world: &World) -> String {
    format!("--state={}", world.directory.path().join("state.jsonl").display())
}

fn recorded(world: &World) -> String {
    std::fs::read_to_string(world.directory.path().join("state.jsonl")).unwrap_or_default()
}

#[tokio::test]
async fn a_run_that_was_killed_is_gone_on_with() {
    let world = World::new().await;
    world.program(|context| match database(context) {
        name if name == HEALTH => {
            Script::new().sleep(Duration::from_secs(6)).line(crate::support::report(&name))
        }
        name => migrates(name),
    });
    let state = state(&world);
    let flags = [THREE.as_slice(), &[&state]].concat();
    let run = world.migrate(&flags).spawn();
    until("the second task", || running(&world) == 1 && recorded(&world).contains("\"verdict\"")).await;
    run.signal(Signal::SIGKILL);
    run.finish().await.exits(-1);

    let resume = [flags.as_slice(), &["--resume"]].concat();
    let before = recorded(&world);
    let plan = world.migrate(&[resume.as_slice(), &["--plan"]].concat()).finish().await;
    plan.exits(0)
        .says("1 database proved migrated by an earlier run, and skipped; 1 database begun, and followed")
        .says(&format!("No RunTask for {HEALTH}: task arn:aws:ecs:"))
        .says(&format!("RunTask for {FINTECH}"));
    assert_eq!(recorded(&world), before, "a plan writes nothing");

    let run = world.migrate(&[resume.as_slice(), &["--format=json"]].concat()).in_actions().finish().await;
    run.exits(0);
    assert_eq!(world.called("RunTask"), 3, "one for each, in both runs together");
    assert!(run.row(PROD)["proved_by_earlier_run_at"].is_string(), "{}", run.row(PROD));
    assert_eq!(run.row(PROD)["migration_report"]["tables"], 57);
    for name in [HEALTH, FINTECH] {
        assert!(run.row(name).get("proved_by_earlier_run_at").is_none(), "{}", run.row(name));
        assert_eq!(run.verdict(name), "migrated");
    }
    assert!(run.summary.contains("by an earlier run"), "{}", run.summary);
    assert_eq!(world.inputs("RegisterTaskDefinition").len(), 1, "both run the same revision");

    let run = world.migrate(&resume).finish().await;
    run.exits(0).says("3 of 3 databases proved migrated").says("proved by an earlier run at");
    assert_eq!(world.called("RunTask"), 3);
}

#[tokio::test]
async fn what_an_interrupted_run_has_stopped_is_started_again() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let state = state(&world);
    let run = world.migrate(&["--database", PROD, &state]).spawn();
    until("a running task", || running(&world) == 1).await;
    run.signal(Signal::SIGINT);
    run.finish().await.exits(130);
    world.program(|context| migrates(database(context)));
    // Its task may still be ending: a new run may not start beside it.
    let run = world.migrate(&["--database", PROD, &state]).finish().await;
    run.exits(2).says("may still migrate startupwebapp_prod").says("add --resume");
    world.migrate(&["--database", PROD, &state, "--resume"]).finish().await.exits(0);
    assert_eq!(world.called("RunTask"), 2);
    world.migrate(&["--database", PROD, &state]).finish().await.exits(0);
    assert_eq!(world.called("RunTask"), 3, "without --resume it is another run");
}

#[tokio::test]
async fn only_what_failed_runs_again() {
    let world = World::new().await;
    world.program(|context| match database(context) {
        name if name == HEALTH => Script::new().line("error: relation exists").exit(1),
        name => migrates(name),
    });
    let state = state(&world);
    let flags = [THREE.as_slice(), &[&state, "--format=json"]].concat();
    let run = world.migrate(&[flags.as_slice(), &["--keep-going"]].concat()).finish().await;
    run.exits(1);
    world.program(|context| migrates(database(context)));
    let again = [flags.as_slice(), &["--resume", "--only-failed"]].concat();
    let run = world.migrate(&again).finish().await;
    run.exits(0).says("--only-failed leaves out 2 of 3 databases: 2 migrated, 0 never ran");
    assert_eq!(run.result()["databases"].as_array().map(Vec::len), Some(1));
    assert_eq!(run.verdict(HEALTH), "migrated");
    assert_eq!((world.called("RunTask"), world.called("RegisterTaskDefinition")), (4, 1));
    let run = world.migrate(&again).finish().await;
    run.exits(2).says("no database has failed").says("3 migrated, 0 never ran").says("nothing left to do");
    assert_eq!(world.called("RunTask"), 4);
}

#[tokio::test]
async fn a_state_file_is_for_one_process() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let state = state(&world);
    let first = world.migrate(&["--database", PROD, &state]).spawn();
    until("a running task", || running(&world) == 1).await;
    let before = recorded(&world);
    for more in [&[][..], &["--resume"], &["--resume", "--plan"]] {
        let run = world.migrate(&[&["--database", HEALTH, state.as_str()], more].concat()).finish().await;
        run.exits(2).says("is in use by another run");
    }
    assert_eq!((world.called("RunTask"), recorded(&world)), (1, before));
    first.signal(Signal::SIGKILL);
    first.finish().await;
}

#[tokio::test]
async fn a_state_file_of_something_else_changes_nothing() {
    let world = World::new().await;
    world.sandbox.create_cluster("another");
    let state = state(&world);
    let run = |more: &[&str]| {
        let flags = ["--database", PROD].into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
        world.migrate(&flags).finish()
    };
    run(&["--resume"]).await.exits(2).says("--resume without --state");
    run(&["--only-failed", &state]).await.exits(2).says("--only-failed without --resume");
    run(&["--resume", &state]).await.exits(2).says("does not exist");
    assert_eq!(world.called("RunTask"), 0);

    run(&[&state]).await.exits(0);
    let before = recorded(&world);
    let (tasks, revisions) = (world.called("RunTask"), world.called("RegisterTaskDefinition"));
    let elsewhere = ["migrate", "--cluster=another", "--task-definition", sandbox::seed::TASK_FAMILY];
    let elsewhere = [elsewhere.as_slice(), &["--image", crate::support::IMAGE, "--subnets"]].concat();
    let elsewhere = [elsewhere.as_slice(), &[sandbox::seed::SUBNETS, "--database", PROD, &state]].concat();
    for more in [&["--resume"][..], &[]] {
        let run = world.command(&[elsewhere.as_slice(), more].concat()).finish().await;
        run.exits(2).says("was written for cluster startupwebapp-cluster, but this run uses another");
    }
    let other = run(&[&state, "--resume", "--database-variable=DATABASE"]).await;
    other.exits(2).says("was written for database variable DATABASE_NAME, but this run uses DATABASE");
    assert_eq!(recorded(&world), before);
    std::fs::write(world.directory.path().join("state.jsonl"), "surprise\n").expect("write");
    run(&[&state, "--resume"]).await.exits(2).says("line 1 of state file");
    assert_eq!((world.called("RunTask"), world.called("RegisterTaskDefinition")), (tasks, revisions));
}
