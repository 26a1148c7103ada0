//! The calls: what they take, refuse and filter.

use super::*;
use crate::faults::Fault;

#[tokio::test(start_paused = true)]
async fn a_requested_rollback_ends_as_one_or_loses_the_race() {
    let account = Account::new();
    let before = account.steady("good", json!({})).await;
    account.update(json!({ "taskDefinition": "better" }));
    let (_, history) = account.until_newest("IN_PROGRESS").await;
    let arn = &history[0]["serviceDeploymentArn"];
    let stop = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    assert_eq!(account.call("StopServiceDeployment", stop.clone())["serviceDeploymentArn"], *arn);
    assert_eq!(account.history()[0]["status"], "ROLLBACK_REQUESTED");
    account.call("StopServiceDeployment", stop.clone());
    let (web, history) = account.until_newest("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(web["deployments"][0]["id"], before["deployments"][0]["id"]);
    assert_eq!(history[0]["deploymentCircuitBreaker"]["status"], "DISABLED");
    let refused = account.try_call("StopServiceDeployment", stop).unwrap_err();
    assert!(refused.starts_with("ConflictException"), "{refused}");

    // It is requested in the moment before the last task is healthy, and the task is faster.
    account.update(json!({ "taskDefinition": "better" }));
    let healthy_at = |web: &Value| {
        let started =
            account.tasks().iter().filter_map(|task| task["startedAt"].as_f64()).fold(0.0, f64::max);
        (web["deployments"][0]["runningCount"] == 2).then_some(started + 40.0)
    };
    let (_, history) = account
        .until_both(|web, history| {
            family(web) == "better"
                && history.len() == 3
                && healthy_at(web).is_some_and(|at| account.world.clock.now() as f64 / 1000.0 > at - 0.2)
        })
        .await;
    assert_eq!((history.len(), &history[0]["status"]), (3, &json!("IN_PROGRESS")));
    account
        .call("StopServiceDeployment", json!({ "serviceDeploymentArn": history[0]["serviceDeploymentArn"] }));
    assert_eq!(account.history()[0]["status"], "ROLLBACK_REQUESTED");
    let (web, _) = account.until_newest("SUCCESSFUL").await;
    assert_eq!(family(&web), "better");
}

#[tokio::test(start_paused = true)]
async fn a_fault_lets_a_requested_rollback_come_too_late() {
    for more in [
        json!({}),
        json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 } }),
    ] {
        let account = Account::new();
        account.steady("good", more).await;
        account.world.faults.push(Fault::late_stop());
        account.update(json!({ "taskDefinition": "better" }));
        let (_, history) = account
            .until_both(|_, history| history.len() == 2 && history[0]["status"] == "IN_PROGRESS")
            .await;
        let stop = json!({ "serviceDeploymentArn": history[0]["serviceDeploymentArn"] });
        account.call("StopServiceDeployment", stop);
        let (web, history) = account
            .until_both(|_, history| {
                let status = history[0]["status"].as_str().unwrap();
                assert!(["ROLLBACK_REQUESTED", "SUCCESSFUL"].contains(&status), "{status}");
                status == "SUCCESSFUL"
            })
            .await;
        assert_eq!((family(&web), history[0].get("rollback")), ("better", None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused() {
    let account = Account::new();
    let refused = |operation: &str, more: Value| {
        let mut input = json!({
            "cluster": "c", "serviceName": "other", "service": "web", "taskDefinition": "good", "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
        });
        extend(&mut input, more);
        account.try_call(operation, input).unwrap_err()
    };
    assert!(
        refused("CreateService", json!({ "networkConfiguration": null }))
            .starts_with("InvalidParameterException")
    );
    assert!(refused("CreateService", json!({ "taskDefinition": "never" })).starts_with("ClientException"));
    assert!(refused("UpdateService", json!({})).starts_with("ServiceNotFoundException"));
    assert!(refused("UpdateService", json!({ "cluster": "never" })).starts_with("ClusterNotFoundException"));
    account.steady("good", json!({})).await;
    account.call("DeregisterTaskDefinition", json!({ "taskDefinition": "better:1" }));
    assert_eq!(
        refused("UpdateService", json!({ "taskDefinition": "better:1" })),
        "ClientException: TaskDefinition is inactive"
    );
    assert!(refused("DeleteService", json!({})).contains("scaled above 0"));
    for configuration in [
        json!({ "lifecycleHooks": [{ "hookTargetArn": "arn" }] }),
        json!({ "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] }] }),
    ] {
        let more = json!({ "taskDefinition": "better", "deploymentConfiguration": configuration });
        assert!(refused("UpdateService", more).contains("The sandbox does not simulate"), "{configuration}");
    }
    assert_eq!(family(&account.service()), "good", "what is refused changes nothing");
    let controller = json!({ "taskDefinition": "good", "deploymentController": { "type": "CODE_DEPLOY" } });
    assert!(refused("UpdateService", controller).starts_with("InvalidParameterException"));
    let listed = json!({ "cluster": "c", "serviceName": "never" });
    assert!(account.try_call("ListTasks", listed).unwrap_err().starts_with("ServiceNotFoundException"));
    let arn = json!("arn:aws:ecs:us-east-1:123456789012:service-deployment/c/web/never");
    let stop = |more: Value| refused("StopServiceDeployment", more);
    assert!(stop(json!({ "serviceDeploymentArn": arn })).starts_with("ServiceDeploymentNotFoundException"));
    let known = account.history()[0]["serviceDeploymentArn"].clone();
    assert!(
        stop(json!({ "serviceDeploymentArn": known, "stopType": "ABORT" }))
            .starts_with("InvalidParameterException")
    );
    let services = |count: usize| json!({ "services": vec!["web"; count] });
    account.call("DescribeServices", json!({ "cluster": "c", "services": vec!["web"; 10] }));
    assert!(refused("DescribeServices", services(11)).starts_with("InvalidParameterException"));
    for (operation, member) in [
        ("DescribeServiceDeployments", "serviceDeploymentArns"),
        ("DescribeServiceRevisions", "serviceRevisionArns"),
    ] {
        let answer = account.call(operation, json!({ member: [arn] }));
        assert_eq!(answer["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
        account.call(operation, json!({ member: vec![arn.clone(); 20] }));
        assert!(
            refused(operation, json!({ member: vec![arn.clone(); 21] }))
                .starts_with("InvalidParameterException")
        );
        assert!(refused(operation, json!({ member: [] })).starts_with("InvalidParameterException"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_of_codedeploy_has_no_deployments_of_ours() {
    let account = Account::new();
    let web = account.create("good", json!({ "deploymentController": { "type": "CODE_DEPLOY" } }));
    assert_eq!(web["deployments"], json!([]));
    let update = json!({ "cluster": "c", "service": "web", "taskDefinition": "better" });
    assert_eq!(
        account.try_call("UpdateService", update).unwrap_err(),
        "InvalidParameterException: Unable to update task definition on services with a CODE_DEPLOY deployment \
         controller. Use AWS CodeDeploy to trigger a new deployment."
    );
    assert_eq!(account.update(json!({ "desiredCount": 3 }))["desiredCount"], 3);
    account.pass(60).await;
    assert_eq!((account.tasks().len(), account.history().len()), (0, 0));
    let web = account.service();
    let set = &web["taskSets"][0];
    assert_eq!((&set["status"], &set["computedDesiredCount"]), (&json!("PRIMARY"), &json!(3)));
    assert_eq!((family(set), web["taskSets"].as_array().unwrap().len()), ("good", 1));
    assert_eq!((family(&web), web.get("currentServiceRevisions")), ("good", None));
}

#[tokio::test(start_paused = true)]
async fn a_service_of_an_external_controller_has_no_task_definition_of_its_own() {
    let account = Account::new();
    let external = json!({
        "cluster": "c", "serviceName": "web", "desiredCount": 2, "deploymentController": { "type": "EXTERNAL" },
    });
    let web = account.call("CreateService", external)["service"].take();
    assert_eq!((&web["taskSets"], &web["deployments"]), (&json!([]), &json!([])));
    assert!(web.get("taskDefinition").is_none());
    let update = json!({ "cluster": "c", "service": "web", "taskDefinition": "better" });
    assert_eq!(
        account.try_call("UpdateService", update).unwrap_err(),
        "InvalidParameterException: Unable to update task definition on services with a EXTERNAL deployment controller."
    );
    assert_eq!(account.update(json!({ "desiredCount": 1 }))["desiredCount"], 1);
    assert_eq!(account.history().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_express_mode_service_can_be_looked_at_and_not_updated() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    assert_eq!(account.service()["resourceManagementType"], "CUSTOMER");
    let input = json!({
        "cluster": "c", "serviceName": "express", "taskDefinition": "good", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
        "resourceManagementType": "CUSTOMER",
    });
    ecs::create_service(&account.world, &account.region, &input, ecs::ManagedBy::Ecs).unwrap();
    let named = json!({ "cluster": "c", "services": ["express"] });
    let express = &account.call("DescribeServices", named)["services"][0];
    assert_eq!((&express["resourceManagementType"], &express["status"]), (&json!("ECS"), &json!("ACTIVE")));
    let update = json!({ "cluster": "c", "service": "express", "forceNewDeployment": true });
    let refused = account.try_call("UpdateService", update).unwrap_err();
    assert!(refused.contains("The sandbox does not simulate UpdateService on an Express Mode"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_drains_and_is_described_for_longer_than_it_is_listed() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    let input = json!({ "cluster": "c", "service": "web", "force": true });
    assert_eq!(account.call("DeleteService", input.clone())["service"]["status"], "DRAINING");
    let update = json!({ "cluster": "c", "service": "web", "desiredCount": 1 });
    assert!(account.try_call("UpdateService", update).unwrap_err().starts_with("ServiceNotActiveException"));
    assert_eq!(account.call("ListServices", json!({ "cluster": "c" }))["serviceArns"], json!([]));
    let start = account.world.clock.now();
    while account.service()["status"] != "INACTIVE" {
        assert!(account.world.clock.now() < start + PATIENCE);
        account.pass(1).await;
    }
    account.pass(120).await;
    assert!(account.tasks().iter().all(|task| task["lastStatus"] == "STOPPED") && account.tasks().len() == 2);
    assert!(account.try_call("DeleteService", input).unwrap_err().starts_with("ServiceNotFoundException"));
    account.steady("better", json!({})).await;
    assert_eq!(account.history().len(), 1, "it is another service of this name");
}

#[tokio::test(start_paused = true)]
async fn deployments_are_filtered_and_paged() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    account.pass(10).await;
    let middle = account.world.clock.now() as f64 / 1000.0;
    account.update(json!({ "forceNewDeployment": true }));
    account.until_both(|_, history| history.len() == 2 && history[0]["status"] == "IN_PROGRESS").await;
    let listed = |more: Value| {
        let mut input = json!({ "cluster": "c", "service": "web" });
        extend(&mut input, more);
        let answer = account.call("ListServiceDeployments", input);
        let statuses: Vec<String> = answer["serviceDeployments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_str().unwrap().to_owned())
            .collect();
        (statuses, answer["nextToken"].clone())
    };
    assert_eq!(listed(json!({})).0, ["IN_PROGRESS", "SUCCESSFUL"]);
    assert_eq!(listed(json!({ "status": ["SUCCESSFUL", "PENDING"] })).0, ["SUCCESSFUL"]);
    assert_eq!(listed(json!({ "createdAt": { "after": middle } })).0, ["IN_PROGRESS"]);
    assert_eq!(listed(json!({ "createdAt": { "before": middle } })).0, ["SUCCESSFUL"]);
    let (first, token) = listed(json!({ "maxResults": 1 }));
    let (second, end) = listed(json!({ "maxResults": 1, "nextToken": token }));
    assert_eq!(
        (first, second, end),
        (vec!["IN_PROGRESS".into()], vec!["SUCCESSFUL".to_owned()], Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_may_be_stale_and_a_list_late() {
    let account = Account::new();
    account.steady("good", json!({})).await;
    let seconds = Duration::from_secs;
    account.world.faults.push(Fault::stale_service(seconds(0), seconds(5)));
    account.world.faults.push(Fault::late_service_deployment(seconds(30)));
    let answer = account.update(json!({ "taskDefinition": "better" }));
    assert_eq!(answer["deployments"].as_array().unwrap().len(), 2, "the answer itself is not stale");
    account.pass(4).await;
    assert_eq!(
        (family(&account.service()), account.service()["deployments"].as_array().unwrap().len()),
        ("good", 1)
    );
    account.pass(2).await;
    assert_eq!(family(&account.service()), "better");
    account.pass(20).await;
    assert_eq!(account.history().len(), 1);
    account.pass(10).await;
    assert_eq!(account.history().len(), 2);

    account.until(|web| web["deployments"].as_array().unwrap().len() == 1).await;
    account.world.faults.push(Fault::stale_service(seconds(120), seconds(10)));
    account.update(json!({ "taskDefinition": "good" }));
    account.pass(119).await;
    assert_eq!(family(&account.service()), "good");
    account.pass(2).await;
    assert_eq!(family(&account.service()), "better", "minutes later it is as before again");
    account.pass(10).await;
    assert_eq!(family(&account.service()), "good");
}
