//! Rollouts that arrive, that are superseded, and that cannot move.

use super::*;
use crate::faults::Fault;

#[tokio::test(start_paused = true)]
async fn a_new_service_starts_its_tasks_and_is_steady() {
    let account = Account::new();
    let created = account.create("good", json!({}));
    assert_eq!((&created["runningCount"], &created["pendingCount"]), (&json!(0), &json!(0)));
    assert_eq!(created["deployments"][0]["rolloutState"], "IN_PROGRESS");
    let web = account.until(|web| web["deployments"][0]["rolloutState"] == "COMPLETED").await;
    assert_eq!((&web["runningCount"], &web["pendingCount"]), (&json!(2), &json!(0)));
    let id = web["deployments"][0]["id"].as_str().unwrap();
    let said = messages(&web);
    assert!(said[0].starts_with("(service web) has started 2 tasks: (task "), "{said:?}");
    assert_eq!(said[1], format!("(service web) (deployment {id}) deployment completed."));
    assert_eq!(said[2], "(service web) has reached a steady state.");
    assert_eq!(said.len(), 3);
    for task in account.tasks() {
        assert_eq!((&task["startedBy"], &task["group"]), (&json!(id), &json!("service:web")));
    }
    let listed = account.call("ListTasks", json!({ "cluster": "c", "serviceName": "web" }));
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_is_replaced() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    let task = account.tasks()[0]["taskArn"].clone();
    account.call("StopTask", json!({ "cluster": "c", "task": task }));
    let web = account.until(|web| messages(web).len() == 5).await;
    assert_eq!(messages(&web)[4], "(service web) has reached a steady state.");
    assert_eq!((&web["runningCount"], account.tasks().len()), (&json!(2), 3));
    assert_eq!(web["deployments"][0]["failedTasks"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_update_is_listed_after_two_seconds_and_ends_before_the_old_tasks_have() {
    let account = Account::new();
    let before = account.steady("good", json!({})).await;
    let start = account.world.clock.now();
    let answer = account.update(json!({ "taskDefinition": "better" }));
    let (ours, old) = (&answer["deployments"][0], &answer["deployments"][1]);
    assert_eq!((&ours["status"], &ours["rolloutState"]), (&json!("PRIMARY"), &json!("IN_PROGRESS")));
    assert_eq!((&old["status"], &old["id"]), (&json!("ACTIVE"), &before["deployments"][0]["id"]));
    assert_eq!(account.history().len(), 1, "ours is not there yet");

    let (_, history) = account.until_both(|_, history| history.len() == 2).await;
    let listed = account.world.clock.now() - start;
    assert!((1_500..=3_600).contains(&listed), "{listed}");
    let id = ours["id"].as_str().unwrap();
    let target = &history[0]["targetServiceRevision"]["arn"];
    assert_eq!(format!("ecs-svc/{}", last_segment(target)), id);
    let source = &history[0]["sourceServiceRevisions"][0]["arn"];
    assert_eq!(format!("ecs-svc/{}", last_segment(source)), old["id"].as_str().unwrap());
    let revisions =
        account.call("DescribeServiceRevisions", json!({ "serviceRevisionArns": [target, source] }));
    assert_eq!(family(&revisions["serviceRevisions"][0]), "better");
    assert_eq!(family(&revisions["serviceRevisions"][1]), "good");

    let (web, history) = account.until_newest("SUCCESSFUL").await;
    assert_eq!(web["deployments"].as_array().unwrap().len(), 2, "an old task is not gone yet");
    assert_eq!(web["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(history[0]["targetServiceRevision"]["runningTaskCount"], 2);
    let web = account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!((family(&web), &web["deployments"][0]["id"]), ("better", &ours["id"]));
    let said = messages(&web).split_off(3);
    let kinds: Vec<bool> = said.iter().map(|message| message.contains("has stopped")).collect();
    assert!(said[0].contains("has started 2 tasks") && kinds.contains(&true), "{said:?}");
    assert_eq!(said.last().unwrap(), "(service web) has reached a steady state.");
    for task in account.tasks().iter().filter(|task| task["lastStatus"] == "STOPPED") {
        assert_eq!(task["stopCode"], "ServiceSchedulerInitiated");
        assert!(
            task["stoppedReason"]
                .as_str()
                .unwrap()
                .starts_with("Scaling activity initiated by (deployment ecs-svc/")
        );
    }
    let revisions = account.call("DescribeServiceRevisions", json!({ "serviceRevisionArns": [target] }));
    assert!(revisions["serviceRevisions"][0]["containerImages"][0]["imageDigest"].is_string());
}

#[tokio::test(start_paused = true)]
async fn the_old_tasks_serve_until_new_ones_are_healthy() {
    let account = Account::new();
    account.steady("good", json!({ "desiredCount": 3 })).await;
    account.update(json!({ "taskDefinition": "better" }));
    account
        .until_both(|web, history| {
            assert!(web["runningCount"].as_u64().unwrap() >= 3, "{web:#}");
            history[0]["status"] == "SUCCESSFUL" && history.len() == 2
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_update_supersedes_an_older_one() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    account.update(json!({ "taskDefinition": "better" }));
    account.until_newest("IN_PROGRESS").await;
    account.pass(10).await;
    let answer = account.update(json!({ "taskDefinition": "better", "forceNewDeployment": true }));
    assert_eq!(answer["deployments"].as_array().unwrap().len(), 3);
    let (_, history) = account.until_both(|_, history| history.len() == 3).await;
    assert!(["STOP_REQUESTED", "STOPPED"].contains(&history[1]["status"].as_str().unwrap()));
    let (web, history) = account.until_newest("SUCCESSFUL").await;
    let statuses: Vec<&Value> = history.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
    assert!(
        history[1]["stoppedAt"].is_number() && history[1]["deploymentCircuitBreaker"]["status"] == "DISABLED"
    );
    assert_eq!(family(&web), "better");
    let web = account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    assert_eq!(web["deployments"][0]["id"], answer["deployments"][0]["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_may_be_pending_for_long() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    account.world.faults.push(Fault::pending_service_deployment(Duration::from_secs(300)));
    account.update(json!({ "taskDefinition": "better" }));
    account.pass(299).await;
    assert_eq!((&account.history()[0]["status"], account.tasks().len()), (&json!("PENDING"), 2));
    assert!(account.history()[0].get("startedAt").is_none());
    account.until_both(|_, history| history.len() == 2 && history[0]["status"] == "SUCCESSFUL").await;
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_a_rollout_whatever_else_is_asked_meanwhile() {
    async fn times(disturbed: bool) -> Vec<(String, i64)> {
        let account = Account::new();
        let start = account.service_created("good");
        for seconds in [100, 200] {
            if disturbed {
                account.call("ListClusters", json!({}));
                account.world.ids.uuid();
            }
            account.pass(seconds).await;
        }
        account.update(json!({ "taskDefinition": "broken" }));
        account.pass(3_000).await;
        let web = account.service();
        let at = |event: &Value| (event["createdAt"].as_f64().unwrap() * 1000.0).round() as i64 - start;
        let kind =
            |event: &Value| event["message"].as_str().unwrap().split(" (task").next().unwrap().to_owned();
        web["events"].as_array().unwrap().iter().map(|event| (kind(event), at(event))).collect()
    }
    let first = times(false).await;
    assert!(first.len() > 8, "{first:?}");
    assert_eq!(first, times(true).await);
}

#[tokio::test(start_paused = true)]
async fn the_same_definition_without_force_starts_nothing() {
    let account = Account::new();
    let before = account.steady("good", json!({})).await;
    let answer = account.update(json!({ "taskDefinition": "good:1" }));
    assert_eq!(answer["deployments"][0]["id"], before["deployments"][0]["id"]);
    account.pass(60).await;
    assert_eq!((account.history().len(), account.tasks().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_minimum_and_a_maximum_of_all_hang_for_ever() {
    let account = Account::new();
    let more = json!({
        "desiredCount": 1, "deploymentConfiguration": { "minimumHealthyPercent": 100, "maximumPercent": 100 },
    });
    account.steady("good", more).await;
    account.update(json!({ "taskDefinition": "better" }));
    account.pass(7_200).await;
    let web = account.service();
    let said: Vec<String> = messages(&web).split_off(3);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("was unable to stop or start tasks during a deployment"));
    assert_eq!((&account.history()[0]["status"], account.tasks().len()), (&json!("IN_PROGRESS"), 1));
}

#[tokio::test(start_paused = true)]
async fn the_desired_count_is_followed_without_a_deployment() {
    let account = Account::new();
    account.steady("good", json!({ "desiredCount": 1 })).await;
    account.update(json!({ "desiredCount": 3 }));
    account.until(|web| web["runningCount"] == 3).await;
    let target = account.history()[0]["targetServiceRevision"].clone();
    let counts = (&target["requestedTaskCount"], &target["runningTaskCount"]);
    assert_eq!(counts, (&json!(1), &json!(1)), "a deployment that has ended stays as it was then");
    account.update(json!({ "desiredCount": 0 }));
    let web = account.until(|web| web["runningCount"] == 0).await;
    assert_eq!((account.history().len(), web["deployments"].as_array().unwrap().len()), (1, 1));
    account.update(json!({ "taskDefinition": "broken" }));
    account.until_both(|_, history| history.len() == 2 && history[0]["status"] == "SUCCESSFUL").await;
    assert_eq!(account.tasks().len(), 3, "none is started where none is wanted");
}
