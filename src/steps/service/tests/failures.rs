//! Deployments whose tasks do not stay, and that do not end.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rollback_is_said_when_it_begins_and_followed_to_its_end() {
    let world = World::with_service(breaker(true)).await;
    let before = world.service("web").await;
    let ran = world.roll(BROKEN).await;
    let ServiceVerdict::RolledBack { why, to, over: true } = ran.verdict() else { panic!("{}", ran.said()) };
    assert!(why.starts_with("the deployment circuit breaker was triggered: 3 failed tasks of 3"), "{why}");
    assert_eq!(to.as_deref(), Some("app:1"));
    let row = ran.row();
    let moment = |words: &str| {
        let found = row.timeline.iter().find(|moment| moment.what.starts_with(words));
        found.unwrap_or_else(|| panic!("{words}: {:?}", row.timeline)).at.as_millisecond()
    };
    let (said_at, said) = &ran.first[0];
    assert!(said.starts_with("ECS is going back to app:1"), "{said}");
    let late = said_at - moment("rolled back: ");
    assert!((0..=1_500).contains(&late), "{late} ms after ECS began to go back");
    assert!(ran.ended - said_at > 10_000, "the rollback's end is seen {} ms later", ran.ended - said_at);
    assert_eq!(moment("ROLLBACK_SUCCESSFUL"), millis(row.finished_at));
    assert_eq!(world.service("web").await.primary().map(|one| &one.id), before.primary().map(|one| &one.id));
}

#[tokio::test(start_paused = true)]
async fn the_cause_is_a_task_of_ours_with_the_end_of_its_log() {
    for (rolls_back, word) in [(true, "rolled back"), (false, "failed without rollback")] {
        let world = World::with_service(breaker(rolls_back)).await;
        let ran = world.roll(BROKEN).await;
        assert_eq!(ran.verdict().word(), word, "{}", ran.said());
        let cause = ran.row().cause.as_ref().expect("a cause");
        assert_eq!((cause.container.as_deref(), cause.exit_code), (Some("app"), Some(1)));
        assert_eq!(cause.stop_code.as_deref(), Some("EssentialContainerExited"));
        assert_eq!(cause.log.lines().collect::<Vec<_>>(), ["starting", "no such table"]);
        assert!(cause.diagnosis.is_some() && cause.log_url.is_some());
        assert!(cause.events.iter().any(|event| event.contains("deployment failed")), "{:?}", cause.events);
        let number = ran.row().timeline[0].what.split(' ').nth(1).expect("an id").to_owned();
        let task = world
            .sandbox
            .tasks()
            .into_iter()
            .find(|task| Some(task["taskArn"].as_str().unwrap_or_default()) == cause.task_arn.as_deref());
        assert_eq!(task.expect("the task")["startedBy"], number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_fails_is_the_cause() {
    let world = World::with_service(breaker(true)).await;
    let ran = world.roll(SICK).await;
    assert_eq!(ran.verdict().word(), "rolled back", "{}", ran.said());
    let cause = ran.row().cause.as_ref().expect("a cause");
    assert!(
        cause.events.iter().any(|event| event.ends_with("failed container health checks.")),
        "{:?}",
        cause.events
    );
    assert_eq!(cause.stopped_reason.as_deref(), Some("Task failed container health checks"));
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_has_nothing_to_go_back_to() {
    let world = World::new();
    world.create("web", &image(BROKEN), breaker(true));
    // It is given up before anything was ever complete.
    while world.service("web").await.deployments[0].rollout.as_deref() != Some("FAILED") {
        sleep(Duration::from_secs(5)).await;
    }
    let ran = world.roll(SICK).await;
    assert_eq!(ran.verdict().word(), "rollback failed", "{}", ran.said());
    assert!(ran.said().contains("circuit breaker was triggered"), "{}", ran.said());
    assert!(ran.row().cause.as_ref().is_some_and(|cause| cause.task_arn.is_some()));
    // DescribeServices alone says less.
    world.disturb("ecs:ListServiceDeployments", Disturbance::AccessDenied);
    let ran = world.roll(BROKEN).await;
    assert_eq!(ran.verdict().word(), "failed without rollback", "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_the_deadline_ends_it_and_says_what_it_waits_for() {
    let world = World::with_service(json!({})).await;
    let mut rollout = world.rollout("web", &world.register(&image(BROKEN)), BROKEN).await;
    rollout.timeout = Duration::from_secs(10 * 60);
    let ran = world.run(BROKEN, &[rollout]).await;
    let ServiceVerdict::TimedOut { after_ms: 600_000, why } = ran.verdict() else { panic!("{}", ran.said()) };
    assert!(why.starts_with("IN_PROGRESS; 0 of 2 tasks running") && why.contains("failed"), "{why}");
    assert!(why.contains("ECS says: (service web)"), "{why}");
    assert!(ran.took < Duration::from_secs(10 * 60 + 45), "{:?}", ran.took);
    let cause = ran.row().cause.as_ref().expect("a cause");
    assert_eq!(cause.exit_code, Some(1));
    assert_eq!(ran.verdict().exit_code(), crate::failure::ExitCode::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_stops_is_not_the_breakers_doing() {
    use crate::ports::ServiceWrites as _;
    let world = World::with_service(breaker(true)).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let ran = world
        .run_on(GOOD, &[rollout], &terms(), async |_| {
            sleep(Duration::from_secs(15)).await;
            let listed = world.aws.service_deployments(CLUSTER, "web", None).await.expect("a list");
            let crate::ports::Lookup::Found(listed) = listed else { panic!("denied") };
            world.aws.roll_back_service_deployment(&listed[0].arn).await.expect("taken");
        })
        .await;
    let ServiceVerdict::RolledBack { why, over: true, .. } = ran.verdict() else { panic!("{}", ran.said()) };
    assert!(!why.contains("circuit breaker was triggered"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_deleted_meanwhile_is_no_success() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let ran = world
        .run_on(GOOD, &[rollout], &terms(), async |_| {
            sleep(Duration::from_secs(10)).await;
            world.delete("web").await;
        })
        .await;
    assert_eq!(ran.verdict().word(), "failed without rollback", "{}", ran.said());
    assert!(ran.said().contains("the service was deleted"), "{}", ran.said());
}
