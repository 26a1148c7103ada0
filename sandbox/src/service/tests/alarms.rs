//! Deployment alarms and early success.

use super::stages::{seen, with};
use super::*;
use crate::faults::Fault;

fn watching(rollback: bool) -> Value {
    let alarms = json!({ "alarmNames": ["errors", "latency"], "enable": true, "rollback": rollback });
    json!({ "deploymentConfiguration": { "alarms": alarms } })
}

impl Account {
    /// As `Sandbox::set_alarm`.
    fn set_alarm(&self, name: &str, in_alarm: bool) {
        self.world.alarms.set(name, in_alarm);
        self.region.ecs.state().services.values().for_each(|service| service.wake.notify_one());
    }

    /// Updates to `better`, and looks until no old task runs.
    async fn until_all_are_new(&self) -> (Value, Vec<Value>) {
        self.update(json!({ "taskDefinition": "better" }));
        self.until_both(|web, history| {
            let old = &web["deployments"][1];
            history.len() == 2 && old["runningCount"] == 0 && web["deployments"][0]["runningCount"] == 2
        })
        .await
    }
}

#[tokio::test(start_paused = true)]
async fn a_rolling_deployment_bakes_for_its_alarms_after_its_last_task_is_healthy() {
    let account = Account::new();
    account.steady("good", watching(true)).await;
    let (web, history) = account.until_all_are_new().await;
    let start = account.world.clock.now();
    assert_eq!((&history[0]["status"], &web["pendingCount"]), (&json!("IN_PROGRESS"), &json!(0)));
    assert_eq!(history[0]["alarms"], json!({ "status": "MONITORING", "alarmNames": ["errors", "latency"] }));
    account.pass(170).await;
    assert_eq!(account.history()[0]["status"], "IN_PROGRESS");
    assert_eq!(account.service()["deployments"][0]["rolloutState"], "IN_PROGRESS");
    account.set_alarm("others", true);
    let (web, history) = account.until_newest("SUCCESSFUL").await;
    let baked = account.world.clock.now() - start;
    assert!((175_000..240_000).contains(&baked), "{baked}");
    assert_eq!(history[0]["alarms"]["status"], "MONITORING_COMPLETE");
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    account.set_alarm("errors", true);
    account.pass(600).await;
    assert_eq!((family(&account.service()), account.history().len()), ("better", 2), "nobody looks any more");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_during_the_bake_time_rolls_back() {
    let account = Account::new();
    let before = account.steady("good", watching(true)).await;
    account.until_all_are_new().await;
    account.set_alarm("errors", true);
    let (web, history) = account.until_newest("ROLLBACK_IN_PROGRESS").await;
    assert_eq!((&history[0]["alarms"]["status"], family(&web)), (&json!("TRIGGERED"), "good"));
    assert_eq!(history[0]["alarms"]["triggeredAlarmNames"], json!(["errors"]));
    assert_eq!(history[0]["deploymentCircuitBreaker"]["status"], "DISABLED");
    let ours = web["deployments"][1]["id"].as_str().unwrap();
    let said = format!("(service web) (deployment {ours}) deployment failed: alarm detected.");
    assert!(messages(&web).contains(&said), "{:?}", messages(&web));
    let (web, _) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(web["deployments"][0]["id"], before["deployments"][0]["id"]);
    assert_eq!(web["runningCount"], 2, "old tasks were started again");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_without_rollback_stops_the_deployment() {
    let account = Account::new();
    account.steady("good", watching(false)).await;
    account.until_all_are_new().await;
    account.set_alarm("latency", true);
    let (web, history) = account.until_newest("STOPPED").await;
    assert!(history[0]["stoppedAt"].is_number() && history[0].get("rollback").is_none());
    assert_eq!(history[0]["alarms"]["triggeredAlarmNames"], json!(["latency"]));
    assert_eq!((family(&web), &web["deployments"][0]["rolloutState"]), ("better", &json!("FAILED")));
}

#[tokio::test(start_paused = true)]
async fn alarms_are_ignored_by_a_deployment_that_begins_during_one() {
    let account = Account::new();
    account.steady("good", watching(true)).await;
    account.set_alarm("errors", true);
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account.until_newest("IN_PROGRESS").await;
    assert_eq!(history[0]["alarms"]["status"], "DISABLED");
    account.set_alarm("latency", true);
    let start = account.world.clock.now();
    account.until_newest("SUCCESSFUL").await;
    assert!(account.world.clock.now() - start < 120_000, "it does not bake");
}

#[tokio::test(start_paused = true)]
async fn a_fault_lets_an_alarm_go_off_for_one_deployment_that_names_it() {
    let account = Account::new();
    account.steady("good", watching(true)).await;
    let seconds = Duration::from_secs;
    account.world.faults.push(Fault::alarm("latency", seconds(30)));
    account.world.faults.push(Fault::alarm("of another service", seconds(1)));
    let start = account.world.clock.now();
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account.until_newest("ROLLBACK_IN_PROGRESS").await;
    let after = account.world.clock.now() - start;
    assert!((30_000..36_000).contains(&after), "{after}");
    assert_eq!(history[0]["alarms"]["triggeredAlarmNames"], json!(["latency"]));
    account.until_newest("ROLLBACK_SUCCESSFUL").await;
    account.update(json!({ "taskDefinition": "better" }));
    account.until_both(|_, history| history.len() == 3 && history[0]["status"] == "SUCCESSFUL").await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_gives_shifted_traffic_back() {
    let account = Account::new();
    let alarms = json!({ "alarms": { "alarmNames": ["errors"], "enable": true, "rollback": true } });
    account.create("good", with("CANARY", alarms));
    account.until_newest("SUCCESSFUL").await;
    account.until(|web| web["deployments"][0]["rolloutState"] == "COMPLETED").await;
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account
        .until_both(|_, history| {
            history[0]["targetServiceRevision"]["requestedProductionTrafficWeight"] == 5.0
        })
        .await;
    assert_eq!(history[0]["lifecycleStage"], "PRODUCTION_TRAFFIC_SHIFT");
    account.set_alarm("errors", true);
    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!((family(&web), seen(&account, &history[0]).weight), ("good", 0.0));
}

fn early(percent: u64, cleanup: &str) -> Value {
    let criteria =
        json!({ "enable": true, "healthyPercent": percent, "sourceServiceRevisionCleanup": cleanup });
    json!({
        "desiredCount": 4,
        "deploymentConfiguration": { "minimumHealthyPercent": 50, "earlySuccessCriteria": criteria },
    })
}

/// Every second task ends soon after it has started.
fn half_fails(account: &Account) {
    let started = std::sync::atomic::AtomicU32::new(0);
    account.program("better", move || match started.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 {
        0 => Script::new().until_stopped(),
        _ => Script::new().work(Duration::from_secs(2)).exit(1),
    });
}

#[tokio::test(start_paused = true)]
async fn early_success_may_come_before_old_tasks_go_or_after() {
    for (cleanup, old) in [("DEFERRED", true), ("BLOCKING", false)] {
        let account = Account::new();
        account.steady("good", early(50, cleanup)).await;
        half_fails(&account);
        account.update(json!({ "taskDefinition": "better" }));
        let (web, history) =
            account.until_both(|_, history| history.len() == 2 && history[0]["status"] == "SUCCESSFUL").await;
        let target = &history[0]["targetServiceRevision"];
        assert_eq!(target["requestedTaskCount"], 4);
        assert!(target["runningTaskCount"].as_u64().unwrap() < 4, "{cleanup}: {target}");
        let old_runs = web["deployments"][1]["runningCount"].as_u64().unwrap() > 0;
        assert_eq!((old_runs, &web["deployments"][0]["rolloutState"]), (old, &json!("IN_PROGRESS")));
        let is_old = |task: &Value| family(&json!({ "taskDefinition": task["taskDefinitionArn"] })) == "good";
        let are_gone =
            account.tasks().iter().filter(|task| is_old(task)).all(|task| task["lastStatus"] == "STOPPED");
        assert_eq!(are_gone, !old, "{cleanup}");
        account.program("better", || Script::new().until_stopped());
        let web = account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
        assert_eq!((&web["runningCount"], family(&web)), (&json!(4), "better"));
        let (_, ended) = account.until_newest("SUCCESSFUL").await;
        assert_eq!(ended[0]["targetServiceRevision"], *target, "what has ended stays as it was then");
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_early_success_nothing_rolls_back() {
    let account = Account::new();
    let mut more = early(50, "DEFERRED");
    more["deploymentConfiguration"]["deploymentCircuitBreaker"] =
        json!({ "enable": true, "rollback": true, "resetOnHealthyTask": false });
    account.steady("good", more).await;
    half_fails(&account);
    account.update(json!({ "taskDefinition": "better" }));
    account.until_both(|_, history| history.len() == 2 && history[0]["status"] == "SUCCESSFUL").await;
    account.program("better", || Script::new().exit(1));
    account.pass(3_600).await;
    let web = account.service();
    assert_eq!((family(&web), &account.history()[0]["status"]), ("better", &json!("SUCCESSFUL")));
    assert!(web["deployments"][0]["failedTasks"].as_u64().unwrap() > 3);
}

#[tokio::test(start_paused = true)]
async fn what_alarms_and_early_success_may_be() {
    let account = Account::new();
    account.create("good", json!({}));
    let refused = |configuration: Value| {
        let input = json!({ "cluster": "c", "service": "web", "deploymentConfiguration": configuration });
        let said = account.try_call("UpdateService", input).err().unwrap_or_default();
        assert!(said.starts_with("InvalidParameterException"), "{configuration}: {said}");
    };
    refused(json!({ "alarms": { "alarmNames": [], "enable": true, "rollback": true } }));
    refused(early(101, "BLOCKING")["deploymentConfiguration"].clone());
    refused(early(49, "BLOCKING")["deploymentConfiguration"].clone());
    refused(early(50, "LATER")["deploymentConfiguration"].clone());
    refused(json!({ "earlySuccessCriteria": { "enable": true } }));
    let mut canary = early(50, "BLOCKING")["deploymentConfiguration"].take();
    canary["strategy"] = "CANARY".into();
    refused(canary);
}
