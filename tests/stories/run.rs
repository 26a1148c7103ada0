use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::{Disturbance, Fault, Script, TaskFault, seed};
use serde_json::json;

use crate::hostile::{forms, harmless};
use crate::support::{FINTECH, Finished, HEALTH, Run, World, database};

/// `fargate-migrate run` with the seed's names; `more` comes last.
fn run(world: &World, more: &[&str]) -> Run {
    world.command(&[&["run"], &seed::MIGRATE[1..], &["--log-drain=1s"], more].concat())
}

/// A run that is interrupted, or killed, once its task has started.
async fn cut_off(world: &World, more: &[&str], signal: Signal) -> Finished {
    let going = run(world, more).in_actions().spawn();
    for _ in 0..600 {
        if world.called("DescribeTasks") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    going.signal(signal);
    going.finish().await
}

#[tokio::test]
async fn the_output_is_the_output_and_the_exit_code_is_the_exit_code() {
    for (code, expected) in [(0, 0), (7, 7), (255, 255)] {
        let world = World::new().await;
        world.program(move |context| {
            Script::new().line(format!("{}|{}", database(context), context.command.join("|"))).exit(code)
        });
        let ran =
            run(&world, &["--database", HEALTH, "--env=LEVEL=1", "--", "app", "a b", "$HOME", "--plan"]);
        let ran = ran.finish().await;
        ran.exits(expected);
        assert_eq!(ran.stdout, format!("{HEALTH}|app|a b|$HOME|--plan\n"), "nothing else: {ran:#?}");
        assert!(ran.stderr.contains(&format!("exit code {code}")), "{ran:#?}");
        assert_eq!(world.called("RegisterTaskDefinition"), 0);
        let call = &world.inputs("RunTask")[0];
        assert!(
            call["startedBy"].as_str().is_some_and(|by| by.starts_with("fargate-migrate-run/")),
            "{call}"
        );
    }
}

#[tokio::test]
async fn failures_of_our_own_have_exit_codes_of_their_own() {
    let world = World::new().await;
    for (more, said) in [
        (&["--"][..], "no command given"),
        (&["--no-such-flag", "--", "app"], "unexpected argument"),
        (&["--env=DB_PASSWORD=hunter2", "--", "app"], "looks like a secret"),
        (&["--env=DATABASE_NAME=x", "--", "app"], "--env sets DATABASE_NAME"),
        (&["--named=vacuum"], "not a command of the configuration file"),
    ] {
        let ran = run(&world, more).finish().await;
        ran.exits(125).says(said).never_says("hunter2");
        assert_eq!(ran.stdout, "", "{more:?}");
    }
    assert_eq!(world.called("RunTask"), 0);
    run(&world, &["--env=DB_PASSWORD=x", "--env-is-not-secret", "--", "app"]).finish().await.exits(0);
    world.program(|_| Script::new().line("begun").until_stopped());
    let late = run(&world, &["--timeout=2s", "--", "app"]).finish().await;
    late.exits(124).says("still running at --timeout; its task was stopped");
    assert_eq!(late.stdout, "begun\n");
}

#[tokio::test]
async fn a_task_that_never_started_says_why() {
    let world = World::new().await;
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): image not found";
    world.sandbox.faults().push(Fault::task(TaskFault::FailToStart(reason.into())));
    let ran = run(&world, &["--", "app"]).finish().await;
    ran.exits(125).says("never started").says("CannotPullContainerError").says("fix:");
    assert_eq!(ran.stdout, "");
    world.sandbox.faults().push(Fault::run_task("AGENT"));
    run(&world, &["--", "app"]).finish().await.exits(125).says("AGENT");
}

#[tokio::test]
async fn a_name_that_the_definition_takes_from_a_secret_is_refused() {
    let world = World::new().await;
    let definition = seed::task_definition().expect("the seed's");
    let secret = definition["taskDefinition"]["containerDefinitions"][0]["secrets"][0]["name"].clone();
    let flag = format!("--env={}=x", secret.as_str().expect("a secret"));
    let ran = run(&world, &[&flag, "--env-is-not-secret", "--", "app"]).finish().await;
    ran.exits(125).says("takes from a secret");
    assert_eq!(world.called("RunTask"), 0);
}

#[tokio::test]
async fn ten_mebibytes_of_lines_are_passed_on_in_order_and_each_once() {
    const LINES: usize = 52_500;
    let world = World::new().await;
    let line = |n: usize| format!("{n:06} {}", "x".repeat(193));
    world.program(move |_| Script::new().lines((0..LINES).map(line)));
    let ran = run(&world, &["--", "app", "dump"]).finish().await;
    ran.exits(0);
    assert!(ran.stdout.len() > 10 << 20);
    assert!(ran.stdout.lines().eq((0..LINES).map(line)), "in order, each once");
}

#[tokio::test]
async fn several_databases_have_lines_with_their_names() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new().line(format!("in {name}")).exit(i32::from(name == HEALTH))
    });
    let both = format!("--database={HEALTH},{FINTECH}");
    let stopped = run(&world, &[&both, "--", "app"]).finish().await;
    stopped.exits(1).says("nothing starts after that").says("exit code 0 for 0 of 2 databases");
    let ran =
        run(&world, &[&both, "--keep-going", "--max-parallel=2", "--", "app"]).in_actions().finish().await;
    ran.exits(1).says("exit code 0 for 1 of 2 databases");
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [format!("{FINTECH:<21} │ in {FINTECH}"), format!("{HEALTH} │ in {HEALTH}")]);
    assert_eq!((ran.outputs["failed"].as_str(), ran.outputs["exit-code"].as_str()), (HEALTH, "1"));
    let other = format!("--database={FINTECH}");
    run(&world, &[&other, "--", "app"]).finish().await.exits(0);
}

#[tokio::test]
async fn a_plan_says_all_and_changes_nothing() {
    let world = World::new().await;
    let ran = run(&world, &["--database", HEALTH, "--env=LEVEL=secret7", "--plan", "--", "app", "&&"])
        .finish()
        .await;
    ran.exits(0)
        .says("as it runs now")
        .says("none is registered")
        .says("starts as")
        .says("the word && goes to the program as text")
        .says("\"command\": [")
        .never_says("secret7");
    assert_eq!((ran.stdout.as_str(), world.called("RunTask")), ("", 0));
    let json = run(&world, &["--plan", "--format=json", "--", "app"]).finish().await.result();
    assert_eq!((&json["operation"], &json["command"]), (&json!("run"), &json!(["app"])));
}

#[tokio::test]
async fn another_image_has_a_revision() {
    let world = World::new().await;
    world.program(|context| Script::new().line(context.image.clone()));
    let ran = run(&world, &["--image", crate::support::IMAGE, "--", "app"]).finish().await;
    ran.exits(0);
    assert_eq!(ran.stdout, format!("{}\n", crate::support::IMAGE));
    assert_eq!(world.called("RegisterTaskDefinition"), 1);
}

#[tokio::test]
async fn it_runs_like_a_service() {
    let world = World::new().await;
    world.sandbox.set_program("shop", |context| match context.command.first().map(String::as_str) {
        Some("app") => Script::new().line("like web"),
        _ => Script::new().until_stopped(),
    });
    let container = json!({"name": "web", "image": "registry.example/app:old", "logConfiguration": {
        "logDriver": "awslogs", "options": {"awslogs-group": seed::LOG_GROUP, "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "web", "mode": "blocking"}}});
    let document = json!({"family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/x",
        "containerDefinitions": [container]});
    world.sandbox.register_task_definition(&document).expect("registered");
    let service = json!({
        "cluster": seed::CLUSTER, "serviceName": "web", "taskDefinition": "shop", "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
    });
    world.sandbox.create_service(&service).expect("a service");
    let ran = world.command(&[
        "run",
        "--cluster",
        seed::CLUSTER,
        "--like-service=web",
        "--container=migration",
        "--log-drain=1s",
        "--",
        "app",
    ]);
    let ran = ran.finish().await;
    ran.exits(0).says("service web has no container migration: the command runs in web");
    assert_eq!(ran.stdout, "like web\n");
    let call = world.inputs("RunTask").pop().expect("a call");
    let network = &call["networkConfiguration"]["awsvpcConfiguration"]["subnets"];
    assert_eq!(network, &json!(["subnet-0a1b2c3d4e5f60001"]));
}

#[tokio::test]
async fn commands_have_names() {
    let world = World::new().await;
    world.program(|context| Script::new().line(context.command.join("|")));
    let path = world.directory.path().join("fargate-migrate.yml");
    let text = "command: app migrate\ndockerfile: nowhere\ncommands:\n  sessions: [app, clear sessions]\n";
    std::fs::write(&path, text).expect("a file");
    let config = format!("--config={}", path.display());
    let ran = run(&world, &[&config, "--named=sessions"]).finish().await;
    ran.exits(0);
    assert_eq!(ran.stdout, "app|clear sessions\n");
    run(&world, &[&config, "--named=session"]).finish().await.exits(125).says("did you mean sessions?");
    run(&world, &[&config, "--named=sessions", "--", "app"])
        .finish()
        .await
        .exits(125)
        .says("cannot be used with");
    let action =
        world.command(&[]).in_actions().variable("INPUT_OPERATION", "run").variable("INPUT_NAMED", "no");
    action
        .variable("INPUT_CONFIG", &path.display().to_string())
        .finish()
        .await
        .exits(125)
        .says("commands: sessions");
}

#[tokio::test]
async fn an_interrupt_stops_the_task() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let ran = cut_off(&world, &["--", "app"], Signal::SIGINT).await;
    ran.exits(130);
    assert_eq!(world.called("StopTask"), 1);
}

#[tokio::test]
async fn the_post_stage_stops_what_a_killed_run_has_left() {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let killed = cut_off(&world, &["--", "app"], Signal::SIGKILL).await;
    assert_eq!((world.called("RunTask"), world.called("StopTask")), (1, 0));
    let mut post = world.command(&[]).called("/usr/bin/fargate-migrate-post").in_actions();
    for (key, value) in &killed.state {
        post = post.variable(&format!("STATE_{key}"), value);
    }
    post.finish().await.exits(0).says("1 task was still running and is stopped");
    assert_eq!(world.called("StopTask"), 1);
}

#[tokio::test]
async fn neither_is_taken_for_the_other() {
    let world = World::new().await;
    world.program(|context| match context.command.first().map(String::as_str) {
        Some("chore") => Script::new().line("begun").until_stopped(),
        _ => crate::support::migrates(database(context)),
    });
    let going = run(&world, &["--database", HEALTH, "--", "chore"]).spawn();
    for _ in 0..600 {
        if world.called("DescribeTasks") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.migrate(&["--database", HEALTH]).finish().await.exits(0).never_says("already running");
    going.signal(Signal::SIGINT);
    going.finish().await.exits(130);
    world.program(|context| match context.command.first().map(String::as_str) {
        Some("chore") => Script::new().line("done"),
        _ => Script::new().until_stopped(),
    });
    let migrating = world.migrate(&["--database", HEALTH, "--timeout=1m"]).spawn();
    for _ in 0..600 {
        if world.called("RunTask") > 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    run(&world, &["--database", HEALTH, "--", "chore"]).finish().await.exits(0).says("done");
    migrating.signal(Signal::SIGINT);
    migrating.finish().await.exits(130);
}

#[tokio::test]
async fn hostile_output_gives_the_runner_no_command() {
    let world = World::new().await;
    world.program(|_| Script::new().lines(forms::all()).exit(3));
    let ran = run(&world, &["--database", HEALTH, "--", "app"]).in_actions().finish().await;
    ran.exits(3);
    harmless(&ran);
}

#[tokio::test]
async fn a_task_that_may_run_is_not_said_to_have_never_started() {
    let world = World::new().await;
    // All tries of the SDK, before the call is refused.
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::DropAfter).times(6));
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::AccessDenied).always());
    let ran = run(&world, &["--database", HEALTH, "--", "app"]).finish().await;
    ran.exits(125).says("a try of RunTask had no answer, so its task may still be running: ");
    assert_eq!(world.sandbox.tasks().len(), 1);
}
