//! Deployments that shift traffic, stage by stage.

use super::*;

const ORDER: [&str; 9] = [
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];

pub(super) fn with(strategy: &str, more: Value) -> Value {
    let mut configuration = json!({ "strategy": strategy, "bakeTimeInMinutes": 5 });
    extend(&mut configuration, more);
    json!({ "deploymentConfiguration": configuration })
}

fn breaking(strategy: &str) -> Value {
    with(strategy, json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } }))
}

/// What a look at the newest service deployment shows of its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub at: i64,
    pub stage: String,
    pub status: String,
    pub weight: f64,
    source_weight: f64,
    new_healthy: bool,
    old_running: u64,
}

pub(super) fn seen(account: &Account, newest: &Value) -> Seen {
    let target = &newest["targetServiceRevision"];
    let source = &newest["sourceServiceRevisions"][0];
    Seen {
        at: account.world.clock.now(),
        stage: newest["lifecycleStage"].as_str().unwrap_or_default().into(),
        status: newest["status"].as_str().unwrap_or_default().into(),
        weight: target["requestedProductionTrafficWeight"].as_f64().unwrap_or(-1.0),
        source_weight: source["requestedProductionTrafficWeight"].as_f64().unwrap_or(-1.0),
        new_healthy: target["runningTaskCount"] == 2,
        old_running: source["runningTaskCount"].as_u64().unwrap_or_default(),
    }
}

/// Every look from the update on, one a second, until the service deployment has ended.
pub(super) async fn watched(account: &Account) -> Vec<Seen> {
    let number = account.history().len() + 1;
    account.update(json!({ "taskDefinition": "better" }));
    let look = account.world.clock.shortened(Duration::from_secs(1));
    let mut all = Vec::new();
    loop {
        let history = account.history();
        if history.len() == number {
            let now = seen(account, &history[0]);
            let over = history[0]["finishedAt"].is_number();
            all.push(now);
            if over {
                return all;
            }
        }
        assert!(all.len() < 100_000);
        tokio::time::sleep(look).await;
    }
}

fn stages(all: &[Seen]) -> Vec<&str> {
    let mut stages: Vec<&str> =
        all.iter().map(|one| one.stage.as_str()).filter(|one| !one.is_empty()).collect();
    stages.dedup();
    stages
}

/// Milliseconds from the first to the last look of which it is so.
pub(super) fn lasted(all: &[Seen], is_so: impl Fn(&Seen) -> bool) -> i64 {
    let mut times = all.iter().filter(|one| is_so(one)).map(|one| one.at);
    let first = times.next().unwrap_or_default();
    times.last().unwrap_or(first) - first
}

#[tokio::test(start_paused = true)]
async fn blue_green_goes_through_its_stages_and_cleans_up_last() {
    let account = Account::new();
    account.steady("good", with("BLUE_GREEN", json!({}))).await;
    assert!(account.history()[0].get("lifecycleStage").is_none(), "a first deployment shifts no traffic");
    let all = watched(&account).await;
    assert_eq!(stages(&all), ORDER);
    for one in &all {
        assert!((one.weight + one.source_weight - 100.0).abs() < 1e-9, "{one:?}");
        assert!(one.weight == 0.0 || one.new_healthy, "all new tasks run before traffic shifts: {one:?}");
        assert!(one.old_running == 2 || ["CLEAN_UP", ""].contains(&one.stage.as_str()), "{one:?}");
        assert!(one.stage != "PRE_SCALE_UP" || !one.new_healthy, "{one:?}");
    }
    let baked = lasted(&all, |one| one.stage == "BAKE_TIME");
    assert!((298_000..=301_000).contains(&baked), "{baked}");
    let last = all.last().unwrap();
    assert_eq!((last.status.as_str(), last.weight, last.old_running), ("SUCCESSFUL", 100.0, 0));
    let web = account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    assert_eq!((family(&web), &web["deployments"][0]["rolloutState"]), ("better", &json!("COMPLETED")));
}

#[tokio::test(start_paused = true)]
async fn canary_and_linear_shift_in_steps_and_wait_between_them() {
    let account = Account::new();
    account.steady("good", with("CANARY", json!({}))).await;
    let shown = &account.service()["deploymentConfiguration"]["canaryConfiguration"];
    assert_eq!(*shown, json!({ "canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10 }));
    let all = watched(&account).await;
    assert_eq!(stages(&all), ORDER);
    let weights = |all: &[Seen]| {
        let mut weights: Vec<f64> = all.iter().map(|one| one.weight).collect();
        weights.dedup();
        weights
    };
    assert_eq!(weights(&all), [0.0, 5.0, 100.0]);
    let canary = lasted(&all, |one| one.weight == 5.0);
    assert!((598_000..620_000).contains(&canary), "{canary}");

    let steps = json!({ "stepPercent": 40.0, "stepBakeTimeInMinutes": 2 });
    account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    account.update(with("LINEAR", json!({ "linearConfiguration": steps, "bakeTimeInMinutes": 0 })));
    let shown = &account.service()["deploymentConfiguration"];
    assert_eq!((&shown["linearConfiguration"], shown.get("canaryConfiguration")), (&steps, None));
    account.update(json!({ "taskDefinition": "good" }));
    account.until_both(|_, history| history.len() == 3 && history[0]["status"] == "SUCCESSFUL").await;
    account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    let all = watched(&account).await;
    assert_eq!(weights(&all), [0.0, 40.0, 80.0, 100.0]);
    for weight in [40.0, 80.0] {
        let step = lasted(&all, |one| one.weight == weight);
        assert!((118_000..140_000).contains(&step), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_requested_rollback_gives_the_traffic_back_to_tasks_that_still_run() {
    let account = Account::new();
    let before = account.steady("good", with("BLUE_GREEN", json!({}))).await;
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account
        .until_both(|_, history| history.len() == 2 && history[0]["lifecycleStage"] == "BAKE_TIME")
        .await;
    let started = account.tasks().len();
    let arn = &history[0]["serviceDeploymentArn"];
    account.call("StopServiceDeployment", json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }));
    let (web, history) = account.until_newest("ROLLBACK_IN_PROGRESS").await;
    assert_eq!(web["deployments"][0]["id"], before["deployments"][0]["id"]);
    assert_eq!(history[0]["targetServiceRevision"]["runningTaskCount"], 2);
    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    let last = seen(&account, &history[0]);
    assert_eq!((last.stage.as_str(), last.weight, last.source_weight), ("CLEAN_UP", 0.0, 100.0));
    assert_eq!((family(&web), account.tasks().len()), ("good", started), "no task had to be started");
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_ends_a_new_environment_that_never_gets_healthy() {
    let account = Account::new();
    account.steady("good", breaking("BLUE_GREEN")).await;
    account.update(json!({ "taskDefinition": "broken" }));
    let (_, history) = account
        .until_both(|web, history| {
            let all = web["deployments"].as_array().unwrap();
            assert!(all.iter().any(|one| family(one) == "good" && one["runningCount"] == 2), "{web:#}");
            history[0]["status"] == "ROLLBACK_IN_PROGRESS"
        })
        .await;
    assert_eq!(history[0]["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!((family(&web), seen(&account, &history[0]).weight), ("good", 0.0));
}

#[tokio::test(start_paused = true)]
async fn an_old_task_that_ends_is_replaced_as_long_as_old_tasks_serve() {
    let account = Account::new();
    account.steady("good", with("BLUE_GREEN", json!({}))).await;
    account.update(json!({ "taskDefinition": "better" }));
    account.until_both(|_, history| history[0]["lifecycleStage"] == "SCALE_UP").await;
    let task = account.tasks()[0]["taskArn"].clone();
    account.call("StopTask", json!({ "cluster": "c", "task": task }));
    account.until_both(|_, history| history[0]["lifecycleStage"] == "BAKE_TIME").await;
    let goods = |status: &str| {
        let is_one = |task: &Value| {
            family(&json!({ "taskDefinition": task["taskDefinitionArn"] })) == "good"
                && task["lastStatus"] == status
        };
        account.tasks().iter().filter(|task| is_one(task)).count()
    };
    assert_eq!((goods("RUNNING"), goods("STOPPED")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_superseded_is_reconciled_by_its_successor() {
    let account = Account::new();
    account.steady("good", with("BLUE_GREEN", json!({}))).await;
    account.update(json!({ "taskDefinition": "broken" }));
    account.until_both(|web, _| web["deployments"][0]["failedTasks"].as_u64().unwrap() > 0).await;
    account.program("broken", || Script::new().until_stopped());
    account.until_both(|web, _| web["deployments"][0]["runningCount"] == 2).await;
    let mut all = watched(&account).await;
    assert_eq!(stages(&all)[0], "RECONCILE_SERVICE");
    assert_eq!(stages(&all)[1..], ORDER);
    let last = all.pop().unwrap();
    assert_eq!(last.status, "SUCCESSFUL");
    let statuses: Vec<Value> = account.history().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
}

#[tokio::test(start_paused = true)]
async fn an_instant_sandbox_hurries_through_the_stages() {
    let account = Account::at(Pace::Instant);
    account.steady("good", with("CANARY", json!({}))).await;
    let all = watched(&account).await;
    assert_eq!(all.last().unwrap().status, "SUCCESSFUL");
    assert!(all.last().unwrap().at - all[0].at < 10_000);
    assert!(stages(&all).contains(&"BAKE_TIME"), "what has to be seen is not skipped");
}

#[tokio::test(start_paused = true)]
async fn what_a_configuration_of_stages_may_be() {
    let account = Account::new();
    account.create("good", json!({}));
    let update = |configuration: Value| {
        let input = json!({ "cluster": "c", "service": "web", "deploymentConfiguration": configuration });
        account.try_call("UpdateService", input)
    };
    let hook = |more: Value| {
        let mut hook = json!({ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] });
        extend(&mut hook, more);
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": [hook] })
    };
    let linear = |more: Value| json!({ "strategy": "LINEAR", "linearConfiguration": more });
    let canary = |more: Value| json!({ "strategy": "CANARY", "canaryConfiguration": more });
    for taken in [
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1440 }),
        linear(json!({ "stepPercent": 3.0, "stepBakeTimeInMinutes": 1440 })),
        canary(json!({ "canaryPercent": 0.1, "canaryBakeTimeInMinutes": 1440 })),
        canary(json!({ "canaryPercent": 33.3 })),
        hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 20_160 } })),
    ] {
        update(taken.clone()).unwrap_or_else(|error| panic!("{taken}: {error}"));
        update(json!({ "lifecycleHooks": [] })).unwrap();
    }
    for refused in [
        json!({ "strategy": "MOON" }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441 }),
        json!({ "strategy": "BLUE_GREEN", "canaryConfiguration": { "canaryPercent": 5.0 } }),
        linear(json!({ "stepPercent": 2.9 })),
        linear(json!({ "stepPercent": 10.05 })),
        linear(json!({ "stepBakeTimeInMinutes": 1441 })),
        canary(json!({ "canaryPercent": 0.0 })),
        canary(json!({ "canaryPercent": 100.1 })),
        canary(json!({ "canaryBakeTimeInMinutes": -1 })),
        hook(json!({ "targetType": "AWS_LAMBDA", "hookTargetArn": "arn" })),
        hook(json!({ "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"] })),
        hook(json!({ "lifecycleStages": ["BAKE_TIME"] })),
        hook(json!({ "lifecycleStages": [] })),
        hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 20_161 } })),
        hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 0 } })),
        hook(json!({ "timeoutConfiguration": { "action": "WAIT" } })),
        json!({ "strategy": "ROLLING", "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] }] }),
    ] {
        let said = update(refused.clone()).err().unwrap_or_default();
        assert!(said.starts_with("InvalidParameterException"), "{refused}: {said}");
    }
    let create = json!({
        "cluster": "c", "serviceName": "other", "taskDefinition": "good", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
        "deploymentConfiguration": { "strategy": "BLUE_GREEN" },
    });
    assert!(account.try_call("CreateService", create).unwrap_err().contains("bakeTimeInMinutes is required"));
}
