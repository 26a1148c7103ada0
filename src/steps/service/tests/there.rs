//! The service has the revision already, and ECS is going back to it from someone's newer one.

use super::between::Altered;
use super::*;
use crate::ports::{DeploymentStatus, Lookup};

/// Someone's broken deployment, which ECS is going back from: the rollout of what ran before, and is PRIMARY again.
async fn gone_back_to() -> (World, Rollout) {
    let world = World::with_service(breaker(true)).await;
    let before = world.service("web").await;
    world.update("web", &world.register(&image(BROKEN)), false).await;
    sleep(Duration::from_secs(10)).await;
    while world.service("web").await.primary().map(|one| &one.id) != before.primary().map(|one| &one.id) {
        sleep(Duration::from_secs(1)).await;
    }
    let revision = before.task_definition.expect("a revision");
    let rollout = world.rollout("web", &revision, OLD).await;
    assert_eq!(newest(&world).await, DeploymentStatus::RollbackInProgress);
    assert_eq!(rollout.before.deployments[0].rollout.as_deref(), Some("IN_PROGRESS"));
    (world, rollout)
}

async fn newest(world: &World) -> DeploymentStatus {
    let listed = world.aws.service_deployments(CLUSTER, "web", None).await.expect("a list");
    let Lookup::Found(listed) = listed else { panic!("denied") };
    listed.into_iter().max_by_key(|one| one.created_at).expect("one").status
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_rollback_counts_and_not_the_end_of_long_ago() {
    let (world, rollout) = gone_back_to().await;
    let ran = world.run(OLD, &[rollout]).await;
    let ServiceVerdict::Unchanged(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!((proof.tasks(), proof.evidence()), (2, Evidence::ServiceDeployment));
    assert_eq!(newest(&world).await, DeploymentStatus::RollbackSuccessful, "{:?}", ran.took);
    assert_eq!(ran.count("UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_does_not_arrive_is_no_success() {
    for (status, word) in [
        (DeploymentStatus::RollbackFailed, "rollback failed"),
        (DeploymentStatus::Stopped, "unproved"),
        (DeploymentStatus::Successful, "superseded"),
        (DeploymentStatus::RollbackInProgress, "timed out"),
    ] {
        let (world, rollout) = gone_back_to().await;
        let between = Altered::of(&world, move |one, _| {
            one.status = status.clone();
            true
        });
        let ran = world.run_in(&between, OLD, &[rollout], &terms(), async |_| {}).await;
        assert_eq!(ran.verdict().word(), word, "{}", ran.said());
    }
}

/// The list is not to be had at first, so nobody knows what is PRIMARY again.
#[tokio::test(start_paused = true)]
async fn an_old_success_in_the_list_is_no_end_where_something_newer_is() {
    let (world, rollout) = gone_back_to().await;
    let denied = Fault::call("ecs:ListServiceDeployments", Disturbance::AccessDenied);
    world.sandbox.faults().push(denied);
    let ran = world.run(OLD, &[rollout]).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!(proof.evidence(), Evidence::Classic);
    assert!(ran.notes.iter().any(|note| note.contains("a newer one is in the service's record")));
    let now = world.service("web").await;
    assert_eq!(now.primary().and_then(|one| one.rollout.as_deref()), Some("COMPLETED"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_runs_fewer_tasks_than_it_wants_is_not_unchanged() {
    for early in [false, true] {
        let started = std::sync::atomic::AtomicU32::new(0);
        let world = World::with_service(json!({})).await;
        world.sandbox.set_program("app", move |_| {
            match started.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Script::new().until_stopped(),
                _ => Script::new().cannot_start("no space left"),
            }
        });
        // Its tasks are replaced by themselves.
        for task in world.sandbox.tasks() {
            world.stop(task["taskArn"].as_str().expect("an ARN")).await;
        }
        sleep(Duration::from_secs(120)).await;
        let revision = world.service("web").await.task_definition.expect("a revision");
        let mut rollout = world.rollout("web", &revision, OLD).await;
        rollout.before.rules.early_success = early;
        let ran = world.run(OLD, &[rollout]).await;
        match early {
            true => assert!(matches!(ran.verdict(), ServiceVerdict::Unchanged(_)), "{}", ran.said()),
            false => {
                assert_eq!(ran.verdict().word(), "unproved", "{}", ran.said());
                assert!(ran.said().contains("runs 1 of 2 wanted tasks"), "{}", ran.said());
            }
        }
        assert_eq!(ran.count("UpdateService"), 0);
    }
}
