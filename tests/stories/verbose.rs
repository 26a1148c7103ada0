//! `-v`: each call with its name, duration, attempt and request id, and nothing of what it says.

use sandbox::{Disturbance, Fault};

use crate::support::program::static_program;
use crate::support::{HEALTH, World};

#[tokio::test]
async fn each_call_is_told_and_nothing_of_what_it_says() {
    let world = World::new().await;
    let flags = ["--database", HEALTH, "--env=LEVEL=hunter2"];
    let quiet = world.migrate(&flags).finish().await;
    quiet.exits(0).never_says("ECS RunTask");
    let told = world.migrate(&[&flags[..], &["-v", "--format=json"]].concat()).in_actions().finish().await;
    told.exits(0)
        .says("DEBUG AWS ECS RunTask status=200 ms=")
        .says("attempt=1 request_id=")
        .never_says("hunter2");
    assert!(!told.stdout.contains("DEBUG"), "standard output is the result's: {}", told.stdout);
    // Each that the sandbox has answered, by its name.
    let calls = world.called("DescribeTasks") + world.called("GetLogEvents");
    assert!(told.stderr.matches("DEBUG AWS ").count() > 10 && calls > 2, "{}", told.stderr);
    let debugged = world.migrate(&flags).in_actions().variable("RUNNER_DEBUG", "1").finish().await;
    debugged.exits(0).says("DEBUG AWS ECS DescribeTasks");
    let off = world.migrate(&[&flags[..], &["-v"]].concat()).variable("FARGATE_MIGRATE_LOG", "off");
    off.finish().await.exits(0).never_says("DEBUG");
    let refused = world.migrate(&flags).variable("FARGATE_MIGRATE_LOG", "loud").finish().await;
    refused.exits(2).says("invalid value loud for FARGATE_MIGRATE_LOG").says("hint: set it to off,");
}

/// A push has calls of its own: without an address, a digest or the login's password.
#[tokio::test]
async fn a_push_to_the_registry_is_told() {
    let world = World::new().await;
    let program = static_program().display().to_string();
    let flags = ["--binary", &program, "--tag=v1", "--database", HEALTH, "-v"];
    let told = world.migrate(&flags).finish().await;
    let names = |stdout: &str| -> Vec<String> {
        let calls = stdout.lines().filter_map(|line| line.split_once("DEBUG registry: "));
        calls
            .map(|(_, rest)| {
                let (told, timed) = rest.split_once(" ms=").expect("a duration");
                let (ms, attempt) = timed.split_once(" attempt=").expect("an attempt");
                assert!(ms.parse::<u64>().is_ok(), "{rest}");
                format!("{told} attempt={attempt}")
            })
            .collect()
    };
    insta::assert_snapshot!(names(&told.exits(0).stdout).join("\n"), @"
    login status=answered attempt=1
    blob exists status=404 attempt=1
    blob upload status=201 attempt=1
    blob exists status=404 attempt=1
    blob upload status=201 attempt=1
    manifest status=201 attempt=1
    digest status=200 attempt=1
    ");
}

#[tokio::test]
async fn an_attempt_that_failed_is_told_with_what_came_of_it() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::Throttle));
    let told = world.migrate(&["--database", HEALTH, "-v"]).finish().await;
    told.exits(0).says("DEBUG AWS ECS RunTask status=400").says("DEBUG AWS ECS RunTask status=200");
}
