//! Lifecycle hooks that pause a deployment, and what becomes of it.

use super::stages::{lasted, seen, watched, with};
use super::*;

fn pausing(stages: &[&str], timeout: Value) -> Value {
    let mut hook = json!({ "targetType": "PAUSE", "lifecycleStages": stages });
    if !timeout.is_null() {
        hook["timeoutConfiguration"] = timeout;
    }
    with("BLUE_GREEN", json!({ "lifecycleHooks": [hook] }))
}

#[tokio::test(start_paused = true)]
async fn a_pause_waits_for_an_answer() {
    let account = Account::new();
    account.steady("good", pausing(&["POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"], Value::Null)).await;
    account.update(json!({ "taskDefinition": "better" }));
    let paused = |history: &[Value], count: usize| {
        let hooks = history[0]["lifecycleHookDetails"].as_array();
        hooks.is_some_and(|hooks| hooks.len() == count && hooks[count - 1]["status"] == "AWAITING_ACTION")
    };
    let (_, history) = account.until_both(|_, history| paused(history, 1)).await;
    let now = account.world.clock.now() as f64 / 1000.0;
    let hook = &history[0]["lifecycleHookDetails"][0];
    assert_eq!((&hook["targetType"], &hook["timeoutAction"]), (&json!("PAUSE"), &json!("ROLLBACK")));
    let patience = hook["expiresAt"].as_f64().unwrap() - now;
    assert!((86_390.0..=86_400.0).contains(&patience), "{patience}");
    account.pass(3_600).await;
    let newest = account.history()[0].clone();
    assert_eq!(
        (&newest["status"], &newest["lifecycleStage"]),
        (&json!("IN_PROGRESS"), &json!("POST_SCALE_UP"))
    );

    let arn = &newest["serviceDeploymentArn"];
    let proceed = |hook: &Value, action: &str| {
        let input = json!({ "serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": action });
        account.try_call("ContinueServiceDeployment", input)
    };
    assert!(proceed(hook, "WAIT").unwrap_err().starts_with("InvalidParameterException"));
    assert!(proceed(&json!({ "hookId": "other" }), "CONTINUE").unwrap_err().starts_with("InvalidParameter"));
    assert_eq!(proceed(hook, "CONTINUE").unwrap()["serviceDeploymentArn"], *arn);
    assert!(
        proceed(hook, "CONTINUE").unwrap_err().starts_with("InvalidParameterException"),
        "it is answered"
    );
    let (_, history) = account.until_both(|_, history| paused(history, 2)).await;
    assert_eq!(history[0]["lifecycleHookDetails"][0]["status"], "SUCCEEDED");
    assert_eq!(history[0]["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT");
    assert_eq!(seen(&account, &history[0]).weight, 0.0);
    let second = &history[0]["lifecycleHookDetails"][1];
    assert_ne!(second["hookId"], hook["hookId"]);
    proceed(second, "ROLLBACK").unwrap();
    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(family(&web), "good");
    assert_eq!(
        history[0]["statusReason"],
        "Service deployment rolled back because PRE_PRODUCTION_TRAFFIC_SHIFT lifecycle hook(s) failed."
    );
    let unknown = json!({ "serviceDeploymentArn": "arn:aws:ecs:us-east-1:1:service-deployment/c/web/x", "hookId": "x" });
    let refused = account.try_call("ContinueServiceDeployment", unknown).unwrap_err();
    assert!(refused.starts_with("ServiceDeploymentNotFoundException"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_answers_ends_as_it_was_told_to() {
    for (action, status) in [("CONTINUE", "SUCCESSFUL"), ("ROLLBACK", "ROLLBACK_SUCCESSFUL")] {
        let account = Account::new();
        let timeout = json!({ "timeoutInMinutes": 30, "action": action });
        account.steady("good", pausing(&["PRE_SCALE_UP"], timeout)).await;
        let all = watched(&account).await;
        assert_eq!(all.last().unwrap().status, status);
        let waited = lasted(&all, |one| one.stage == "PRE_SCALE_UP");
        assert!((1_798_000..1_812_000).contains(&waited), "{waited}");
        assert_eq!(account.history()[0]["lifecycleHookDetails"][0]["status"], "TIMED_OUT");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_can_be_stopped() {
    let account = Account::new();
    account.steady("good", pausing(&["POST_PRODUCTION_TRAFFIC_SHIFT"], Value::Null)).await;
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account.until_both(|_, history| history[0]["lifecycleHookDetails"].is_array()).await;
    assert_eq!(seen(&account, &history[0]).weight, 100.0);
    account
        .call("StopServiceDeployment", json!({ "serviceDeploymentArn": history[0]["serviceDeploymentArn"] }));
    let (_, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(history[0]["lifecycleHookDetails"][0]["status"], "FAILED");
}
