//! Deployments that are taken back while they are under way.

use super::*;

pub(super) async fn underway(world: &World, digit: char) -> Underway {
    world.update("web", &world.register(&image(digit)), false).await;
    loop {
        sleep(Duration::from_secs(1)).await;
        let listed = world.aws.service_deployments(CLUSTER, "web", None).await.expect("a list");
        let crate::ports::Lookup::Found(listed) = listed else { panic!("denied") };
        if let Some(newest) = listed.first().filter(|newest| !newest.status.is_over()) {
            let before = world.service("web").await;
            return Underway {
                before,
                deployment: newest.arn.clone(),
                to: None,
                timeout: Duration::from_secs(30 * 60),
            };
        }
    }
}

/// What a caller says that has nothing to put on a service which was complete before.
pub(super) fn asked_again() -> ServiceVerdict {
    ServiceVerdict::NotDeployed { why: "it was complete".into() }
}

async fn taken_back(world: &World, underway: Underway, beside: impl AsyncFnOnce(&Sender<bool>)) -> Ran {
    taken_back_in(world, &world.aws, underway, beside).await
}

pub(super) async fn taken_back_in<W: ServiceWorld>(
    world: &World,
    between: &W,
    underway: Underway,
    beside: impl AsyncFnOnce(&Sender<bool>),
) -> Ran {
    taken_back_on(world, between, underway, &terms(), beside).await
}

pub(super) async fn taken_back_on<W: ServiceWorld>(
    world: &World,
    between: &W,
    underway: Underway,
    terms: &Terms,
    beside: impl AsyncFnOnce(&Sender<bool>),
) -> Ran {
    let all = [(0, WayBack::TakeBack(Box::new(underway)))];
    let terms = Terms { is_back: true, ..terms.clone() };
    let work = async |session: &Session<'_, &W, Report>| {
        let again = async |place: usize| {
            session.recorder.update(|report| report.services[place].verdict = Some(asked_again()));
            None
        };
        go_back(&all, again, &terms, session).boxed_local().await;
    };
    world.recorded(between, 1, beside, work).await
}

#[tokio::test(start_paused = true)]
async fn only_the_end_of_the_rollback_is_success_with_proof_of_what_runs() {
    for breaks in [false, true] {
        let world = World::with_service(if breaks { breaker(true) } else { json!({}) }).await;
        let ours = underway(&world, GOOD).await;
        let ran = taken_back(&world, ours, async |_| {}).await;
        let ServiceVerdict::WentBack(proof) = ran.verdict() else { panic!("{}", ran.said()) };
        assert_eq!((crate::arn::name(proof.task_definition()), proof.tasks()), ("app:1", 2));
        assert_eq!((ran.count("StopServiceDeployment"), ran.count("UpdateService")), (1, 0));
        let told: Vec<&str> = ran.row().timeline.iter().map(|moment| moment.what.as_str()).collect();
        assert!(told.contains(&"ROLLBACK_SUCCESSFUL"), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_is_under_way_is_followed_without_an_order() {
    let world = World::with_service(breaker(true)).await;
    let ours = underway(&world, BROKEN).await;
    while world.service("web").await.primary().map(|one| &one.id) == ours.before.primary().map(|one| &one.id)
    {
        sleep(Duration::from_secs(1)).await;
    }
    let ran = taken_back(&world, ours, async |_| {}).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::WentBack(_)), "{}", ran.said());
    assert_eq!(ran.count("StopServiceDeployment"), 0);
}

#[tokio::test(start_paused = true)]
async fn of_one_that_is_complete_the_caller_is_asked() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, GOOD).await;
    world.steady("web").await;
    let ran = taken_back(&world, ours, async |_| {}).await;
    assert_eq!(ran.row().verdict, Some(asked_again()));
    assert_eq!(ran.count("StopServiceDeployment"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_refused_is_looked_at_again_and_not_for_ever() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, GOOD).await;
    let conflict = Disturbance::Error { code: "ConflictException".into(), message: "It is changing.".into() };
    world.sandbox.faults().push(Fault::call("ecs:StopServiceDeployment", conflict));
    let ran = taken_back(&world, ours, async |_| {}).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::WentBack(_)), "{}", ran.said());
    assert_eq!(ran.count("StopServiceDeployment"), 2);

    let ours = underway(&world, SICK).await;
    world.disturb("ecs:StopServiceDeployment", Disturbance::AccessDenied);
    let ran = taken_back(&world, ours, async |_| {}).await;
    assert_eq!((ran.verdict().word(), ran.count("StopServiceDeployment")), ("unproved", 3));
    assert!(ran.said().contains("access denied"), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_superseded_meanwhile_did_not_go_back() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, GOOD).await;
    world.disturb("ecs:StopServiceDeployment", Disturbance::Throttle);
    let ran = taken_back(&world, ours, async |_| {
        world.update("web", &world.register(&image(SICK)), false).await;
    })
    .await;
    assert_eq!(ran.verdict(), &ServiceVerdict::Superseded { by: "app:3".into() }, "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn where_ecs_has_recorded_one_digest_of_two_nothing_is_proved() {
    let world = World::new();
    let document = json!({
        "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/x", "containerDefinitions": [
            {"name": "app", "image": "registry.example/app:1"},
            {"name": "proxy", "image": image(OLD)},
        ],
    });
    let two = world.sandbox.register_task_definition(&document);
    let two = two.unwrap_or_else(|error| panic!("{}", error.message));
    world.create("web", &image(OLD), json!({ "taskDefinition": two }));
    world.steady("web").await;
    let ours = underway(&world, GOOD).await;
    let between =
        super::between::Altered { unrecorded: "app", ..super::between::Altered::of(&world, |_, _| true) };
    let ran = taken_back_in(&world, &between, ours, async |_| {}).await;
    assert_eq!(ran.verdict().word(), "unproved", "{}", ran.said());
    assert!(ran.said().contains("no image digest is known that container app is to have"), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_something_else_than_was_planned_is_no_success() {
    for is_planned in [false, true] {
        let world = World::with_service(json!({})).await;
        let mut ours = underway(&world, GOOD).await;
        let runs = ours.before.deployments.last().and_then(|one| one.task_definition.clone()).expect("app:1");
        let images = vec![RevisionImage { container: "web".into(), image: image(GOOD), digest: None }];
        let before = world.aws.service_deployments(CLUSTER, "web", None).await.expect("a list");
        let crate::ports::Lookup::Found(before) = before else { panic!("denied") };
        let revision = before[1].target.clone().filter(|_| is_planned);
        ours.to = Some(PlannedTarget { revision, task_definition: runs, images });
        let ran = taken_back(&world, ours, async |_| {}).await;
        if is_planned {
            assert!(matches!(ran.verdict(), ServiceVerdict::WentBack(_)), "{}", ran.said());
        } else {
            assert_eq!(ran.verdict().word(), "unproved");
            assert!(ran.said().contains("and the plan was to go back to app:1"), "{}", ran.said());
        }
    }
}
