//! Services over HTTP: a lost answer of UpdateService, and a role that may not use the newer calls.

use std::time::Duration;

use sandbox::{Disturbance, Fault, Options, Sandbox, Script};
use serde_json::{Value, json};

use crate::client::{
    CLUSTER, FAMILY, GROUP, container, credential, definition, ecs, logs, post, run_task_input, seeded,
};

const WEB: &str = "arn:aws:ecs:us-east-1:123456789012:service/startupwebapp-cluster/web";

async fn with_service() -> Sandbox {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let mut service = run_task_input();
    service["serviceName"] = json!("web");
    sandbox.create_service(&service).unwrap();
    sandbox
}

fn web() -> Value {
    json!({ "cluster": CLUSTER, "service": "web" })
}

#[tokio::test]
async fn a_lost_answer_of_update_service_has_had_its_effect() {
    let sandbox = with_service().await;
    let headers = [
        ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.UpdateService".to_owned()),
        ("Authorization", credential("us-east-1")),
    ];
    let body = json!({ "cluster": CLUSTER, "service": "web", "forceNewDeployment": true }).to_string();
    let input = json!({ "cluster": CLUSTER, "services": ["web"] });
    let mut ids = Vec::new();
    for disturbance in [Disturbance::DropBefore, Disturbance::DropAfter] {
        let before =
            ecs(&sandbox, "DescribeServices", &input).await.ok()["services"][0]["deployments"][0].take();
        sandbox.faults().push(Fault::call("ecs:UpdateService", disturbance));
        assert!(post(&sandbox, &headers, &body).await.is_none());
        let after =
            ecs(&sandbox, "DescribeServices", &input).await.ok()["services"][0]["deployments"][0].take();
        ids.push(before["id"] == after["id"]);
    }
    assert_eq!(ids, [true, false]);
}

#[tokio::test]
async fn a_role_may_know_services_and_not_their_deployments() {
    let sandbox = with_service().await;
    let wait = async {
        loop {
            let listed = ecs(&sandbox, "ListServiceDeployments", &web()).await.ok();
            if let Some(arn) = listed["serviceDeployments"][0]["serviceDeploymentArn"].as_str() {
                return arn.to_owned();
            }
        }
    };
    let arn = tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    sandbox.faults().push(Fault::call("ecs:ListServiceDeployments", Disturbance::AccessDenied).always());
    sandbox.faults().push(Fault::call("ecs:DescribeServiceDeployments", Disturbance::AccessDenied).always());
    let described = json!({ "serviceDeploymentArns": [arn] });
    for (operation, input, resource) in
        [("ListServiceDeployments", web(), WEB), ("DescribeServiceDeployments", described, arn.as_str())]
    {
        let reply = ecs(&sandbox, operation, &input).await;
        let (code, message) = reply.error();
        let denied = format!("is not authorized to perform: ecs:{operation} on resource: {resource} because");
        assert!(code == "AccessDeniedException" && message.contains(&denied), "{message}");
    }
    let services = json!({ "cluster": CLUSTER, "services": ["web"] });
    assert_eq!(ecs(&sandbox, "DescribeServices", &services).await.ok()["services"][0]["serviceArn"], WEB);
}

#[tokio::test]
async fn a_stopped_task_of_a_service_says_why_and_leaves_its_log() {
    let sandbox = with_service().await;
    deployment(&sandbox, 1, |one| one["status"] == "SUCCESSFUL").await;
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let mut broken = container("migration");
    broken["image"] = json!(format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/web@{digest}"));
    broken["healthCheck"] = json!({ "command": ["CMD", "true"] });
    let arn = sandbox.register_task_definition(&definition(&[broken])).unwrap();
    sandbox.set_program(FAMILY, |_| Script::new().line("no such table").exit(3));
    let mut update = web();
    update["taskDefinition"] = json!(arn);
    let started = ecs(&sandbox, "UpdateService", &update).await.ok();
    let id = &started["service"]["deployments"][0]["id"];
    let stopped = json!({ "cluster": CLUSTER, "serviceName": "web", "desiredStatus": "STOPPED" });
    let wait = async {
        loop {
            let tasks = &ecs(&sandbox, "ListTasks", &stopped).await.ok()["taskArns"];
            let input = json!({ "cluster": CLUSTER, "tasks": [tasks[0]] });
            if tasks[0].is_string() {
                let task = ecs(&sandbox, "DescribeTasks", &input).await.ok()["tasks"][0].take();
                if task["lastStatus"] == "STOPPED" {
                    return task;
                }
            }
        }
    };
    let task = tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    for (member, value) in [
        ("startedBy", id.clone()),
        ("group", json!("service:web")),
        ("taskDefinitionArn", json!(arn)),
        ("stopCode", json!("EssentialContainerExited")),
        ("stoppedReason", json!("Essential container in task exited")),
        ("healthStatus", json!("UNKNOWN")),
    ] {
        assert_eq!(task[member], value, "{member}");
    }
    let app = &task["containers"][0];
    assert_eq!((&app["exitCode"], &app["imageDigest"]), (&json!(3), &json!(digest)));
    let stream =
        format!("migration/migration/{}", task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap());
    let input = json!({ "logGroupName": GROUP, "logStreamName": stream, "startFromHead": true });
    let wait = async {
        loop {
            let events = logs(&sandbox, "GetLogEvents", &input).await.body["events"].take();
            if let Some(first) = events.get(0) {
                return first["message"].clone();
            }
        }
    };
    let logged = tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    assert_eq!(logged, "no such table");
}

#[tokio::test]
async fn an_alarm_ends_a_deployment() {
    let sandbox = with_service().await;
    deployment(&sandbox, 1, |one| one["status"] == "SUCCESSFUL").await;
    let alarms = json!({ "alarmNames": ["errors"], "enable": true, "rollback": true });
    let mut update = web();
    // An instant sandbox bakes for a four-hundredth of this.
    update["deploymentConfiguration"] = json!({ "alarms": alarms, "bakeTimeInMinutes": 1440 });
    update["forceNewDeployment"] = json!(true);
    ecs(&sandbox, "UpdateService", &update).await.ok();
    deployment(&sandbox, 2, |one| one["status"] == "IN_PROGRESS").await;
    sandbox.set_alarm("errors", true);
    let ended = deployment(&sandbox, 2, |one| one["status"] == "ROLLBACK_SUCCESSFUL").await;
    assert_eq!(ended["alarms"]["triggeredAlarmNames"], json!(["errors"]));
    sandbox.set_alarm("errors", false);
    update["deploymentConfiguration"]["bakeTimeInMinutes"] = json!(0);
    ecs(&sandbox, "UpdateService", &update).await.ok();
    let ended = deployment(&sandbox, 3, |one| one["finishedAt"].is_number()).await;
    assert_eq!(
        (&ended["status"], &ended["alarms"]["status"]),
        (&json!("SUCCESSFUL"), &json!("MONITORING_COMPLETE"))
    );
}

#[tokio::test]
async fn services_that_can_only_be_looked_at() {
    let sandbox = seeded(Options::default()).await;
    let mut service = run_task_input();
    service["serviceName"] = json!("blue");
    service["deploymentController"] = json!({ "type": "CODE_DEPLOY" });
    ecs(&sandbox, "CreateService", &service).await.ok();
    service["serviceName"] = json!("express");
    service["deploymentController"] = json!({ "type": "ECS" });
    service["desiredCount"] = json!(0);
    sandbox.create_express_service(&service).unwrap();
    let input = json!({ "cluster": CLUSTER, "services": ["blue", "express"] });
    let described = ecs(&sandbox, "DescribeServices", &input).await.ok();
    let managed: Vec<&Value> =
        described["services"].as_array().unwrap().iter().map(|one| &one["resourceManagementType"]).collect();
    assert_eq!(managed, ["CUSTOMER", "ECS"]);
    assert_eq!(described["services"][0]["taskSets"][0]["status"], "PRIMARY");
    let update = json!({ "cluster": CLUSTER, "service": "express", "forceNewDeployment": true });
    assert_eq!(ecs(&sandbox, "UpdateService", &update).await.error().0, "InvalidParameterException");
    let listed = json!({ "cluster": CLUSTER, "service": "blue" });
    assert_eq!(ecs(&sandbox, "ListServiceDeployments", &listed).await.ok()["serviceDeployments"], json!([]));
}

/// The newest service deployment, once there are so many and it is so.
async fn deployment(sandbox: &Sandbox, count: usize, is_so: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let listed = ecs(sandbox, "ListServiceDeployments", &web()).await.ok();
            let arn = &listed["serviceDeployments"][0]["serviceDeploymentArn"];
            if listed["serviceDeployments"].as_array().is_some_and(|all| all.len() == count) {
                let input = json!({ "serviceDeploymentArns": [arn] });
                let described = ecs(sandbox, "DescribeServiceDeployments", &input).await.ok();
                if is_so(&described["serviceDeployments"][0]) {
                    return described["serviceDeployments"][0].clone();
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap()
}
