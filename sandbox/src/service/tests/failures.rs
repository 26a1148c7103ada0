//! Deployments whose tasks do not stay, and what becomes of them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::registry::ImageKey;

#[tokio::test(start_paused = true)]
async fn the_breaker_goes_back_to_the_old_deployment_in_one_instant() {
    let account = Account::new();
    let before = account.steady("good", breaker(true)).await;
    let old = &before["deployments"][0]["id"];
    let answer = account.update(json!({ "taskDefinition": "broken" }));
    let ours = answer["deployments"][0]["id"].as_str().unwrap();

    let (web, history) = account.until_newest("ROLLBACK_IN_PROGRESS").await;
    let shown: Vec<_> = web["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["id"], &one["status"], &one["rolloutState"]))
        .collect();
    assert_eq!(shown[0], (old, &json!("PRIMARY"), &json!("IN_PROGRESS")));
    assert_eq!(shown[1], (&json!(ours), &json!("ACTIVE"), &json!("FAILED")));
    assert_eq!(
        web["deployments"][1]["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    assert_eq!((family(&web), &web["runningCount"]), ("good", &json!(2)));
    assert_eq!(
        history[0]["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 })
    );
    let to = last_segment(&history[0]["rollback"]["serviceRevisionArn"]);
    assert_eq!(format!("ecs-svc/{to}"), old.as_str().unwrap());
    let said = messages(&web);
    let failed = said.iter().position(|message| message.contains("deployment failed")).unwrap();
    assert_eq!(
        said[failed],
        format!("(service web) (deployment {ours}) deployment failed: tasks failed to start.")
    );
    assert_eq!(
        said[failed + 1],
        format!("(service web) rolling back to deployment {}.", old.as_str().unwrap())
    );

    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(
        history[0]["statusReason"],
        "Service deployment rolled back because the circuit breaker threshold was exceeded."
    );
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1, "ours is gone");
    assert_eq!(
        (&web["deployments"][0]["id"], &web["deployments"][0]["rolloutState"]),
        (old, &json!("COMPLETED"))
    );
    assert_eq!(history.len(), 2, "a rollback is no deployment of its own");
    let failed = account.tasks().into_iter().filter(|task| task["startedBy"] == ours).count();
    assert!((3..=4).contains(&failed), "{failed} tasks of ours");
}

#[tokio::test(start_paused = true)]
async fn the_breaker_and_a_request_at_once_roll_back_once() {
    for seed in 0..6 {
        let pace = Pace::Realistic { scale: 1.0 };
        let account = Account::with(Options { pace, seed, record: None, ..Options::default() });
        account.steady("good", breaker(true)).await;
        account.update(json!({ "taskDefinition": "broken" }));
        // The third failure shows, and the scheduler has not seen it yet.
        let failed =
            || account.tasks().iter().filter(|task| task["stopCode"] == "EssentialContainerExited").count();
        let (_, history) = account.until_both(|_, _| failed() == 3).await;
        account.call(
            "StopServiceDeployment",
            json!({ "serviceDeploymentArn": history[0]["serviceDeploymentArn"] }),
        );
        let (web, history) = account.until_both(|_, history| history[0]["finishedAt"].is_number()).await;
        assert_eq!(
            (&history[0]["status"], family(&web)),
            (&json!("ROLLBACK_SUCCESSFUL"), "good"),
            "seed {seed}"
        );
        let rolled = messages(&web).iter().filter(|message| message.contains("rolling back")).count();
        assert_eq!(rolled, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_rollback_the_failed_deployment_stays() {
    let account = Account::new();
    account.steady("good", breaker(false)).await;
    let answer = account.update(json!({ "taskDefinition": "broken" }));
    let (web, history) = account.until_newest("STOPPED").await;
    assert_eq!(web["deployments"][0]["id"], answer["deployments"][0]["id"]);
    assert_eq!(web["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(history[0]["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    let tasks = account.tasks().len();
    account.pass(3_600).await;
    let web = account.service();
    assert_eq!((account.tasks().len(), &web["runningCount"]), (tasks, &json!(2)), "it launches no more");
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_has_nothing_to_go_back_to() {
    let account = Account::new();
    let created = account.create("broken", breaker(true));
    let (web, history) = account.until_newest("ROLLBACK_FAILED").await;
    assert_eq!(history[0]["statusReason"], "No rollback candidate was found to run the rollback.");
    assert_eq!(web["deployments"][0]["id"], created["deployments"][0]["id"]);
    assert_eq!(
        (&web["deployments"][0]["status"], &web["deployments"][0]["rolloutState"]),
        (&json!("PRIMARY"), &json!("FAILED"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_during_a_rollback_cannot_be_rolled_back() {
    let account = Account::new();
    account.steady("good", breaker(true)).await;
    account.update(json!({ "taskDefinition": "broken" }));
    account.until_newest("ROLLBACK_IN_PROGRESS").await;
    account.register("broken");
    account.update(json!({ "taskDefinition": "broken" }));
    let (_, history) =
        account.until_both(|_, history| history.len() == 3 && history[0]["finishedAt"].is_number()).await;
    assert_eq!(
        (&history[0]["status"], &history[1]["status"]),
        (&json!("ROLLBACK_FAILED"), &json!("ROLLBACK_FAILED"))
    );
    assert_eq!(history[0]["statusReason"], "No rollback candidate was found to run the rollback.");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_whose_own_tasks_fail_has_failed() {
    let account = Account::new();
    account.steady("good", in_place(true)).await;
    account.update(json!({ "taskDefinition": "broken" }));
    account.program("good", || Script::new().exit(1));
    let (web, history) = account.until_newest("ROLLBACK_FAILED").await;
    assert!(history[0]["rollback"]["serviceRevisionArn"].is_string());
    assert_eq!((family(&web), &web["deployments"][0]["rolloutState"]), ("good", &json!("FAILED")));
    account.pass(120).await;
    assert_eq!(account.service()["runningCount"], 0);
}

/// All old tasks are stopped before new ones start.
fn in_place(breaks: bool) -> Value {
    json!({ "deploymentConfiguration": {
        "deploymentCircuitBreaker": { "enable": breaks, "rollback": breaks },
        "minimumHealthyPercent": 0, "maximumPercent": 100,
    }})
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_an_image_that_is_gone_fails_or_stays_where_it_is() {
    let gone = |account: &Account| {
        let tag = ImageKey::tag("1").unwrap();
        account.world.registry.expire_image("good", &tag).unwrap();
    };
    let account = Account::new();
    account.steady("good", in_place(true)).await;
    account.update(json!({ "taskDefinition": "broken" }));
    gone(&account);
    let (web, _) = account.until_newest("ROLLBACK_FAILED").await;
    assert_eq!((family(&web), &web["runningCount"]), ("good", &json!(0)));
    let reason = |task: &Value| task["stoppedReason"].as_str().unwrap_or_default().to_owned();
    assert!(account.tasks().iter().any(|task| {
        reason(task).starts_with("CannotPullContainerError") && task["stopCode"] == "TaskFailedToStart"
    }));

    let account = Account::new();
    account.steady("good", in_place(false)).await;
    account.update(json!({ "taskDefinition": "broken" }));
    gone(&account);
    account.until(|web| web["deployments"][0]["failedTasks"].as_u64().unwrap() > 3).await;
    let stop = json!({ "serviceDeploymentArn": account.history()[0]["serviceDeploymentArn"] });
    account.call("StopServiceDeployment", stop);
    account.until_newest("ROLLBACK_IN_PROGRESS").await;
    account.pass(6 * 3_600).await;
    let (web, history) = (account.service(), account.history());
    assert_eq!((&history[0]["status"], &web["runningCount"]), (&json!("ROLLBACK_IN_PROGRESS"), &json!(0)));
    account.until(|web| web["pendingCount"] == 0).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_launches_are_tried_again_after_growing_pauses() {
    let account = Account::new();
    account.steady("good", json!({ "desiredCount": 1 })).await;
    account.update(json!({ "taskDefinition": "broken" }));
    account.pass(4 * 3_600).await;
    let web = account.service();
    assert_eq!(web["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(account.history()[0]["status"], "IN_PROGRESS");
    let mut starts: Vec<f64> = account
        .tasks()
        .iter()
        .filter(|task| family(&json!({ "taskDefinition": task["taskDefinitionArn"] })) == "broken")
        .map(|task| task["createdAt"].as_f64().unwrap())
        .collect();
    starts.sort_by(f64::total_cmp);
    let pauses: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((10..25).contains(&pauses.len()), "{pauses:?}");
    assert!(pauses[..8].windows(2).skip(1).all(|pair| pair[1] > pair[0]), "{pauses:?}");
    assert!(pauses.last().is_some_and(|last| (1_620.0..1_800.0).contains(last)), "{pauses:?}");
    assert!(messages(&web).iter().any(|message| message.contains("is unable to consistently start tasks")));
    assert_eq!(web["deployments"][0]["failedTasks"].as_u64().map(|failed| failed > 10), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_healthy_is_replaced_and_counts_as_failed() {
    let account = Account::new();
    account.steady("good", breaker(true)).await;
    account.update(json!({ "taskDefinition": "sick" }));
    let (web, _) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert!(messages(&web).iter().any(|message| message.ends_with(") failed container health checks.")));
    let sick: Vec<Value> = account
        .tasks()
        .into_iter()
        .filter(|task| task["stoppedReason"] == "Task failed container health checks")
        .collect();
    assert!(sick.len() >= 2, "{}", sick.len());
    assert_eq!(sick[0]["healthStatus"], "UNHEALTHY");
}

#[tokio::test(start_paused = true)]
async fn a_task_counts_once_its_check_says_healthy() {
    let account = Account::new();
    account.program("sick", || Script::new().until_stopped().healthy_after(Duration::from_secs(120)));
    account.create("sick", json!({ "desiredCount": 1 }));
    let web = account.until(|web| web["runningCount"] == 1).await;
    assert_eq!(web["deployments"][0]["rolloutState"], "IN_PROGRESS");
    account.pass(100).await;
    assert_eq!(account.service()["deployments"][0]["rolloutState"], "IN_PROGRESS");
    account.until(|web| web["deployments"][0]["rolloutState"] == "COMPLETED").await;
    assert_eq!(account.tasks()[0]["healthStatus"], "HEALTHY");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_task_resets_the_count_unless_it_is_told_not_to() {
    for (resets, status, failures) in [(true, "SUCCESSFUL", 0), (false, "STOPPED", 3)] {
        let account = Account::new();
        // Of three tasks one stays, and of the next two another one.
        let started = AtomicU32::new(0);
        account.program("better", move || match started.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Script::new().until_stopped(),
            _ => Script::new().work(Duration::from_secs(2)).exit(1),
        });
        let breaker = json!({ "enable": true, "rollback": false, "resetOnHealthyTask": resets });
        let more =
            json!({ "desiredCount": 3, "deploymentConfiguration": { "deploymentCircuitBreaker": breaker } });
        account.steady("good", more).await;
        account.update(json!({ "taskDefinition": "better" }));
        let (_, history) =
            account.until_both(|_, history| history.len() == 2 && history[0]["finishedAt"].is_number()).await;
        assert_eq!(history[0]["status"], status);
        assert_eq!(history[0]["deploymentCircuitBreaker"]["failureCount"], failures);
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_works_in_an_instant_sandbox() {
    let account = Account::at(Pace::Instant);
    account.program("broken", || Script::new().exit(1));
    account.steady("good", breaker(true)).await;
    account.update(json!({ "taskDefinition": "broken" }));
    account.until_newest("ROLLBACK_SUCCESSFUL").await;
    account.update(json!({ "taskDefinition": "better" }));
    account.until_both(|_, history| history.len() == 3 && history[0]["status"] == "SUCCESSFUL").await;
}
