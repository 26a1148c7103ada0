//! AccessDeniedException as IAM words it.

use serde_json::Value;

use super::request::Request;
use crate::answer::AwsError;
use crate::ecs::short_name;
use crate::region::Region;

pub(super) fn access_denied(principal: &str, region: &Region, request: &Request) -> AwsError {
    let action = request.action();
    let resource = resource(region, request);
    let message = format!(
        "User: {principal} is not authorized to perform: {action} on resource: {resource} because no \
         identity-based policy allows the {action} action"
    );
    AwsError::client("AccessDeniedException", message)
}

/// Returns the resource that the operation is authorised on; `*` where it has no resource level.
fn resource(region: &Region, request: &Request) -> String {
    let input = &request.input;
    let text = |member: &str| input[member].as_str().unwrap_or_default();
    let cluster = short_name(input["cluster"].as_str().unwrap_or("default"));
    let name_or_arn = |service: &str, kind: &str, value: &str| {
        if value.starts_with("arn:") {
            value.to_owned()
        } else {
            region.arn(service, &format!("{kind}{value}"))
        }
    };
    let first = |member: &str| input[member].get(0).and_then(Value::as_str).unwrap_or("*").to_owned();
    match (request.service.as_str(), request.operation.as_str()) {
        ("ecs", "RunTask") => name_or_arn("ecs", "task-definition/", text("taskDefinition")),
        ("ecs", "RegisterTaskDefinition") => {
            region.arn("ecs", &format!("task-definition/{}:*", text("family")))
        }
        ("ecs", "StopTask") => name_or_arn("ecs", &format!("task/{cluster}/"), text("task")),
        ("ecs", "DescribeTasks") => {
            let first = input["tasks"].get(0).and_then(Value::as_str).unwrap_or("*");
            name_or_arn("ecs", &format!("task/{cluster}/"), first)
        }
        ("ecs", "DescribeClusters") => {
            let first = input["clusters"].get(0).and_then(Value::as_str).unwrap_or("default");
            name_or_arn("ecs", "cluster/", first)
        }
        ("ecs", "DescribeServices") => {
            let first = input["services"].get(0).and_then(Value::as_str).unwrap_or("*");
            name_or_arn("ecs", &format!("service/{cluster}/"), first)
        }
        ("ecs", "CreateService") => region.arn("ecs", &format!("service/{cluster}/{}", text("serviceName"))),
        ("ecs", "UpdateService" | "DeleteService" | "ListServiceDeployments") => {
            name_or_arn("ecs", &format!("service/{cluster}/"), text("service"))
        }
        ("ecs", "DescribeServiceDeployments") => first("serviceDeploymentArns"),
        ("ecs", "DescribeServiceRevisions") => first("serviceRevisionArns"),
        ("ecs", "StopServiceDeployment" | "ContinueServiceDeployment") => {
            text("serviceDeploymentArn").to_owned()
        }
        ("logs", "GetLogEvents") => region
            .arn("logs", &format!("log-group:{}:log-stream:{}", text("logGroupName"), text("logStreamName"))),
        ("logs", _) if !text("logGroupName").is_empty() => {
            region.arn("logs", &format!("log-group:{}:log-stream:", text("logGroupName")))
        }
        ("ecr", _) if !text("repositoryName").is_empty() => {
            region.arn("ecr", &format!("repository/{}", text("repositoryName")))
        }
        ("secretsmanager", _) => text("SecretId").to_owned(),
        _ => "*".into(),
    }
}
