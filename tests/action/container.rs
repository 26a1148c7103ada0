use std::time::{Duration, Instant};

use sandbox::images::Images as _;
use sandbox::{Script, seed};

use crate::image::{action_image, remove_image};
use crate::runner::Runner;
use crate::support::{FINTECH, HEALTH, IMAGE, World, database, report};

const TWO_AT_ONCE: [(&str, &str); 2] =
    [("database", "healthtech_experiment\nfintech_experiment"), ("max-parallel", "2")];

/// A step of the Action with the seed's names; `more` comes last.
fn step(image: &str, world: &World, more: &[(&str, &str)]) -> Runner {
    let base = [
        ("cluster", seed::CLUSTER),
        ("task-definition", seed::TASK_FAMILY),
        ("subnets", seed::SUBNETS),
        ("security-groups", seed::SECURITY_GROUPS),
        ("log-drain", "1s"),
        ("database", HEALTH),
        ("image", IMAGE),
    ];
    Runner::new(image, world.sandbox.environment(), &[base.as_slice(), more].concat())
}

fn running(world: &World) -> usize {
    world.sandbox.tasks().iter().filter(|task| task["lastStatus"] == "RUNNING").count()
}

/// Waits until this many tasks run.
async fn until_running(world: &World, tasks: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while running(world) != tasks {
        assert!(Instant::now() < deadline, "no {tasks} running tasks in {:#?}", world.sandbox.tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn stuck() -> World {
    let world = World::new().await;
    world.program(|_| Script::new().line("rewriting table client_events").until_stopped());
    world
}

#[tokio::test]
async fn a_database_is_migrated_and_the_post_stage_has_nothing_to_do() {
    let Some(image) = action_image().await else { return };
    let world = World::new().await;
    let mut runner = step(image, &world, &[("proof", "report")]);
    let run = runner.main().ended().await;
    run.exits(0).says("applied V10__create_orders");
    assert_eq!(run.outputs["migrated"], HEALTH);
    assert_eq!(run.outputs["exit-code"], "0");
    assert!(run.summary.contains(HEALTH), "{}", run.summary);

    runner.state = run.state;
    let calls = world.operations().len();
    let post = runner.post().await;
    post.exits(0).says("nothing to stop");
    assert_eq!((post.summary.as_str(), world.operations().len()), ("", calls));
}

#[tokio::test]
async fn a_cancelled_job_leaves_no_task_running_and_a_summary_that_says_so() {
    let Some(image) = action_image().await else { return };
    let world = stuck().await;
    let mut runner = step(image, &world, &TWO_AT_ONCE);
    let run = runner.main();
    until_running(&world, 2).await;
    let run = run.cancelled().await;
    run.exits(130);
    assert_eq!(run.outputs["exit-code"], "130");
    assert!(run.summary.contains("cancelled"), "{}", run.summary);

    runner.state = run.state;
    let post = runner.post().await;
    post.exits(0);
    assert!(post.summary.contains("no migration task was still running"), "{post:#?}");
    let tasks = world.sandbox.tasks();
    assert_eq!(tasks.len(), 2);
    assert!(tasks.iter().all(|task| task["lastStatus"] == "STOPPED"), "{tasks:#?}");
}

#[tokio::test]
async fn what_a_killed_main_stage_could_not_stop_the_post_stage_stops() {
    let Some(image) = action_image().await else { return };
    let world = stuck().await;
    let mut runner = step(image, &world, &TWO_AT_ONCE);
    let run = runner.main();
    until_running(&world, 2).await;
    let run = run.killed().await;
    run.exits(137);
    assert_eq!(running(&world), 2);

    runner.state = run.state;
    // As if it had died between RunTask's answer and the list: ECS alone knows of this one.
    assert_eq!(runner.forget_a_task(), 2, "{:?}", runner.state);
    let post = runner.post().await;
    post.exits(0);
    assert!(post.summary.contains("2 migration tasks were still running and are stopped"), "{post:#?}");
    for database in [HEALTH, FINTECH] {
        assert!(post.summary.contains(database), "{}", post.summary);
    }
    assert_eq!(running(&world), 0);
    assert_eq!(world.called("StopTask"), 2, "each task is stopped once");

    // The post stage may come twice, too: a step of a composite action, a runner that starts again.
    let again = runner.post().await;
    again.exits(0);
    assert!(again.summary.contains("no migration task was still running"), "{}", again.summary);
    assert_eq!(world.called("StopTask"), 2);
}

#[tokio::test]
async fn tasks_are_left_running_when_that_was_asked_for() {
    let Some(image) = action_image().await else { return };
    let world = stuck().await;
    let mut runner = step(image, &world, &[("on-cancel", "leave")]);
    let run = runner.main();
    until_running(&world, 1).await;
    runner.state = run.killed().await.state;
    let post = runner.post().await;
    post.exits(0).says("--on-cancel leave");
    assert!(post.summary.contains("leaves its tasks running"), "{}", post.summary);
    assert_eq!((running(&world), world.called("StopTask")), (1, 0));
}

#[tokio::test]
async fn a_task_that_may_not_be_stopped_is_an_error_that_names_it() {
    let Some(image) = action_image().await else { return };
    let world = stuck().await;
    let mut runner = step(image, &world, &[]);
    let run = runner.main();
    until_running(&world, 1).await;
    runner.state = run.killed().await.state;
    world
        .sandbox
        .faults()
        .push(sandbox::Fault::call("ecs:StopTask", sandbox::Disturbance::AccessDenied).always());
    let post = runner.post().await;
    post.exits(3);
    assert!(post.summary.contains("1 migration task could not be stopped"), "{post:#?}");
}

#[tokio::test]
async fn the_images_own_docker_builds_and_pushes_through_the_mounted_socket() {
    let Some(image) = action_image().await else { return };
    let world = World::new().await;
    let registry = world.sandbox.registry();
    let uri = registry.repository_uri(seed::REPOSITORY);
    let inputs =
        [("operation", "build"), ("repository", seed::REPOSITORY), ("tag", "v1"), ("context", "shop")];
    let runner = Runner::new(image, world.sandbox.environment(), &inputs);
    let context = runner.workspace().join("shop");
    std::fs::create_dir(&context).expect("make the context");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY greeting /\nCMD [\"/greeting\"]\n")
        .expect("write");
    std::fs::write(context.join("greeting"), "hello").expect("write");
    let run = runner.main().ended().await;
    remove_image(&format!("{uri}:v1"));
    run.exits(0);
    let pushed = registry.resolve(&format!("{uri}:v1")).expect("the registry has it");
    assert_eq!(run.outputs["image-digest"], pushed);
    assert_eq!(run.outputs["image"], format!("{uri}@{pushed}"));
    let home = std::fs::read_dir(runner.home()).expect("read the home").count();
    assert_eq!(home, 0, "no login stays in a home that later steps share");
}

#[tokio::test]
async fn no_line_of_a_log_is_a_command_to_the_runner() {
    let Some(image) = action_image().await else { return };
    let world = World::new().await;
    world.program(|context| {
        let hostile = [
            "::set-output name=image::evil",
            "x ##[save-state name=run]{}",
            "\r::add-mask::e",
            "::stop-commands::x",
        ];
        let script = hostile.iter().fold(Script::new(), |script, line| script.line(*line));
        script.line(report(&database(context)))
    });
    let run = step(image, &world, &[]).main().ended().await;
    run.exits(0).says("name=image::evil");
    let ours = ["group", "endgroup", "stop-commands"];
    assert!(run.executed.iter().all(|name| ours.contains(&name.as_str())), "{:?}", run.executed);
    assert_eq!(run.outputs["image"], IMAGE);
}
