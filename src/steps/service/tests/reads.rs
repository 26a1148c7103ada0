//! Reads that are old, late, denied or lost.

use super::*;
use crate::failure::ExitCode;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_was_before_is_no_sign_of_anything_right_after_or_minutes_later() {
    for (from, lasts) in [(0, 90), (20, 60), (40, 600)] {
        for denied in [false, true] {
            let world = World::with_service(json!({})).await;
            let (from, lasts) = (Duration::from_secs(from), Duration::from_secs(lasts));
            world.sandbox.faults().push(Fault::stale_service(from, lasts));
            if denied {
                world.disturb("ecs:ListServiceDeployments", Disturbance::AccessDenied);
            }
            let ran = world.roll(GOOD).await;
            match ran.verdict() {
                ServiceVerdict::Deployed(_) => {}
                // The proof waits for minutes; what is old for longer is not a proof, and no failure either.
                ServiceVerdict::Unproved { why } if lasts > 5 * MINUTE && !denied => {
                    assert!(why.contains("DescribeServices shows another PRIMARY deployment"), "{why}");
                }
                _ => panic!("{from:?} {lasts:?} {denied}: {}", ran.said()),
            }
            assert_eq!(ran.count("UpdateService"), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_list_is_waited_for_and_then_done_without_until_it_comes() {
    for (late, evidence) in [(30, Evidence::ServiceDeployment), (6_000, Evidence::Classic)] {
        let world = World::with_service(json!({})).await;
        world.sandbox.faults().push(Fault::late_service_deployment(Duration::from_secs(late)));
        let ran = world.roll(GOOD).await;
        let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
        assert_eq!(proof.evidence(), evidence);
        let weaker = ran.notes.iter().filter(|note| note.contains("the weaker proof")).count();
        assert_eq!(weaker, usize::from(evidence == Evidence::Classic), "{:?}", ran.notes);
        assert_eq!(ran.row().evidence, Some(evidence));
    }
    // Listed while DescribeServices is followed alone: the better one is used then.
    let world = World::with_service(breaker(false)).await;
    world.sandbox.faults().push(Fault::late_service_deployment(Duration::from_secs(90)));
    world.sandbox.faults().push(Fault::pending_service_deployment(Duration::from_secs(120)));
    let ran = world.roll(GOOD).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!(proof.evidence(), Evidence::ServiceDeployment);
    assert_eq!(ran.notes.len(), 1, "{:?}", ran.notes);
}

#[tokio::test(start_paused = true)]
async fn where_the_record_is_denied_describe_services_judges_alone() {
    for operation in
        ["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"]
    {
        for (digit, rolls_back, word) in [
            (GOOD, true, "deployed"),
            (BROKEN, true, "rolled back"),
            (BROKEN, false, "failed without rollback"),
        ] {
            let world = World::with_service(breaker(rolls_back)).await;
            world.disturb(operation, Disturbance::AccessDenied);
            let ran = world.roll(digit).await;
            assert_eq!(ran.verdict().word(), word, "{operation}: {}", ran.said());
            assert_eq!(ran.row().evidence, Some(Evidence::Classic));
            assert_eq!(
                ran.notes.iter().filter(|note| note.contains("the weaker proof")).count(),
                1,
                "{:?}",
                ran.notes
            );
            match ran.verdict() {
                ServiceVerdict::Deployed(proof) => {
                    assert_eq!(proof.evidence(), Evidence::Classic);
                    assert!(ran.said().contains("this is the weaker proof"));
                }
                ServiceVerdict::RolledBack { to, over, .. } => {
                    assert_eq!((to.as_deref(), *over), (Some("app:1"), true));
                    assert!(ran.first[0].1.starts_with("ECS is going back"), "{:?}", ran.first);
                }
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_read_of_the_service_ends_the_wait_and_names_the_permission() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    world.disturb("ecs:DescribeServices", Disturbance::AccessDenied);
    let ran = world.run(GOOD, &[rollout]).await;
    assert_eq!((ran.verdict().word(), ran.verdict().exit_code()), ("unproved", ExitCode::Service));
    assert!(ran.said().contains("describe services web of cluster c: access denied"), "{}", ran.said());
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_may_not_be_looked_at_are_no_proof() {
    for operation in ["ecs:ListTasks", "ecs:DescribeTasks"] {
        let world = World::with_service(json!({})).await;
        world.disturb(operation, Disturbance::AccessDenied);
        let ran = world.roll(GOOD).await;
        assert_eq!((ran.verdict().word(), ran.verdict().exit_code()), ("unproved", ExitCode::Service));
        assert!(ran.said().contains("access denied"), "{}", ran.said());
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_reads_is_waited_out() {
    for disturbance in [Disturbance::ServerError, Disturbance::DropBefore, Disturbance::Throttle] {
        let world = World::with_service(json!({})).await;
        for operation in
            ["ecs:DescribeServices", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments"]
        {
            let rollout = Fault::call(operation, disturbance.clone());
            world.sandbox.faults().push(rollout.after(4).times(12));
        }
        let ran = world.roll(GOOD).await;
        assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{disturbance:?}: {}", ran.said());
        assert_eq!(ran.count("UpdateService"), 1);
    }
}

/// All that is compared are times of ECS with each other.
#[tokio::test(start_paused = true)]
async fn the_clock_of_this_machine_does_not_matter() {
    for skew in [0, 300] {
        let world = World::with_service(json!({})).await;
        // The sandbox's clock runs on with tokio's, and so away from this machine's.
        sleep(Duration::from_secs(skew)).await;
        let ran = world.roll(GOOD).await;
        assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
        let begun = ran.row().timeline[0].at.as_millisecond();
        let since =
            world.requests("ListServiceDeployments")[0]["createdAt"]["after"].as_f64().expect("a bound");
        assert_eq!((since * 1000.0).round() as i64, begun - 60_000, "ECS's own time of our deployment");
        assert!(ran.row().timeline.is_sorted_by_key(|moment| moment.at));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_final_is_no_reason_to_wait_for_the_deadline() {
    let world = World::with_service(json!({})).await;
    let rollout = world.rollout("web", &world.register(&image(GOOD)), GOOD).await;
    let expired = Fault::call("ecs:*", Disturbance::ExpiredToken).after(1).always();
    world.sandbox.faults().push(expired);
    let ran = world.run(GOOD, &[rollout]).await;
    assert_eq!((ran.verdict().word(), ran.verdict().exit_code()), ("unproved", ExitCode::Service));
    assert!(ran.said().contains("the AWS credentials have expired"), "{}", ran.said());
    assert!(ran.took < MINUTE, "{:?}", ran.took);
}
