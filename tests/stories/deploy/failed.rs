//! Deployments that ECS gives up, with what is known of why.

use std::time::Duration;

use sandbox::{Fault, Script, TaskFault};
use serde_json::{Value, json};

use super::shop::{BROKEN, FAMILY, NEW, Shop, breaker, is};

#[tokio::test]
async fn after_a_rollback_the_service_is_stable_and_the_run_has_failed() {
    let shop = Shop::new().await;
    let run = shop.alone(BROKEN, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "rolled back", 1);
    assert_eq!(web["done"], false);
    let said = web["explanation"].as_str().expect("words");
    assert!(
        said.starts_with("ECS went back to shop:1: the deployment circuit breaker was triggered: "),
        "{said}"
    );
    assert!(said.contains(" failed tasks of 3 that may fail"), "{said}");
    let cause = &web["cause"];
    assert_eq!((&cause["container"], &cause["exit_code"]), (&json!("web"), &json!(1)));
    assert_eq!(cause["stopped_reason"], "Essential container in task exited");
    assert!(cause["log"].to_string().contains("relation orders does not exist"), "{cause:#}");
    run.sums_up("web: rolled back")
        .sums_up("Essential container in task exited")
        .sums_up("relation orders does not exist")
        .sums_up("0 of 1 service deployed: 1 rolled back, without a migration")
        .says("::error title=web%3A rolled back::");
    assert_eq!(run.outputs["deployed"], "");
    assert_eq!(
        (run.outputs["rolled-back-to"].as_str(), run.outputs["exit-code"].as_str()),
        ("web=shop:1", "1")
    );
    // What pipelines take for success.
    let service = shop.service("web").await;
    assert_eq!((service.deployments().len(), service.running_count()), (1, 2));
    assert_eq!(shop.statuses("web").await[0], "ROLLBACK_SUCCESSFUL");
    // One call, and nobody destroys the way back.
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2)]);
    shop.changed(0, 1, 1);
}

#[tokio::test]
async fn a_breaker_without_rollback_leaves_it_where_it_is() {
    let shop = Shop::with(breaker(false)).await;
    let run = shop.alone(BROKEN, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "failed without rollback", 1);
    assert!(web["cause"]["log"].to_string().contains("relation orders does not exist"), "{web:#}");
    run.says("does not roll back: a failed deployment stays").sums_up("web: failed without rollback");
    assert_eq!(run.outputs["rolled-back-to"], "");
}

#[tokio::test]
async fn a_rollback_that_fails_as_well_is_said() {
    // Old tasks go first, and their image is gone: the way back needs new ones.
    let shop = Shop::with(json!({"deploymentConfiguration": {
        "minimumHealthyPercent": 0, "maximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
    }}))
    .await;
    let gone = TaskFault::FailToStart("CannotPullContainerError: not found".into());
    shop.world.sandbox.faults().push(Fault::task(gone).for_image("sha256:0000").always());
    let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
    let web = is(&run, "rollback failed", 1);
    assert!(web["explanation"].as_str().is_some_and(|said| said.contains("could not go back")), "{web:#}");
}

#[tokio::test]
async fn an_alarm_is_named() {
    let alarms = json!({"deploymentConfiguration": {
        "bakeTimeInMinutes": 20, "alarms": {"alarmNames": ["5xx", "latency"], "enable": true, "rollback": true},
    }});
    let shop = Shop::with(alarms).await;
    shop.world.sandbox.faults().push(Fault::alarm("latency", Duration::from_millis(300)));
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "rolled back", 1);
    let said = web["explanation"].as_str().expect("words");
    assert!(said.contains("CloudWatch alarm latency was triggered"), "{said}");
    run.says("2 alarms can end a deployment of service web");
}

/// Nothing ends it: there is no breaker, and the scheduler tries for ever.
#[tokio::test]
async fn a_deadline_is_no_success_and_says_why_it_hangs() {
    let shop = Shop::with(json!({"deploymentConfiguration": {}})).await;
    let run = shop.alone(BROKEN, &["--format=json", "--deploy-timeout=3s"]).in_actions().finish().await;
    let web = is(&run, "timed out", 4);
    assert!(web["cause"]["log"].to_string().contains("relation orders does not exist"), "{web:#}");
    run.says("service web has no deployment circuit breaker")
        .sums_up("web: timed out")
        .sums_up("Essential container in task exited")
        .sums_up("relation orders does not exist");
    assert_eq!(run.outputs["exit-code"], "4");
    let fix = "wait for its end, or take it back with";
    let diagnosed = web["cause"]["diagnosis"]["fix"].as_str().unwrap_or_default();
    assert!(
        run.summary.contains(fix) || (!diagnosed.is_empty() && run.summary.contains("fix")),
        "{}",
        run.summary
    );
}

#[tokio::test]
async fn a_task_that_never_starts_says_why() {
    let shop = Shop::new().await;
    let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s): not found";
    shop.world
        .sandbox
        .faults()
        .push(Fault::task(TaskFault::FailToStart(reason.into())).for_image("sha256:1111").always());
    let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "rolled back", 1);
    assert_eq!(web["cause"]["stopped_reason"], reason);
    assert_eq!(web["cause"]["stop_code"], "TaskFailedToStart");
    run.sums_up("CannotPullContainerError");
}

/// An older deployment that has failed is still in the list: only ours counts.
#[tokio::test]
async fn a_failure_of_before_is_not_ours() {
    let shop = Shop::with(breaker(false)).await;
    let broken = shop.register(FAMILY, BROKEN);
    shop.somebody_deploys("web", &broken).await;
    shop.newest_is("web", 2, "STOPPED").await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!(web["cause"], Value::Null);
    assert_eq!(shop.statuses("web").await, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
}

#[tokio::test]
async fn a_service_that_is_deleted_meanwhile_is_no_success() {
    let shop = Shop::with(json!({"deploymentConfiguration": {}})).await;
    let run = shop.alone(BROKEN, &["--format=json"]).spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    shop.somebody_deletes("web").await;
    let run = run.finish().await;
    let web = is(&run, "failed without rollback", 1);
    assert!(
        web["explanation"].as_str().is_some_and(|said| said.contains("the service was deleted")),
        "{web:#}"
    );
}

#[tokio::test]
async fn a_database_that_is_not_proved_keeps_the_service_as_it_is() {
    let shop = Shop::new().await;
    shop.world.program(|_| Script::new().line("done, I think"));
    let run =
        shop.deploy(&["--database", crate::support::HEALTH, "--format=json"]).in_actions().finish().await;
    let web = is(&run, "not deployed", 1);
    let said = web["explanation"].as_str().expect("words");
    assert!(said.contains("1 database is"), "{said}");
    run.sums_up("no service was deployed").sums_up("not deployed");
    assert_eq!(
        (run.outputs["deployed"].as_str(), run.outputs["failed"].as_str()),
        ("", crate::support::HEALTH)
    );
    // The migration's revision; none of the service.
    shop.changed(1, 1, 0);
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(1).as_str()));
}
