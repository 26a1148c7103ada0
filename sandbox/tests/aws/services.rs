//! Services over HTTP: a lost answer of UpdateService, and a role that may not use the newer calls.

use std::time::Duration;

use sandbox::{Disturbance, Fault, Options, Sandbox, Script};
use serde_json::{Value, json};

use crate::client::{CLUSTER, FAMILY, credential, ecs, post, run_task_input, seeded};

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
