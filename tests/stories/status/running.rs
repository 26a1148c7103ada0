use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::Notify;

use super::*;
use crate::support::Running;

/// A migration that works until it is stopped, once its container has started.
async fn under_way(fleet: &Fleet, flags: &[&str]) -> Running {
    let started = Arc::new(Notify::new());
    let tell = Arc::clone(&started);
    fleet.shop.world.program(move |_| {
        tell.notify_one();
        Script::new().line("working").until_stopped()
    });
    let running = fleet.migrate("a", flags).spawn();
    tokio::time::timeout(Duration::from_secs(60), started.notified()).await.expect("its container starts");
    running
}

async fn interrupted(running: Running) {
    running.signal(Signal::SIGINT);
    running.finish().await.exits(130);
}

#[tokio::test]
async fn a_migration_of_another_run_is_named() {
    let fleet = Fleet::new().await;
    let running = under_way(&fleet, &["--database", PROD]).await;
    // The calls of the migration arrive beside its own.
    let asked = ["--database", PROD, "--service", seed::SERVICE, &fleet.state, "--check", "--format=json"];
    let run = fleet.status(&asked).finish().await;
    run.exits(1);
    let check = run.result()["check"][0].clone();
    let task = run.result()["databases"][0]["running"][0].clone();
    assert!(task["started_by"].as_str().is_some_and(|by| by.starts_with("fargate-migrate/")), "{task}");
    let why = check["reasons"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("migrates it now"), "{why}");
    interrupted(running).await;
}

#[tokio::test]
async fn a_state_file_that_a_run_has_is_read_and_closes_the_check() {
    let fleet = Fleet::new().await;
    // Of another database, so that nothing else closes it.
    let running = under_way(&fleet, &["--database", HEALTH, &fleet.state]).await;
    let both = ["--database", PROD, "--service", seed::SERVICE, &fleet.state];
    for format in ["--format=text", "--format=markdown"] {
        let run = fleet.status(&[&both[..], &[format]].concat()).finish().await;
        run.exits(0).says("1 of 1 database proved").says("a run has state file");
    }
    let run = fleet.status(&[&both[..], &["--check", "--format=json"]].concat()).finish().await;
    run.exits(1);
    let result = run.result();
    assert_eq!((&result["state_in_use"], &result["databases"][0]["running"]), (&json!(true), &json!([])));
    let reasons = &result["check"][0]["reasons"];
    assert_eq!(reasons.as_array().map(Vec::len), Some(1), "{reasons}");
    assert!(reasons[0]["why"].as_str().is_some_and(|why| why.starts_with("a run has the state file")));
    interrupted(running).await;
    fleet.of_both(&["--check"]).await.exits(0).never_says("a run has");
}
