//! Someone else begins a deployment of the service meanwhile.

use super::*;

async fn overtaken(by: char, force: bool, deny_lists: bool) -> Ran {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let theirs = if by == GOOD { rollout.revision.clone() } else { world.register(&image(by)) };
    if deny_lists {
        world.disturb("ecs:ListServiceDeployments", Disturbance::AccessDenied);
    }
    let mine = world.rollout("web", &rollout.revision.clone(), GOOD).await;
    drop(rollout);
    let ran = world
        .run_on(GOOD, &[mine], &terms(), async |_| {
            sleep(Duration::from_secs(20)).await;
            world.update("web", &theirs, force).await;
        })
        .await;
    assert_eq!(ran.count("UpdateService"), 2, "ours and theirs");
    ran
}

#[tokio::test(start_paused = true)]
async fn by_another_revision_is_said_with_whose() {
    for deny_lists in [false, true] {
        let ran = overtaken(OLD, false, deny_lists).await;
        let ServiceVerdict::Superseded { by } = ran.verdict() else { panic!("{}", ran.said()) };
        assert_eq!(by, "app:3");
        assert!(ran.took < Duration::from_secs(40), "{:?}", ran.took);
    }
}

#[tokio::test(start_paused = true)]
async fn by_our_own_revision_is_followed_to_its_proof() {
    for deny_lists in [false, true] {
        let ran = overtaken(GOOD, true, deny_lists).await;
        let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
        let evidence = if deny_lists { Evidence::Classic } else { Evidence::ServiceDeployment };
        assert_eq!((proof.tasks(), proof.evidence()), (2, evidence));
        let followed =
            |moment: &crate::report::Moment| moment.what.starts_with("a newer deployment of the same");
        assert!(ran.row().timeline.iter().any(followed), "{:?}", ran.row().timeline);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_deployment_of_the_same_revision_that_is_rolled_back_is_no_success() {
    let world = World::with_service(breaker(true)).await;
    // The same revision, whose tasks do not start any more.
    world.sandbox.set_program("app", |_| Script::new().work(Duration::from_secs(2)).exit(1));
    let revision = world.service("web").await.task_definition.expect("a revision");
    let mut rollout = world.rollout("web", &revision, OLD).await;
    rollout.force = true;
    let ran = world.run(OLD, &[rollout]).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::RolledBack { over: true, .. }), "{}", ran.said());
    assert_eq!(world.requests("UpdateService")[0]["forceNewDeployment"], true);
}

#[tokio::test(start_paused = true)]
async fn an_older_deployment_that_failed_is_not_ours() {
    let world = World::with_service(breaker(true)).await;
    world.update("web", &world.register(&image(BROKEN)), false).await;
    sleep(Duration::from_secs(60)).await;
    world.steady("web").await;
    let ran = world.roll(GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
}
