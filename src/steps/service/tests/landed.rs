//! Rollouts that arrive.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_deployment_is_proved_by_the_digest_of_every_running_task_of_it() {
    let world = World::with_service(json!({})).await;
    let ran = world.roll(GOOD).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!((proof.tasks(), proof.evidence()), (2, Evidence::ServiceDeployment));
    let row = ran.row();
    assert!(row.deployment.as_deref().is_some_and(|arn| arn.contains(":service-deployment/c/web/")));
    let late = ran.first[0].0 - millis(row.finished_at);
    assert!((0..1_500).contains(&late), "{late} ms after ECS said so");
    let told: Vec<&str> = row.timeline.iter().map(|moment| moment.what.as_str()).collect();
    assert!(told[0].contains("begins") && told.last() == Some(&"SUCCESSFUL"), "{told:?}");
    assert!(told.iter().any(|what| what.contains("all 2 tasks are running")), "{told:?}");
    assert!(row.timeline.is_sorted_by_key(|moment| moment.at), "{:?}", row.timeline);
    assert!(row.events.iter().any(|event| event.message.contains("has started 2 tasks")));
    assert!(row.events.iter().all(|event| event.created_at >= Some(row.timeline[0].at)), "{:?}", row.events);
    assert!(ran.notes.is_empty(), "{:?}", ran.notes);
}

#[tokio::test(start_paused = true)]
async fn update_service_is_sent_once_with_exactly_these_keys() {
    let world = World::with_service(json!({})).await;
    world.roll(GOOD).await;
    let requests = world.requests("UpdateService");
    assert_eq!(requests.len(), 1);
    let mut keys: Vec<&str> =
        requests[0].as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["cluster", "service", "taskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn ten_services_are_updated_at_once_and_looked_at_with_one_call_a_second() {
    let world = World::new();
    let names: Vec<String> = (0..10).map(|number| format!("web-{number}")).collect();
    for name in &names {
        world.create(name, &image(OLD), json!({}));
    }
    let revision = world.register(&image(GOOD));
    let mut rollouts = Vec::new();
    for name in &names {
        world.steady(name).await;
        rollouts.push(world.rollout(name, &revision, GOOD).await);
    }
    let ran = world.run(GOOD, &rollouts).await;
    for (row, (seen, _)) in ran.rows.iter().zip(&ran.first) {
        let verdict = row.verdict.as_ref().expect("a verdict");
        assert!(matches!(verdict, ServiceVerdict::Deployed(_)), "{}", verdict.explain());
        let late = seen - millis(row.finished_at);
        assert!((0..2_500).contains(&late), "{late} ms after ECS said so");
    }
    assert_eq!(ran.count("UpdateService"), 10);
    let updates = world.sandbox.calls();
    let mut updates = updates.iter().filter(|call| call.operation == "UpdateService").map(|call| call.at);
    let (first, last) = (updates.next().expect("a call"), updates.next_back().expect("a call"));
    assert!(last - first < 2_000, "{} ms", last - first);
    let seconds = usize::try_from(ran.took.as_secs()).expect("seconds");
    assert!(ran.count("DescribeServiceDeployments") <= seconds + 1, "{:?} in {seconds} s", ran.calls);
    // Each five seconds, and for each proof.
    assert!(ran.count("DescribeServices") <= seconds / 5 + 2 + 40, "{:?} in {seconds} s", ran.calls);
    assert!(ran.count("ListServiceDeployments") <= 60, "{:?}", ran.calls);
}

#[tokio::test(start_paused = true)]
async fn without_tasks_wanted_nothing_is_proved_to_start() {
    let world = World::with_service(json!({ "desiredCount": 0 })).await;
    let ran = world.roll(BROKEN).await;
    assert_eq!(ran.verdict(), &ServiceVerdict::NoTasksWanted);
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_may_be_pending_for_long() {
    let world = World::with_service(json!({})).await;
    world.sandbox.faults().push(Fault::pending_service_deployment(Duration::from_secs(300)));
    let ran = world.roll(GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    assert!(ran.row().timeline.iter().any(|moment| moment.what == "waits for ECS to start it"));
}

#[tokio::test(start_paused = true)]
async fn what_runs_already_is_unchanged_without_a_call() {
    let world = World::with_service(json!({})).await;
    let before = world.service("web").await;
    let rollout = world.rollout("web", &before.task_definition.clone().expect("a revision"), OLD).await;
    let ran = world.run(OLD, &[rollout]).await;
    let ServiceVerdict::Unchanged(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!((proof.tasks(), proof.evidence()), (2, Evidence::ServiceDeployment));
    assert_eq!(ran.count("UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_there_and_has_failed_is_no_success() {
    let world = World::with_service(breaker(false)).await;
    let revision = world.register(&image(BROKEN));
    world.update("web", &revision, false).await;
    while world.service("web").await.deployments[0].rollout.as_deref() != Some("FAILED") {
        sleep(Duration::from_secs(5)).await;
    }
    let rollout = world.rollout("web", &revision, BROKEN).await;
    let ran = world.run(BROKEN, &[rollout]).await;
    assert_eq!(ran.verdict().word(), "unproved");
    assert!(ran.said().contains("is of this revision already, and FAILED"), "{}", ran.said());
    assert_eq!(ran.count("UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn another_image_than_the_one_that_migrated_is_never_deployed() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let ran = world.run(OLD, &[rollout]).await;
    assert_eq!((ran.verdict().word(), ran.count("UpdateService")), ("not deployed", 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_with_another_digest_is_named_and_no_proof() {
    let world = World::with_service(json!({})).await;
    let mut rollout = world.rollout("web", &world.register("registry.example/app:latest"), GOOD).await;
    rollout.digests.push(("app".into(), digest(OLD)));
    let ran = world.run(GOOD, &[rollout]).await;
    assert_eq!(ran.verdict().word(), "unproved");
    assert!(ran.said().contains("container app of task") && ran.said().contains("runs the image sha256:"));
}

#[tokio::test(start_paused = true)]
async fn services_that_are_done_are_taken_back_when_another_one_is_not_and_that_is_asked_for() {
    for (on_failure, word) in [(OnFailure::Keep, "deployed"), (OnFailure::Rollback, "rolled back")] {
        let world = World::new();
        world.create("web", &image(OLD), breaker(true));
        world.create("api", &image(OLD), breaker(true));
        let (web, api) = (world.steady("web").await, world.steady("api").await);
        let good = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
        // The same image, which this service's health check refuses.
        let mut bad = world.rollout("api", &world.register(&image(BROKEN)), BROKEN).await;
        bad.digests.push(("app".into(), digest(GOOD)));
        let terms = Terms { on_failure, ..terms() };
        let ran = world.run_on(GOOD, &[good, bad], &terms, async |_| {}).await;
        let words: Vec<&str> = ran.rows.iter().filter_map(|row| Some(row.verdict.as_ref()?.word())).collect();
        assert_eq!(words, [word, "rolled back"]);
        assert_eq!(world.service("api").await.task_definition, api.task_definition);
        let now = world.service("web").await.task_definition;
        assert_eq!(now == web.task_definition, on_failure == OnFailure::Rollback);
        if on_failure == OnFailure::Rollback {
            assert!(
                ran.said().contains("another service is not deployed; taken back to app:1"),
                "{}",
                ran.said()
            );
            assert!(ran.said().contains("2 running tasks, each with the image's digest"), "{}", ran.said());
            assert_eq!(ran.count("UpdateService"), 3);
        }
    }
}
