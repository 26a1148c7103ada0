//! What is recorded, and what an earlier process of the run has begun.

use std::sync::Arc;

use super::world::{Life, REVISION};
use super::*;
use crate::plan::{Begun, Orders, RunningTask, Told};
use crate::state::FRESH;

#[tokio::test(start_paused = true)]
async fn what_can_not_be_recorded_is_not_started() {
    let world = Fargate::running_for(MINUTE);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let state = State::full(file.path());
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = recorded(&world, &plan(&["--database=shop"]), &never, (Some(&state), None)).await;
    assert!(matches!(verdict(&report), Verdict::NeverStarted { .. }), "{report:#?}");
    assert_eq!(world.runs.get(), 0);
    let error = report.error.expect("an error");
    assert!(error.message.starts_with("write to state file"), "{}", error.message);
    assert_eq!(error.exit_code, crate::failure::ExitCode::Service);
}

/// A token that was recorded names a task that was told another command, or other variables: an earlier process of the run
/// has begun it with other flags. It is not taken for ours, and nothing starts beside it.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_begun_with_something_else_is_waited_for_and_is_no_proof() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";
    const FIRST: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    for (flags, alike) in
        [(&[] as &[&str], true), (&["--command=app migrate --jobs 2"], false), (&["--env=MODE=wet"], false)]
    {
        let world = Fargate::running_for(5 * MINUTE);
        let started_by = settings(&["--database=shop"]).common.run.started_by;
        let life = Life { started_by, ..Life::of(&["shop"], false) };
        world.tasks.borrow_mut().insert(FIRST.into(), life);
        let mut plan = plan(&[&["--database=shop"], flags].concat());
        plan.packs[0].begun = Some(Begun::Call { token: TOKEN.into(), attempt: 0 });
        plan.packs[0].attempt = 1;
        let (report, took) = run(&world, &plan).await;
        assert!(verdict(&report).is_migrated(), "{report:#?}");
        let by_the_first = report.databases[0].task_arn.as_deref() == Some(FIRST);
        assert_eq!((by_the_first, world.tasks_of("shop")), (alike, if alike { 1 } else { 2 }), "{flags:?}");
        let next = 2 * (START + 5 * MINUTE + SHOWN);
        assert!(alike || (next..next + 4 * SECOND).contains(&took), "one after the other's exit: {took:?}");
    }
}

/// A task that had exited when it was met is not a result of this run, be it STOPPED or not.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_over_when_it_was_met_is_tried_again() {
    const FIRST: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    for (age, tasks) in
        [(START + MINUTE + SHOWN - 5 * SECOND, 1), (START + MINUTE + SHOWN, 2), (START + MINUTE + END, 2)]
    {
        let world = Fargate { lines: Vec::new(), ..Fargate::running_for(MINUTE) };
        let started_by = settings(&["--database=shop"]).common.run.started_by;
        let life = Life { started_by, ..Life::of(&["shop"], false) };
        world.tasks.borrow_mut().insert(FIRST.into(), life);
        tokio::time::sleep(age).await;
        let mut plan = plan(&["--database=shop"]);
        plan.packs[0].begun = Some(Begun::Task { arn: FIRST.into(), token: None, has_ended: false });
        let (report, _) = run(&world, &plan).await;
        assert_eq!(verdict(&report).word(), "unproved", "{report:#?}");
        assert_eq!(world.tasks_of("shop"), tasks, "after {age:?}");
    }
}

/// That no other task starts says less than the end of the one that was met.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_over_when_it_was_met_is_judged_where_no_other_starts() {
    const FIRST: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    let world = Fargate { lines: Vec::new(), throttled: usize::MAX, ..Fargate::running_for(MINUTE) };
    let started_by = settings(&["--database=shop"]).common.run.started_by;
    let life = Life { started_by, ..Life::of(&["shop"], false) };
    world.tasks.borrow_mut().insert(FIRST.into(), life);
    tokio::time::sleep(START + MINUTE + END).await;
    let mut plan = plan(&["--database=shop", "--timeout=10m"]);
    plan.packs[0].begun = Some(Begun::Task { arn: FIRST.into(), token: None, has_ended: true });
    let (report, _) = run(&world, &plan).await;
    assert_eq!((verdict(&report).word(), world.tasks_of("shop")), ("unproved", 1), "{report:#?}");
}

/// The look at ECS that a second call rests on is of no use half a day later.
#[tokio::test(start_paused = true)]
async fn a_call_is_not_made_again_when_nobody_has_looked_for_long() {
    for (first_takes, migrates) in [(FRESH - 10 * MINUTE, true), (FRESH, false)] {
        let world = Fargate::running_for(first_takes);
        let mut plan = plan(&["--database=a", "--database=b", "--timeout=20h"]);
        let token = "0123456789abcdef0123456789abcdef0123456789abcdef".to_owned();
        plan.packs[1].begun = Some(Begun::Call { token, attempt: 0 });
        let (report, _) = run(&world, &plan).await;
        let second = report.databases[1].verdict.as_ref().expect("a verdict");
        assert_eq!(second.is_migrated(), migrates, "{second:?}");
        assert_eq!(world.runs.get(), if migrates { 2 } else { 1 });
    }
}

/// What a killed run was about to start, someone else has started since.
#[tokio::test(start_paused = true)]
async fn a_call_is_not_made_again_beside_the_task_of_somebody_else() {
    const OTHER: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    for (flag, runs, migrates) in
        [("--on-running=fail", 0, false), ("--on-running=adopt", 0, true), ("--on-running=wait", 1, true)]
    {
        let world = Fargate::running_for(10 * MINUTE);
        let life = Life::of(&["shop"], false);
        world.tasks.borrow_mut().insert(OTHER.into(), life);
        let mut plan = plan(&["--database=shop", flag]);
        let token = "f123456789abcdef0123456789abcdef0123456789abcdef".to_owned();
        plan.packs[0].begun = Some(Begun::Call { token, attempt: 0 });
        plan.packs[0].running = Some(Arc::new(RunningTask {
            arn: OTHER.into(),
            task_definition: Some(REVISION.into()),
            started_by: Some("somebody".into()),
            told: Ok(Told::One("shop".into())),
            orders: Orders::default(),
            alike: false,
            ours: false,
            ending: false,
        }));
        let (report, took) = run(&world, &plan).await;
        assert_eq!(verdict(&report).is_migrated(), migrates, "{flag}: {report:#?}");
        assert_eq!(world.runs.get(), runs, "{flag}");
        assert!(runs == 0 || took > 2 * (START + 10 * MINUTE), "{flag}: {took:?}");
    }
}

/// The one that an earlier process had begun failed, and so does the one that is started again.
#[tokio::test(start_paused = true)]
async fn the_logs_of_two_tasks_of_a_database_are_told_apart() {
    const FIRST: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    let lines = vec![(SECOND, "out of luck".to_owned())];
    let world = Fargate { lines, failing: vec!["shop".into()], ..Fargate::running_for(MINUTE) };
    world.tasks.borrow_mut().insert(FIRST.into(), Life::of(&["shop"], false));
    tokio::time::sleep(10 * MINUTE).await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut plan = plan(&["--database=shop"]);
    plan.packs[0].begun = Some(Begun::Task { arn: FIRST.into(), token: None, has_ended: true });
    let (report, _) = logged(&world, &plan, &directory).await;
    assert_eq!((verdict(&report).word(), world.runs.get()), ("failed", 1), "{report:#?}");
    let row = &report.databases[0];
    let second = row.task_arn.as_deref().and_then(|arn| arn.rsplit('/').next()).expect("a task");
    let line = format!("── from here on task {second} ──");
    assert_eq!(row.log.lines().collect::<Vec<_>>(), ["out of luck", &line, "out of luck"]);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect(name);
    assert_eq!(row.log_file.as_deref(), Some("db-shop.log"));
    assert_eq!(read("db-shop.log"), "out of luck\n");
    assert_eq!(read("db-shop.earlier-1.log"), "out of luck\n");
}
