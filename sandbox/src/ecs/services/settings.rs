//! What a service is made of, as requests give it.

use serde_json::{Map, Value, json};

use super::configuration;
use crate::answer::AwsError;
use crate::ecs::invalid;

/// What a service does not show of its requests, or shows otherwise.
const REQUEST_ONLY: [&str; 7] =
    ["cluster", "clientToken", "role", "service", "desiredCount", "forceNewDeployment", MANAGED];

/// Who manages a service.
pub(super) const MANAGED: &str = "resourceManagementType";

/// What starts a deployment when it changes (UpdateService's page). taskDefinition does as well.
const DEPLOYED: [&str; 7] = [
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Refuses what no scheduler here does, and what AWS refuses. `input` is a service's settings with what a request has
/// changed in them, and `given` is what the request says.
pub(super) fn check(input: &Value, given: &Value) -> Result<(), AwsError> {
    let configuration = &input["deploymentConfiguration"];
    configuration::check(configuration, &given["deploymentConfiguration"])?;
    if input["schedulingStrategy"] == "DAEMON" {
        return Err(invalid("The daemon scheduling strategy is not supported for Fargate."));
    }
    match input["deploymentController"]["type"].as_str() {
        None | Some("ECS" | "CODE_DEPLOY" | "EXTERNAL") => {}
        Some(kind) => return Err(invalid(format!("Invalid deployment controller: {kind}"))),
    }
    if input["desiredCount"].as_i64().is_some_and(|count| count < 0) {
        return Err(invalid("desiredCount cannot be negative."));
    }
    Ok(())
}

/// Makes the settings of a new service, with AWS's defaults.
pub(super) fn created(input: &Value) -> Map<String, Value> {
    let mut settings = Map::new();
    merge(&mut settings, input);
    for (member, default) in [
        ("loadBalancers", json!([])),
        ("serviceRegistries", json!([])),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("platformVersion", json!("LATEST")),
        ("propagateTags", json!("NONE")),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        (MANAGED, json!("CUSTOMER")),
    ] {
        settings.entry(member).or_insert(default);
    }
    complete(&mut settings);
    settings
}

/// Takes over what a request gives; what it leaves out stays. Returns whether that starts a deployment.
pub(super) fn merge(settings: &mut Map<String, Value>, input: &Value) -> bool {
    let mut deploys = false;
    for (member, value) in input.as_object().into_iter().flatten() {
        // Null is absent in AWS's JSON, and no answer has it.
        if value.is_null() || REQUEST_ONLY.contains(&member.as_str()) {
            continue;
        }
        match (settings.get_mut(member), value) {
            (Some(Value::Object(kept)), Value::Object(given)) if member == "deploymentConfiguration" => {
                kept.extend(given.iter().filter(|(_, value)| !value.is_null()).map(clone));
            }
            (kept, given) => {
                deploys |= DEPLOYED.contains(&member.as_str()) && kept.is_none_or(|kept| kept != given);
                settings.insert(member.clone(), given.clone());
            }
        }
    }
    deploys
}

/// Completes `deploymentConfiguration` as it is shown.
pub(super) fn complete(settings: &mut Map<String, Value>) {
    let shown = settings.entry("deploymentConfiguration").or_insert_with(|| json!({}));
    if let Some(members) = shown.as_object_mut() {
        configuration::complete(members);
    }
}

fn clone((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
