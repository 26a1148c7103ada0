//! Rollouts in seeded weather: whatever happens, nothing is called deployed that is not.

use sandbox::Weather;

use super::*;

/// Whether the service runs this revision, as the sandbox knows it, with tasks of its newest deployment alone.
async fn runs(world: &World, revision: &str) -> bool {
    world.sandbox.faults().clear();
    let service = world.service("web").await;
    let primary = service.primary().expect("a PRIMARY deployment");
    let tasks = world.sandbox.tasks();
    let mine = tasks
        .iter()
        .filter(|task| task["startedBy"] == primary.id.as_str() && task["lastStatus"] == "RUNNING");
    primary.task_definition.as_deref() == Some(revision) && mine.count() >= 1
}

async fn simulated(seed: u64) -> (String, bool) {
    fastrand::seed(seed);
    let mut dice = fastrand::Rng::with_seed(seed);
    let world = World::with_service(breaker(dice.bool())).await;
    let digit = if dice.u8(0..3) == 0 { BROKEN } else { GOOD };
    let mut rollout = world.rollout("web", &world.register(&image(digit)), digit).await;
    rollout.timeout = Duration::from_secs(dice.u64(60..1_200));
    let revision = rollout.revision.clone();
    let faults = world.sandbox.faults();
    faults.set_weather(Weather { throttle: 0.1 * dice.f64(), server_error: 0.1 * dice.f64() });
    let seconds = |dice: &mut fastrand::Rng| Duration::from_secs(dice.u64(0..200));
    if dice.bool() {
        faults.push(Fault::stale_service(seconds(&mut dice), seconds(&mut dice)));
    }
    if dice.bool() {
        faults.push(Fault::late_service_deployment(seconds(&mut dice)));
    }
    match dice.u8(0..4) {
        0 => faults.push(Fault::call("ecs:UpdateService", Disturbance::DropAfter)),
        1 => faults.push(Fault::call("ecs:UpdateService", Disturbance::DropBefore)),
        _ => {}
    }
    if dice.u8(0..4) == 0 {
        let read = ["ListServiceDeployments", "DescribeServiceDeployments", "DescribeServices", "ListTasks"];
        let read = format!("ecs:{}", read[dice.usize(0..read.len())]);
        faults.push(Fault::call(&read, Disturbance::AccessDenied).after(dice.u32(0..60)).always());
    }
    let overtaken = (dice.u8(0..4) == 0).then(|| (seconds(&mut dice), world.register(&image(OLD))));
    let ran = world
        .run_on(digit, &[rollout], &terms(), async |_| {
            if let Some((after, theirs)) = overtaken {
                sleep(after).await;
                let _ = world.try_update("web", &theirs).await;
            }
        })
        .await;
    let word = ran.verdict().word().to_owned();
    let done = ran.verdict().is_done();
    (format!("seed {seed}: {word}: {}", ran.said()), !done || runs(&world, &revision).await)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_called_deployed_that_is_not() {
    let mut words = BTreeMap::new();
    for seed in 0..24 {
        let (said, is_true) = simulated(seed).await;
        assert!(is_true, "{said}");
        let word = said.split(": ").nth(1).unwrap_or_default().to_owned();
        *words.entry(word).or_insert(0) += 1;
    }
    // A simulation in which nothing arrives, or nothing fails, shows nothing.
    assert!(words.get("deployed").is_some_and(|count| *count >= 5) && words.len() >= 4, "{words:?}");
}
