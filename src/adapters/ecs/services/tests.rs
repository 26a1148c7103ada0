use std::time::Duration;

use sandbox::{Options, Sandbox, seed};
use serde_json::json;

use crate::adapters::Aws;
use crate::ports::{Lookup, ServiceReads as _, ServiceWrites as _, UpdateService};

const CLUSTER: &str = "startupwebapp-cluster";

fn found<T>(looked_up: Lookup<Vec<T>>) -> Vec<T> {
    let Lookup::Found(found) = looked_up else { panic!("not found") };
    found
}

#[tokio::test(start_paused = true)]
async fn batches_and_pages_are_put_together() {
    let sandbox = Sandbox::in_process(Options { record: None, ..Options::default() }).expect("a sandbox");
    seed::account(&sandbox).expect("the seed's account");
    let names: Vec<String> = (0..21).map(|number| format!("service-{number:02}")).collect();
    for name in &names {
        let service = json!({
            "cluster": CLUSTER,
            "serviceName": name,
            "taskDefinition": seed::TASK_FAMILY,
            "desiredCount": 0,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        });
        sandbox.create_service(&service).expect("a service");
    }
    let aws = Aws::from_config(sandbox.sdk_config(), Duration::from_secs(60), 1.0);
    let services = aws.services(CLUSTER, &names).await.expect("services");
    let described: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(described, names, "three calls, in the order that was asked for");

    let again = UpdateService {
        cluster: CLUSTER.to_owned(),
        service: names[0].clone(),
        task_definition: services[0].task_definition.clone().expect("a revision"),
        force: true,
    };
    for _ in 0..120 {
        aws.update_service(&again).await.expect("a deployment");
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    let briefs = found(aws.service_deployments(CLUSTER, &names[0], None).await.expect("a list"));
    assert!(briefs.len() > 100, "{} are a page and more", briefs.len());
    assert!(briefs.is_sorted_by_key(|brief| std::cmp::Reverse(brief.created_at)));
    let arns: Vec<String> = briefs.iter().map(|brief| brief.arn.clone()).collect();
    let deployments = found(aws.describe_service_deployments(&arns).await.expect("deployments"));
    let described: Vec<&String> = deployments.iter().map(|deployment| &deployment.arn).collect();
    assert_eq!(described, arns.iter().collect::<Vec<_>>(), "twenty a call");
    let revisions: Vec<String> = briefs.iter().filter_map(|brief| brief.target.clone()).take(21).collect();
    assert_eq!(found(aws.service_revisions(&revisions).await.expect("revisions")).len(), 21);
}
