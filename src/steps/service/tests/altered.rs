//! What the sandbox does not do: statuses, hooks and stages of other strategies, forgetful records, silent logs, and an
//! address that answers.

use std::cell::Cell;

use super::backwards::{asked_again, taken_back_in, underway};
use super::between::Altered;
use super::*;
use crate::ports::{DeploymentStatus, HookDetail, ServiceDeployment, Strategy};

fn hook(status: &str) -> HookDetail {
    HookDetail {
        id: "approve".into(),
        kind: "PAUSE".into(),
        status: status.into(),
        expires_at: None,
        timeout_action: Some("ROLLBACK".into()),
    }
}

/// From so many seconds on.
fn since(passed: Duration, seconds: u64) -> bool {
    passed >= Duration::from_secs(seconds)
}

async fn rolled(
    digit: char,
    more: Value,
    minutes: u64,
    deployment: impl Fn(&mut ServiceDeployment, Duration) -> bool + 'static,
) -> Ran {
    let world = World::with_service(more).await;
    let mut rollout = world.rollout("web", &world.register(&image(digit)), digit).await;
    rollout.timeout = Duration::from_secs(60 * minutes);
    let between = Altered::of(&world, deployment);
    world.run_in(&between, digit, &[rollout], &terms(), async |_| {}).await
}

#[tokio::test(start_paused = true)]
async fn what_ecs_forgets_is_followed_by_describe_services_alone() {
    let ran = rolled(GOOD, json!({ "desiredCount": 4 }), 30, |_, passed| !since(passed, 10)).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!(proof.evidence(), Evidence::Classic);
    assert!(ran.notes[0].contains("no longer knows this run's service deployment"), "{:?}", ran.notes);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_status_is_still_under_way() {
    let ran = rolled(GOOD, json!({}), 30, |one, passed| {
        if !since(passed, 200) {
            one.status = DeploymentStatus::Other("SUCCESSFUL_SOON".into());
        }
        true
    })
    .await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert!((200..203).contains(&ran.took.as_secs()), "{:?}", ran.took);
    assert!(
        ran.row()
            .timeline
            .iter()
            .any(|moment| moment.what == "SUCCESSFUL_SOON" || moment.what == "SUCCESSFUL")
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_stopped_for_no_reason_that_shows_is_unproved() {
    for (status, word, words) in [
        ("SUCCEEDED", "unproved", "neither a monitor of its own nor a newer deployment shows why"),
        ("FAILED", "failed without rollback", "lifecycle hook approve failed"),
    ] {
        let ran = rolled(GOOD, json!({}), 30, move |one, passed| {
            if since(passed, 20) {
                one.status = DeploymentStatus::Stopped;
                one.hooks = vec![hook(status)];
            }
            true
        })
        .await;
        assert_eq!(ran.verdict().word(), word);
        assert!(ran.said().contains(words), "{}", ran.said());
        assert!((75..115).contains(&ran.took.as_secs()), "{:?}", ran.took);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_shown_and_waited_for_and_is_the_verdict_at_the_deadline() {
    let paused = |one: &mut ServiceDeployment, from: u64, until: u64, passed: Duration| {
        if since(passed, from) && !since(passed, until) {
            one.status = DeploymentStatus::InProgress;
            one.rules.strategy = Strategy::BlueGreen;
            one.stage = Some("POST_SCALE_UP".into());
            one.hooks = vec![hook("AWAITING_ACTION")];
        }
        true
    };
    let ran = rolled(GOOD, json!({}), 30, move |one, passed| paused(one, 20, 600, passed)).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    let waits = "waits for an answer to lifecycle hook approve, then ROLLBACK";
    assert!(ran.row().timeline.iter().any(|moment| moment.what == waits), "{:?}", ran.row().timeline);
    let ran = rolled(GOOD, json!({}), 10, move |one, passed| paused(one, 20, 6_000, passed)).await;
    let ServiceVerdict::Paused { hook, timeout_action, .. } = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!((hook.as_str(), timeout_action.as_deref()), ("approve", Some("ROLLBACK")));
    assert_eq!(ran.took.as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_pause_is_continued_backwards() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let between = Altered::of(&world, |one, _| {
        one.hooks = vec![hook("AWAITING_ACTION")];
        true
    });
    let terms = Terms { on_cancel: OnCancel::Rollback, ..terms() };
    let ran = world
        .run_in(&between, GOOD, &[rollout], &terms, async |interrupt| {
            sleep(Duration::from_secs(20)).await;
            interrupt.send_replace(true);
        })
        .await;
    assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: true }, "{:?}", ran.notes);
    assert_eq!((between.paused.get(), ran.count("StopServiceDeployment")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_bake_time_of_an_hour_is_not_looked_at_each_second_and_its_end_is_seen_at_once() {
    const BAKE: Duration = Duration::from_secs(3_600);
    let ran = rolled(GOOD, json!({}), 120, |one, passed| {
        one.rules.strategy = Strategy::BlueGreen;
        one.rules.bake = BAKE;
        if since(passed, 60) {
            one.stage = Some("BAKE_TIME".into());
            if passed < Duration::from_secs(60) + BAKE {
                one.status = DeploymentStatus::InProgress;
            }
        }
        true
    })
    .await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert!((3_660..3_663).contains(&ran.took.as_secs()), "{:?}", ran.took);
    assert!((600..1_000).contains(&ran.count("DescribeServiceDeployments")), "{:?}", ran.calls);
    let bakes = "waits for the end of the bake time of 1 h";
    assert!(ran.row().timeline.iter().any(|moment| moment.what == bakes), "{:?}", ran.row().timeline);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_does_not_end_is_not_followed_for_ever() {
    let ran = rolled(GOOD, json!({}), 1, |one, passed| {
        if since(passed, 20) {
            one.status = DeploymentStatus::RollbackInProgress;
        }
        true
    })
    .await;
    let ServiceVerdict::RolledBack { over: false, .. } = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!(ran.took.as_secs(), 20 + 900);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_is_followed_to_that() {
    let ran = rolled(BROKEN, breaker(true), 30, |one, _| {
        if one.status == DeploymentStatus::RollbackSuccessful {
            one.status = DeploymentStatus::RollbackFailed;
        }
        true
    })
    .await;
    assert_eq!(ran.verdict().word(), "rollback failed", "{}", ran.said());
    assert!(ran.first[0].1.starts_with("ECS is going back"), "{:?}", ran.first);
}

async fn with_endless_log(pause: Duration) -> (Ran, usize) {
    let world = World::with_service(breaker(false)).await;
    let rollout = world.rollout("web", &world.register(&image(BROKEN)), BROKEN).await;
    let between = Altered { endless_log: Some(pause), ..Altered::of(&world, |_, _| true) };
    let ran = world.run_in(&between, BROKEN, &[rollout], &terms(), async |_| {}).await;
    assert_eq!(ran.verdict().word(), "failed without rollback", "{}", ran.said());
    assert!(ran.ended - ran.first[0].0 < 31_000, "{} ms", ran.ended - ran.first[0].0);
    (ran, between.pages.get())
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_takes_too_long_is_left_out() {
    let (ran, pages) = with_endless_log(Duration::from_secs(20)).await;
    assert!(ran.row().cause.is_none());
    assert_eq!(pages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_has_no_end_is_cut() {
    let (ran, pages) = with_endless_log(Duration::from_millis(1)).await;
    let cause = ran.row().cause.as_ref().expect("a cause");
    assert_eq!((pages, cause.log.seen), (50, 50));
    assert_eq!(cause.log.note.as_deref(), Some("the log is longer than was read"));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_does_not_show_is_given_again() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, SICK).await;
    let between = Altered { ignored: Cell::new(1), ..Altered::of(&world, |_, _| true) };
    let ran = taken_back_in(&world, &between, ours, async |_| {}).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::WentBack(_)), "{}", ran.said());
    assert!(ran.took > Duration::from_secs(60), "{:?}", ran.took);
    assert_eq!(ran.count("StopServiceDeployment"), 1);
}

#[tokio::test(start_paused = true)]
async fn health_is_a_verdict_on_what_is_deployed_and_may_take_it_back() {
    for (body, on_failure, word, runs) in [
        ("commit abc", OnFailure::Rollback, "deployed", "app:2"),
        ("commit old", OnFailure::Keep, "unhealthy", "app:2"),
        ("commit old", OnFailure::Rollback, "unhealthy", "app:1"),
    ] {
        let world = World::with_service(json!({})).await;
        let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
        let between = Altered { body, ..Altered::of(&world, |_, _| true) };
        let health = HealthFlags {
            health_url: Some("https://shop.example/ready".into()),
            health_expect: Some("abc".into()),
            health_successes: 3,
        };
        let terms = Terms { health, on_failure, ..terms() };
        let ran = world.run_in(&between, GOOD, &[rollout], &terms, async |_| {}).await;
        assert_eq!(ran.verdict().word(), word, "{}", ran.said());
        let now = world.service("web").await.task_definition;
        assert_eq!(now.as_deref().map(crate::arn::name), Some(runs));
        let health = ran.row().health.as_deref().expect("what was answered");
        match word {
            "deployed" => assert_eq!(health, "3 good answers in a row, each with abc"),
            _ => assert!(health.contains("it answers 200 without abc in body or header"), "{health}"),
        }
        if runs == "app:1" {
            assert!(ran.said().contains("taken back to app:1: app:1 in 2 running tasks"), "{}", ran.said());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_tasks_than_are_wanted_are_said() {
    // As with early success criteria: SUCCESSFUL before all tasks run, of which one never does.
    let world = World::with_service(json!({})).await;
    let started = std::sync::atomic::AtomicU32::new(0);
    world.sandbox.set_program("app", move |_| {
        match started.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Script::new().until_stopped(),
            _ => Script::new().cannot_start("no space left"),
        }
    });
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let between = Altered::of(&world, |one, passed| {
        if since(passed, 60) {
            one.status = DeploymentStatus::Successful;
        }
        true
    });
    let ran = world.run_in(&between, GOOD, &[rollout], &terms(), async |_| {}).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert!(ran.said().contains("app:2 in 1 running task of 2 wanted"), "{}", ran.said());
    assert!((118..122).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_may_be_faster_than_the_order_to_go_back() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, SICK).await;
    // ROLLBACK_REQUESTED → SUCCESSFUL
    let between = Altered {
        ignored: Cell::new(u32::MAX),
        ..Altered::of(&world, |one, passed| {
            one.status = match passed.as_secs() {
                0..5 => DeploymentStatus::InProgress,
                5..10 => DeploymentStatus::RollbackRequested,
                _ => DeploymentStatus::Successful,
            };
            true
        })
    };
    let ran = taken_back_in(&world, &between, ours, async |_| {}).await;
    assert_eq!(ran.row().verdict, Some(asked_again()));
    let told: Vec<&str> = ran.row().timeline.iter().map(|moment| moment.what.as_str()).collect();
    assert!(
        told.contains(&"ROLLBACK_REQUESTED") && told.contains(&"it was complete before ECS could go back")
    );
    assert!((10..12).contains(&ran.took.as_secs()), "{:?}", ran.took);
}
