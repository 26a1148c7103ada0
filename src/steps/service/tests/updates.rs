//! UpdateService: lost answers, throttling and refusals.

use super::*;
use crate::failure::ExitCode;

async fn disturbed(disturbance: Disturbance, times: u32, force: bool) -> (World, Ran) {
    let world = World::with_service(json!({})).await;
    let mut rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    rollout.force = force;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", disturbance).times(times));
    let ran = world.run(GOOD, &[rollout]).await;
    (world, ran)
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_that_was_carried_out_is_found_and_nothing_is_sent_again() {
    for force in [false, true] {
        let (world, ran) = disturbed(Disturbance::DropAfter, 1, force).await;
        assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
        assert_eq!(ran.count("UpdateService"), 1);
        assert!(
            ran.notes.iter().any(|note| note.contains("UpdateService got no answer, and was carried out"))
        );
        assert_eq!(world.service("web").await.deployments.len(), 2, "the old tasks still stop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_in_the_list_where_the_service_is_read_as_it_was() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::DropAfter));
    world.sandbox.faults().push(Fault::stale_service(Duration::ZERO, Duration::from_secs(75)));
    let ran = world.run(GOOD, &[rollout]).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert_eq!(ran.count("UpdateService"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_did_nothing_is_sent_again_after_a_minute_of_looks() {
    for disturbance in [Disturbance::DropBefore, Disturbance::ServerError] {
        for force in [false, true] {
            let (world, ran) = disturbed(disturbance.clone(), 1, force).await;
            assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{disturbance:?}: {}", ran.said());
            let sent: Vec<i64> = world
                .sandbox
                .calls()
                .iter()
                .filter(|call| call.operation == "UpdateService")
                .map(|call| call.at)
                .collect();
            assert_eq!(sent.len(), 2);
            assert!(sent[1] - sent[0] >= 55_000, "{sent:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_tell_nothing_is_sent_again() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::DropAfter));
    world.disturb("ecs:DescribeServices", Disturbance::AccessDenied);
    world.disturb("ecs:ListServiceDeployments", Disturbance::AccessDenied);
    let ran = world.run(GOOD, &[rollout]).await;
    assert_eq!((ran.verdict().word(), ran.count("UpdateService")), ("unproved", 1));
    assert!(ran.said().contains("whether it was carried out cannot be told"), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn calls_without_an_answer_are_not_repeated_for_ever() {
    let (_, ran) = disturbed(Disturbance::ServerError, u32::MAX, false).await;
    assert_eq!((ran.verdict().word(), ran.count("UpdateService")), ("unproved", 3));
    assert!(ran.said().contains("UpdateService got no answer 3 times"), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_had_no_effect_and_is_sent_again() {
    let (_, ran) = disturbed(Disturbance::Throttle, 5, true).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert_eq!(ran.count("UpdateService"), 6);
    assert!(ran.notes.is_empty(), "{:?}", ran.notes);
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_no_other_service_is_begun() {
    let world = World::new();
    let revision = world.register(&image(GOOD));
    let mut rollouts = Vec::new();
    for name in ["a", "b", "c"] {
        world.create(name, &image(OLD), json!({}));
        world.steady(name).await;
        rollouts.push(world.rollout(name, &revision, GOOD).await);
    }
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::AccessDenied).after(1));
    let ran = world.run(GOOD, &rollouts).await;
    let words: Vec<&str> = ran.rows.iter().filter_map(|row| Some(row.verdict.as_ref()?.word())).collect();
    assert_eq!(words, ["deployed", "not deployed", "not deployed"]);
    let codes = ran.rows.iter().filter_map(|row| Some(row.verdict.as_ref()?.exit_code()));
    assert_eq!(codes.collect::<Vec<_>>(), [ExitCode::Done, ExitCode::Service, ExitCode::Service]);
    let said =
        |index: usize| ran.rows[index].verdict.as_ref().map(|verdict| verdict.explain()).unwrap_or_default();
    assert!(said(1).contains("access denied"), "{}", said(1));
    assert!(said(2).contains("ECS refused the update of service b"), "{}", said(2));
    assert_eq!(ran.count("UpdateService"), 2);
}
