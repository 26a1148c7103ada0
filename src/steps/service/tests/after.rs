//! What follows when all services have a verdict: the way back of those that are done.

use super::backwards::{taken_back_on, underway};
use super::between::Altered;
use super::*;

/// A world with two services of the old image, and a rollout of each: `a` will be deployed, and `b` rolled back by ECS.
async fn one_of_two() -> (World, [Rollout; 2]) {
    let world = World::new();
    for name in ["a", "b"] {
        world.create(name, &image(OLD), breaker(true));
        world.steady(name).await;
    }
    let good = world.rollout("a", &world.register(&image(GOOD)), GOOD).await;
    let mut bad = world.rollout("b", &world.register(&image(BROKEN)), BROKEN).await;
    bad.digests.push(("app".into(), digest(GOOD)));
    (world, [good, bad])
}

fn rolling_back() -> Terms {
    Terms { on_failure: OnFailure::Rollback, ..terms() }
}

async fn updates(world: &World, count: usize) {
    while world.requests("UpdateService").len() < count {
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_way_back_is_not_turned_round() {
    let (world, both) = one_of_two().await;
    let terms = Terms { on_cancel: OnCancel::Rollback, ..rolling_back() };
    let ran = world
        .run_on(GOOD, &both, &terms, async |interrupt| {
            updates(&world, 3).await;
            sleep(Duration::from_secs(10)).await;
            interrupt.send_replace(true);
        })
        .await;
    assert_eq!((ran.count("UpdateService"), ran.count("StopServiceDeployment")), (3, 0));
    let ServiceVerdict::RolledBack { over: false, .. } = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!(world.steady("a").await.task_definition, both[0].before.task_definition);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_deployed_since_is_left_alone() {
    for is_same in [false, true] {
        let (world, mut both) = one_of_two().await;
        // It takes longer.
        both[1] = world.rollout("b", &world.register(&image(SICK)), SICK).await;
        both[1].digests.push(("app".into(), digest(GOOD)));
        let theirs = if is_same { both[0].revision.clone() } else { world.register(&image(GOOD)) };
        let ran = world
            .run_on(GOOD, &both, &rolling_back(), async |_| {
                updates(&world, 2).await;
                while world.service("a").await.deployments[0].rollout.as_deref() != Some("COMPLETED") {
                    sleep(Duration::from_secs(1)).await;
                }
                sleep(Duration::from_secs(5)).await;
                world.update("a", &theirs, is_same).await;
            })
            .await;
        assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
        assert_eq!(ran.count("UpdateService"), 3, "two of ours, and theirs");
        let note = "service a is not taken back (--on-failure rollback): it was deployed again since";
        assert!(ran.notes.iter().any(|one| one == note), "{:?}", ran.notes);
        assert_eq!(world.steady("a").await.task_definition, Some(theirs));
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_is_begun_after_a_refused_update_and_claimed_only_where_ecs_has_taken_it() {
    for refuses_all in [false, true] {
        let (world, both) = one_of_two().await;
        let refusal = Fault::call("ecs:UpdateService", Disturbance::AccessDenied).after(1);
        world.sandbox.faults().push(if refuses_all { refusal.always() } else { refusal });
        let ran = world.run_on(GOOD, &both, &rolling_back(), async |_| {}).await;
        assert_eq!(ran.rows[1].verdict.as_ref().map(ServiceVerdict::word), Some("not deployed"));
        assert_eq!(ran.count("UpdateService"), 3);
        let (word, words, runs) = match refuses_all {
            false => ("rolled back", "taken back to app:1: app:1 in 2 running tasks", "app:1"),
            true => {
                ("unproved", "was to be taken back to app:1 (--on-failure rollback), and was not", "app:3")
            }
        };
        assert_eq!(ran.verdict().word(), word, "{}", ran.said());
        assert!(ran.said().contains(words), "{}", ran.said());
        assert_eq!(ran.notes.iter().any(|note| note.contains("is taken back")), !refuses_all);
        let now = world.service("a").await.task_definition;
        assert_eq!(now.as_deref().map(crate::arn::name), Some(runs));
    }
}

fn with_health() -> Terms {
    let health = HealthFlags {
        health_url: Some("https://shop.example/ready".into()),
        health_expect: None,
        health_successes: 3,
    };
    Terms { health, ..terms() }
}

#[tokio::test(start_paused = true)]
async fn the_health_of_what_ecs_itself_takes_back_is_given_as_much_time() {
    let world = World::with_service(json!({})).await;
    let ours = underway(&world, GOOD).await;
    let between = Altered::of(&world, |_, _| true);
    let ran = taken_back_on(&world, &between, ours, &with_health(), async |_| {}).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::WentBack(_)), "{}", ran.said());
    assert_eq!(ran.row().health.as_deref(), Some("3 good answers in a row"));
}

#[tokio::test(start_paused = true)]
async fn health_that_an_interrupt_leaves_unasked_is_no_success() {
    let world = World::with_service(json!({})).await;
    for (terms, word) in [(with_health(), "unhealthy"), (terms(), "deployed with no tasks wanted")] {
        let work = async |session: &Session<'_, &Aws, Report>| {
            session
                .recorder
                .update(|report| report.services[0].verdict = Some(ServiceVerdict::NoTasksWanted));
            Rolling::new(&terms, session).settle(&[], None).await;
        };
        let interrupted = async |interrupt: &Sender<bool>| {
            interrupt.send_replace(true);
        };
        let ran = world.recorded(&world.aws, 1, interrupted, work).await;
        assert_eq!(ran.verdict().word(), word);
        if word == "unhealthy" {
            assert_eq!(ran.said(), "its health was not asked: the run was interrupted");
        }
    }
}
