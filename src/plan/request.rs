//! RunTask's input as the API takes it, for people to read.

use serde_json::{Value, json};

use crate::ports::RunTask;

/// The JSON of a RunTask call, as `aws ecs run-task --cli-input-json` takes it.
pub fn run_task_input(request: &RunTask) -> Value {
    let mut container = json!({
        "name": request.container,
        "environment": request
            .environment
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect::<Vec<_>>(),
    });
    if let Some(command) = &request.command {
        container["command"] = json!(command);
    }
    let network = &request.network;
    let mut vpc = json!({"subnets": network.subnets});
    if !network.security_groups.is_empty() {
        vpc["securityGroups"] = json!(network.security_groups);
    }
    vpc["assignPublicIp"] = json!(if network.assign_public_ip { "ENABLED" } else { "DISABLED" });
    json!({
        "cluster": request.cluster,
        "taskDefinition": request.task_definition,
        "launchType": "FARGATE",
        "count": 1,
        "networkConfiguration": {"awsvpcConfiguration": vpc},
        "overrides": {"containerOverrides": [container]},
        "startedBy": request.started_by,
        "clientToken": request.client_token,
    })
}
