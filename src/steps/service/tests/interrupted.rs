//! The run is interrupted.

use super::*;

async fn interrupted(on_cancel: OnCancel, after: Duration, deny: Option<&str>) -> (World, Ran) {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    if let Some(operation) = deny {
        world.disturb(operation, Disturbance::AccessDenied);
    }
    let terms = Terms { on_cancel, ..terms() };
    let ran = world
        .run_on(GOOD, &[rollout], &terms, async |interrupt| {
            if !after.is_zero() {
                sleep(after).await;
            }
            interrupt.send_replace(true);
        })
        .await;
    assert!(ran.took < after + Duration::from_secs(6), "{:?}", ran.took);
    (world, ran)
}

#[tokio::test(start_paused = true)]
async fn a_deployment_goes_on_unless_a_rollback_is_asked_for() {
    for on_cancel in [OnCancel::Stop, OnCancel::Leave] {
        let (world, ran) = interrupted(on_cancel, Duration::from_secs(20), None).await;
        assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: false });
        assert_eq!(ran.count("StopServiceDeployment"), 0);
        assert!(
            ran.notes[0].contains("goes on, and nothing follows it; to go back: `aws ecs"),
            "{:?}",
            ran.notes
        );
        let now = world.steady("web").await;
        assert_eq!(now.task_definition.as_deref().map(crate::arn::name), Some("app:2"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_ordered_once_it_is_known_of_what() {
    // The second is interrupted before ECS lists the deployment.
    for after in [Duration::from_secs(20), Duration::from_millis(300)] {
        let (world, ran) = interrupted(OnCancel::Rollback, after, None).await;
        assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: true }, "{:?}", ran.notes);
        assert_eq!(ran.count("StopServiceDeployment"), 1);
        let now = world.steady("web").await;
        assert_eq!(now.task_definition.as_deref().map(crate::arn::name), Some("app:1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_is_not_taken_is_not_claimed() {
    for operation in ["ecs:StopServiceDeployment", "ecs:ListServiceDeployments"] {
        let (_, ran) = interrupted(OnCancel::Rollback, Duration::from_secs(20), Some(operation)).await;
        assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: false });
        let note = ran.notes.iter().find(|note| note.contains("was not told to go back"));
        assert!(note.is_some_and(|note| note.contains("access denied")), "{:?}", ran.notes);
    }
}

#[tokio::test(start_paused = true)]
async fn before_anything_began_nothing_is_begun() {
    let (_, ran) = interrupted(OnCancel::Rollback, Duration::ZERO, None).await;
    assert_eq!((ran.verdict().word(), ran.count("UpdateService")), ("not deployed", 0), "{}", ran.said());
}

/// What a dropped poll must never do.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_rolls_nothing_back() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let terms = Terms { on_cancel: OnCancel::Rollback, ..terms() };
    let running = world.run_on(GOOD, std::slice::from_ref(&rollout), &terms, async |_| {});
    assert!(tokio::time::timeout(Duration::from_secs(20), running).await.is_err());
    let now = world.steady("web").await;
    assert_eq!(now.task_definition, Some(rollout.revision));
    assert!(world.requests("StopServiceDeployment").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_gets_time_for_its_answer() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::Hang));
    let ran = world
        .run_on(GOOD, &[rollout], &terms(), async |interrupt| {
            sleep(Duration::from_secs(1)).await;
            interrupt.send_replace(true);
        })
        .await;
    assert!(ran.said().contains("interrupted while UpdateService had no answer"), "{}", ran.said());
    assert_eq!((ran.verdict().word(), ran.took.as_secs()), ("unproved", 4));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_begun_is_not_taken_back() {
    for is_there_before in [true, false] {
        let world = World::with_service(json!({})).await;
        let revision = world.register(&image(GOOD));
        if is_there_before {
            world.update("web", &revision, false).await;
        }
        let rollout = world.rollout("web", &revision, GOOD).await;
        let terms = Terms { on_cancel: OnCancel::Rollback, ..terms() };
        let ran = world
            .run_on(GOOD, &[rollout], &terms, async |interrupt| {
                sleep(Duration::from_secs(5)).await;
                if !is_there_before {
                    world.update("web", &revision, true).await;
                }
                sleep(Duration::from_secs(10)).await;
                interrupt.send_replace(true);
            })
            .await;
        assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: false }, "{is_there_before}");
        assert_eq!(ran.count("StopServiceDeployment"), 0);
        assert!(ran.notes.iter().any(|note| note.contains("goes on")), "{:?}", ran.notes);
    }
}
