//! The strategies that shift traffic, hooks that pause, alarms, and early success: as the sandbox's scheduler does them.

use super::*;
use crate::plan::service_rules::deploy_timeout;

const MINUTE: Duration = Duration::from_secs(60);

/// A steady service whose next deployments are configured so. Its first one is not.
async fn configured(configuration: Value) -> World {
    let world = World::with_service(json!({})).await;
    let input = json!({"cluster": CLUSTER, "service": "web", "deploymentConfiguration": configuration});
    world.sandbox.ecs("UpdateService", &input).unwrap_or_else(|error| panic!("{}", error.message));
    world
}

/// Rolls out with the default deadline, while something else is done beside it.
async fn rolled(world: &World, digit: char, terms: &Terms, beside: impl AsyncFnOnce(&Sender<bool>)) -> Ran {
    let mut rollout = world.rollout("web", &world.register(&image(digit)), digit).await;
    rollout.timeout = deploy_timeout(None, &rollout.before.rules);
    world.run_on(digit, &[rollout], terms, beside).await
}

async fn alone(world: &World, digit: char) -> Ran {
    rolled(world, digit, &terms(), async |_| {}).await
}

fn told(ran: &Ran) -> Vec<&str> {
    ran.row().timeline.iter().map(|moment| moment.what.as_str()).collect()
}

/// Told, in this order, with others in between.
#[track_caller]
fn tells(ran: &Ran, lines: &[&str]) {
    let told = told(ran);
    let mut all = told.iter();
    for line in lines {
        assert!(all.any(|one| one.contains(line)), "{line:?}, in its place, is not in {told:#?}");
    }
}

/// The service's newest deployment, as DescribeServiceDeployments answers.
fn newest(world: &World) -> Value {
    let ecs = |operation: &str, input: Value| {
        world.sandbox.ecs(operation, &input).unwrap_or_else(|error| panic!("{}", error.message))
    };
    let listed = ecs("ListServiceDeployments", json!({"cluster": CLUSTER, "service": "web"}));
    let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
    ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}))["serviceDeployments"][0]
        .clone()
}

async fn until(world: &World, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..24 * 3600 {
        let newest = newest(world);
        if is_so(&newest) {
            return newest;
        }
        sleep(Duration::from_secs(1)).await;
    }
    panic!("it never came: {:#}", newest(world));
}

fn paused(seen: &Value) -> bool {
    seen["lifecycleHookDetails"].to_string().contains("AWAITING_ACTION")
}

fn pause(minutes: u64, action: &str) -> Value {
    json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": [{
        "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
        "timeoutConfiguration": {"timeoutInMinutes": minutes, "action": action},
    }]})
}

#[tokio::test(start_paused = true)]
async fn blue_green_is_deployed_at_the_end_of_its_bake_time_with_each_stage_told() {
    let world = configured(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 7})).await;
    let ran = alone(&world, GOOD).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert_eq!((proof.tasks(), proof.evidence()), (2, Evidence::ServiceDeployment));
    assert!(ran.took > 7 * MINUTE, "{:?}", ran.took);
    tells(
        &ran,
        &[
            "stage SCALE_UP",
            "all 2 tasks are running",
            "stage PRODUCTION_TRAFFIC_SHIFT",
            "100 % of production traffic",
            "stage BAKE_TIME",
            "waits for the end of the bake time of 7 min",
            "stage CLEAN_UP",
            "SUCCESSFUL",
        ],
    );
    let late = ran.first[0].0 - millis(ran.row().finished_at);
    assert!((0..=2_000).contains(&late), "noticed {late} ms late");
}

#[tokio::test(start_paused = true)]
async fn a_canary_and_a_linear_one_take_their_steps_within_the_default_deadline() {
    let canary = json!({"strategy": "CANARY", "bakeTimeInMinutes": 30,
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 90}});
    let linear = json!({"strategy": "LINEAR", "bakeTimeInMinutes": 0,
        "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 45}});
    for (configuration, shares, minutes) in [
        (canary, &["5 % of", "100 % of"][..], 120),
        (linear, &["25 % of", "50 % of", "75 % of", "100 % of"], 135),
    ] {
        let world = configured(configuration).await;
        let ran = alone(&world, GOOD).await;
        assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
        tells(&ran, shares);
        assert!(ran.took > minutes * MINUTE, "{:?}", ran.took);
        // Hours of it, at a call a second, would be thousands.
        let looks = ran.count("DescribeServiceDeployments");
        assert!(u64::try_from(looks).unwrap_or_default() < u64::from(minutes) * 30, "{looks} looks");
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_an_alarm_ends_is_rolled_back_and_named() {
    let world = configured(json!({"strategy": "CANARY", "bakeTimeInMinutes": 5,
        "alarms": {"alarmNames": ["5xx"], "enable": true, "rollback": true},
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}}))
    .await;
    world.sandbox.faults().push(Fault::alarm("5xx", 6 * MINUTE));
    let ran = alone(&world, GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::RolledBack { over: true, .. }), "{}", ran.said());
    assert!(ran.said().contains("CloudWatch alarm 5xx was triggered"), "{}", ran.said());
    assert!(ran.said().contains("app:1"), "{}", ran.said());
    tells(&ran, &["5 % of production traffic", "rolled back"]);
    assert!(!told(&ran).iter().any(|what| what.contains("100 %")), "{:?}", told(&ran));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_of_a_blue_green_deployment_is_seen() {
    let world = configured(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1,
        "deploymentCircuitBreaker": {"enable": true, "rollback": true}}))
    .await;
    let ran = alone(&world, BROKEN).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::RolledBack { over: true, .. }), "{}", ran.said());
    assert!(ran.said().contains("the deployment circuit breaker was triggered"), "{}", ran.said());
    let cause = ran.row().cause.as_ref().expect("a cause");
    assert!(format!("{cause:?}").contains("no such table"), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_says_what_it_waits_for_and_goes_on_when_somebody_says_so() {
    let world = configured(pause(60, "ROLLBACK")).await;
    let ran = rolled(&world, GOOD, &terms(), async |_| {
        let seen = until(&world, paused).await;
        sleep(10 * MINUTE).await;
        let hook = &seen["lifecycleHookDetails"][0]["hookId"];
        let input = json!({"serviceDeploymentArn": seen["serviceDeploymentArn"], "hookId": hook, "action": "CONTINUE"});
        world.sandbox.ecs("ContinueServiceDeployment", &input).unwrap_or_else(|error| panic!("{}", error.message));
    })
    .await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    tells(&ran, &["stage POST_SCALE_UP", "waits for an answer to lifecycle hook", "SUCCESSFUL"]);
    assert!(told(&ran).iter().any(|what| what.contains(", then ROLLBACK")), "{:?}", told(&ran));
}

#[tokio::test(start_paused = true)]
async fn a_pause_at_the_deadline_is_no_failure_and_no_success() {
    let world = configured(pause(600, "CONTINUE")).await;
    let ran = alone(&world, GOOD).await;
    let ServiceVerdict::Paused { expires_at, timeout_action, .. } = ran.verdict() else {
        panic!("{}", ran.said())
    };
    assert!(expires_at.is_some() && timeout_action.as_deref() == Some("CONTINUE"), "{}", ran.said());
    assert_eq!(ran.verdict().exit_code(), crate::failure::ExitCode::TimedOut);
    assert_eq!((ran.count("StopServiceDeployment"), ran.count("ContinueServiceDeployment")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_answers_is_rolled_back_by_ecs() {
    let world = configured(pause(10, "ROLLBACK")).await;
    let ran = alone(&world, GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::RolledBack { over: true, .. }), "{}", ran.said());
    assert!(ran.said().contains("did not answer in time"), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_a_pause_is_answered_at_the_pause() {
    let world = configured(pause(60, "CONTINUE")).await;
    let terms = Terms { on_cancel: OnCancel::Rollback, ..terms() };
    let ran = rolled(&world, GOOD, &terms, async |interrupt| {
        until(&world, paused).await;
        sleep(2 * MINUTE).await;
        interrupt.send_replace(true);
    })
    .await;
    assert_eq!(ran.verdict(), &ServiceVerdict::Cancelled { rolled_back: true }, "{:?}", ran.notes);
    assert_eq!((ran.count("StopServiceDeployment"), ran.count("ContinueServiceDeployment")), (0, 1));
    assert_eq!(world.requests("ContinueServiceDeployment")[0]["action"], "ROLLBACK");
    until(&world, |seen| seen["status"] == "ROLLBACK_SUCCESSFUL").await;
}

#[tokio::test(start_paused = true)]
async fn early_success_says_how_many_of_how_many_run() {
    let world =
        configured(json!({"minimumHealthyPercent": 50, "maximumPercent": 100, "earlySuccessCriteria": {
            "enable": true, "healthyPercent": 50, "sourceServiceRevisionCleanup": "DEFERRED",
        }}))
        .await;
    let input = json!({"cluster": CLUSTER, "service": "web", "desiredCount": 6});
    world.sandbox.ecs("UpdateService", &input).unwrap_or_else(|error| panic!("{}", error.message));
    sleep(5 * MINUTE).await;
    let ran = alone(&world, GOOD).await;
    let ServiceVerdict::Deployed(proof) = ran.verdict() else { panic!("{}", ran.said()) };
    assert!((3..6).contains(&proof.tasks()), "{}", ran.said());
    assert!(ran.said().contains(&format!("{} running tasks of 6 wanted", proof.tasks())), "{}", ran.said());
}

#[tokio::test(start_paused = true)]
async fn alarms_of_a_rolling_deployment_are_waited_for() {
    let alarms = json!({"alarms": {"alarmNames": ["5xx"], "enable": true, "rollback": true}});
    let world = configured(alarms.clone()).await;
    let ran = alone(&world, GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::Deployed(_)), "{}", ran.said());
    let running = ran.row().timeline.iter().find(|moment| moment.what == "all 2 tasks are running");
    let running = running.expect("told").at;
    let baked = millis(ran.row().finished_at) - running.as_millisecond();
    assert!(baked >= 150_000, "a success after {baked} ms, when its tasks were only just running");
    tells(&ran, &["all 2 tasks are running", "and the bake time of its alarms", "SUCCESSFUL"]);

    // One that goes off meanwhile ends it.
    let world = configured(alarms).await;
    world.sandbox.faults().push(Fault::alarm("5xx", 2 * MINUTE));
    let ran = alone(&world, GOOD).await;
    assert!(matches!(ran.verdict(), ServiceVerdict::RolledBack { over: true, .. }), "{}", ran.said());
    assert!(ran.said().contains("alarm 5xx"), "{}", ran.said());
}
