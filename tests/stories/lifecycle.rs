use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sandbox::{Fault, Script, TaskFault, seed};
use serde_json::{Value, json};

use crate::support::{FINTECH, HEALTH, PROD, World, database, migrates, report};

/// Waits until `holds`, as long as a slow machine needs.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn statuses(world: &World) -> Vec<String> {
    world
        .sandbox
        .tasks()
        .iter()
        .map(|task| task["lastStatus"].as_str().unwrap_or_default().to_owned())
        .collect()
}

pub fn running(world: &World) -> usize {
    statuses(world).iter().filter(|status| *status == "RUNNING").count()
}

#[tokio::test]
async fn an_interrupted_run_stops_its_tasks_within_five_seconds_and_says_so() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let world = World::new().await;
        world.program(|_| Script::new().line("working").until_stopped());
        let flags = ["--database", PROD, "--database", HEALTH, "--database", FINTECH, "--max-parallel=2"];
        let run = world.migrate(&flags).in_actions().spawn();
        until("two running tasks", || running(&world) == 2).await;
        let interrupted = Instant::now();
        run.signal(signal);
        let run = run.finish().await;
        assert!(interrupted.elapsed() < Duration::from_secs(5), "{:?}", interrupted.elapsed());
        run.exits(130);
        assert!(run.summary.contains("cancelled") && run.summary.contains("not run"), "{}", run.summary);
        assert_eq!(run.outputs["exit-code"], "130");
        until("stopped tasks", || statuses(&world).iter().all(|status| status == "STOPPED")).await;
        let tasks = world.sandbox.tasks();
        assert_eq!(tasks.len(), 2, "the third was never started");
        assert!(tasks.iter().all(|task| task["stoppedReason"].to_string().contains("fargate-migrate")));
    }
}

#[tokio::test]
async fn an_interrupted_run_leaves_its_tasks_when_asked_to() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let run = world.migrate(&["--database", PROD, "--on-cancel=leave", "--format=json"]).spawn();
    until("a running task", || running(&world) == 1).await;
    run.signal(Signal::SIGINT);
    let run = run.finish().await;
    run.exits(130);
    assert_eq!(run.verdict(PROD), "cancelled");
    assert_eq!(world.called("StopTask"), 0);
    let task = world.sandbox.tasks()[0]["taskArn"].as_str().expect("an ARN").to_owned();
    let notes = run.result()["notes"].to_string();
    assert!(notes.contains(&format!("--on-cancel leave: task {task} goes on in cluster")), "{notes}");
}

#[tokio::test]
async fn nohup_is_heeded() {
    let world = World::new().await;
    world.program(|context| {
        let database = database(context);
        Script::new().sleep(Duration::from_secs(2)).line(report(&database)).exit(0)
    });
    let run = world.migrate(&["--database", PROD]).through("nohup").spawn();
    until("a running task", || running(&world) == 1).await;
    run.signal(Signal::SIGHUP);
    run.finish().await.exits(0);
    assert_eq!(world.called("StopTask"), 0);
}

#[tokio::test]
async fn a_hangup_ends_a_plan_and_a_policy_as_well() {
    for arguments in [["migrate", "--plan"].as_slice(), ["iam"].as_slice()] {
        let world = World::new().await;
        world
            .sandbox
            .faults()
            .push(Fault::call("sts:GetCallerIdentity", sandbox::Disturbance::Hang).always());
        let target = ["--cluster", seed::CLUSTER, "--task-definition", seed::TASK_FAMILY];
        let more = ["--database", PROD, "--subnets", seed::SUBNETS, "--image=registry.example/shop:1"];
        let run = world.command(&[arguments, &target, &more].concat()).spawn();
        until("the call that hangs", || world.called("GetCallerIdentity") == 1).await;
        run.signal(Signal::SIGHUP);
        run.finish().await.exits(130).says("interrupted");
    }
}

#[tokio::test]
async fn an_interrupt_before_anything_started_starts_nothing() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:DescribeClusters", sandbox::Disturbance::Hang).always());
    let run = world.migrate(&["--database", PROD]).in_actions().spawn();
    until("the call that hangs", || world.called("GetCallerIdentity") == 1).await;
    run.signal(Signal::SIGTERM);
    let run = run.finish().await;
    run.exits(130);
    assert!(run.summary.contains("not run"), "{}", run.summary);
    assert_eq!(world.called("RunTask"), 0);
}

#[tokio::test]
async fn a_migration_that_takes_too_long_is_stopped_and_shown() {
    let world = World::new().await;
    world.program(|_| Script::new().line("rewriting table client_events").until_stopped());
    let run = world.migrate(&["--database", PROD, "--timeout=4s", "--format=json"]).finish().await;
    run.exits(4);
    assert_eq!(run.verdict(PROD), "timed out");
    assert!(run.row(PROD)["log"]["tail"].to_string().contains("rewriting table"));
    assert!(statuses(&world).iter().all(|status| status == "STOPPED"));
}

#[tokio::test]
async fn a_migration_that_takes_too_long_is_left_alone_when_asked_to() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let run = world.migrate(&["--database", PROD, "--timeout=3s", "--on-timeout=leave"]).finish().await;
    run.exits(4).says("timed out");
    assert_eq!(world.called("StopTask"), 0);
}

#[tokio::test]
async fn a_task_that_never_gets_going_times_out_too() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::task(TaskFault::StuckIn("PROVISIONING".into())));
    world.migrate(&["--database", PROD, "--timeout=3s"]).finish().await.exits(4);
}

#[tokio::test]
async fn a_database_that_another_run_migrates_now_is_left_to_it() {
    let world = World::new().await;
    world.program(|context| match database(context).as_str() {
        PROD => Script::new().until_stopped(),
        name => migrates(name.to_owned()),
    });
    let first = world.migrate(&["--database", PROD]).spawn();
    until("a running task", || running(&world) == 1).await;
    let flags = ["--database", PROD, "--database", HEALTH, "--keep-going", "--format=json"];
    let second = world.migrate(&flags).finish().await;
    second.exits(1);
    assert_eq!(second.verdict(PROD), "already running");
    assert_eq!(second.verdict(HEALTH), "migrated");
    let asked = |task: &Value| task["overrides"].to_string().contains(PROD);
    assert_eq!(world.sandbox.tasks().iter().filter(|task| asked(task)).count(), 1);
    first.signal(Signal::SIGINT);
    first.finish().await.exits(130);
}

#[tokio::test]
async fn the_other_run_is_linked_where_it_is_one_of_github_actions() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let other = world.migrate(&["--database", PROD]).in_actions().variable("GITHUB_RUN_ID", "77").spawn();
    until("a running task", || running(&world) == 1).await;
    let url = "https://github.example/octo/shop/actions/runs/77/attempts/1";
    for format in ["text", "json"] {
        let flags = ["--database", PROD, "--format", format];
        let run = world.migrate(&flags).in_actions().finish().await;
        run.exits(1).says(url);
        assert!(run.summary.contains(&format!("<a href=\"{url}\">")), "{}", run.summary);
        assert!(run.outputs["result"].contains(url));
    }
    other.signal(Signal::SIGKILL);
    other.finish().await;
}

#[tokio::test]
async fn a_second_process_of_the_same_job_takes_up_the_task_that_runs() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new().line("working").sleep(Duration::from_secs(4)).line(crate::support::report(&name))
    });
    let killed = world.migrate(&["--database", PROD]).in_actions().spawn();
    until("a running task", || running(&world) == 1).await;
    killed.signal(Signal::SIGKILL);
    killed.finish().await;
    world.migrate(&["--database", PROD]).in_actions().finish().await.exits(0);
    assert_eq!(world.sandbox.tasks().len(), 1, "adopted by its client token, not started again");
}

#[tokio::test]
async fn a_step_that_is_tried_again_after_a_failure_runs_again() {
    let world = World::new().await;
    world.program(|_| Script::new().line("could not connect").exit(1));
    world.migrate(&["--database", PROD]).in_actions().finish().await.exits(1);
    world.program(|context| migrates(database(context)));
    world.migrate(&["--database", PROD]).in_actions().finish().await.exits(0);
    assert_eq!(world.sandbox.tasks().len(), 2);
}

/// `fail`, the default, is told above.
#[tokio::test]
async fn a_database_that_another_run_migrates_now_can_be_waited_for_or_taken_over() {
    for (flag, tasks) in [("--on-running=wait", 2), ("--on-running=adopt", 1)] {
        let world = World::new().await;
        world.program(|context| Script::new().sleep(Duration::from_secs(4)).line(report(&database(context))));
        let first = world.migrate(&["--database", PROD]).spawn();
        until("a running task", || running(&world) == 1).await;
        let second = world.migrate(&["--database", PROD, "--format=json", flag]).finish().await;
        second.exits(0);
        assert_eq!(second.verdict(PROD), "migrated");
        assert_eq!(world.called("RunTask"), tasks, "{flag}");
        first.finish().await.exits(0);
    }
}

/// A task that a person starts, by the AWS CLI or in the console.
pub fn started_by_hand(world: &World, revision: &str, overrides: Value) -> String {
    let subnets = json!({"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}});
    let answer = world.sandbox.run_task(&json!({
        "cluster": seed::CLUSTER,
        "taskDefinition": revision,
        "launchType": "FARGATE",
        "networkConfiguration": subnets,
        "overrides": overrides,
    }));
    answer.expect("a task")["tasks"][0]["taskArn"].as_str().expect("an ARN").to_owned()
}

/// It has no overrides: its own revision names the database.
#[tokio::test]
async fn a_task_that_was_started_by_hand_is_seen_by_its_own_revision() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let mut definition = seed::task_definition().expect("the seed's task definition");
    definition["taskDefinition"]["containerDefinitions"][0]["environment"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "DATABASE_NAME", "value": HEALTH}));
    world.sandbox.register_task_definition(&definition).expect("register it");
    let arn = started_by_hand(&world, seed::TASK_FAMILY, json!({}));
    until("the task by hand", || running(&world) == 1).await;
    world.program(|context| migrates(database(context)));
    // The family's newest revision is another one from here on.
    world.migrate(&["--database", PROD]).finish().await.exits(0);
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1).says(&arn);
    assert_eq!(run.verdict(HEALTH), "already running");
    assert_eq!(world.sandbox.tasks().len(), 2);
}

#[tokio::test]
async fn a_task_that_runs_another_command_is_not_adopted() {
    let world = World::new().await;
    world.program(|context| migrates(database(context)));
    world.migrate(&["--database", PROD]).finish().await.exits(0);
    let revision = world.sandbox.tasks()[0]["taskDefinitionArn"].as_str().expect("a revision").to_owned();
    world.program(|_| Script::new().until_stopped());
    let overrides = json!({"containerOverrides": [{
        "name": "migration",
        "environment": [{"name": "DATABASE_NAME", "value": HEALTH}],
        "command": ["app", "serve"],
    }]});
    started_by_hand(&world, &revision, overrides);
    let flags = ["--database", HEALTH, "--on-running=adopt", "--format=json"];
    let run = world.migrate(&flags).finish().await;
    run.exits(1).says("is not adopted: its command is not that of this run");
    assert_eq!((run.verdict(HEALTH).as_str(), world.sandbox.tasks().len()), ("already running", 2));
}

/// The first step leaves its task running. The next ones, of the same run to ECS, tell theirs something else.
#[tokio::test]
async fn a_later_step_of_the_job_is_not_handed_the_task_of_an_earlier_one() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let leaving =
        ["--database", PROD, "--timeout=2s", "--on-timeout=leave", "--command=app migrate --dry-run"];
    world.migrate(&leaving).in_actions().finish().await.exits(4);
    world.program(|context| migrates(database(context)));
    for more in [&[] as &[&str], &["--command=app migrate"], &["--env=MODE=wet"]] {
        let run = world.migrate(&[&["--database", PROD, "--format=json"], more].concat());
        let run = run.in_actions().finish().await;
        run.exits(1);
        assert_eq!(
            (run.verdict(PROD).as_str(), world.sandbox.tasks().len()),
            ("already running", 1),
            "{more:?}"
        );
    }
    let next = ["--database", HEALTH, "--command=app migrate"];
    world.migrate(&next).in_actions().finish().await.exits(0);
    world.migrate(&["--database", HEALTH]).in_actions().finish().await.exits(0);
    assert_eq!(world.sandbox.tasks().len(), 3, "each with a token of its own");
}

/// StopTask takes a task from the list of those that run, and leaves its container up to `stopTimeout` to go on.
#[tokio::test]
async fn a_task_that_is_being_stopped_is_waited_for_by_any_run() {
    let next = async |run_id: &str| {
        let world = World::new().await;
        let mut definition = seed::task_definition().expect("the seed's task definition");
        // Twelve seconds here: more than the next run needs to look, on a busy machine as well.
        definition["taskDefinition"]["containerDefinitions"][0]["stopTimeout"] = json!(120);
        world.sandbox.register_task_definition(&definition).expect("register it");
        world.program(|_| Script::new().ignores_sigterm().line("working").until_stopped());
        let cancelled = world.migrate(&["--database", PROD]).in_actions().spawn();
        until("a running task", || running(&world) == 1).await;
        cancelled.signal(Signal::SIGINT);
        cancelled.finish().await.exits(130);

        world.program(|context| migrates(database(context)));
        let next = world.migrate(&["--database", PROD]).in_actions();
        let next = next.variable("GITHUB_RUN_ID", run_id).finish().await;
        next.exits(0).says("waits for the end of task").says("which is being stopped");
        let tasks = world.sandbox.tasks();
        assert_eq!(tasks.len(), 2);
        let [killed, started] = [&tasks[0]["executionStoppedAt"], &tasks[1]["createdAt"]].map(Value::as_f64);
        assert!(killed.is_some() && killed < started, "{tasks:#?}");
    };
    let (this_job, another) = ("4242", "77");
    tokio::join!(next(this_job), next(another));
}
