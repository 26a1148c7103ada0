//! A service as DescribeServices shows it.

use serde_json::{Map, Value, json};

use crate::clock::timestamp;
use crate::ecs::State;
use crate::service::{Deployment, Service, counts};

/// What a deployment shows of its service revision.
const OF_THE_REVISION: [&str; 5] = [
    "launchType",
    "capacityProviderStrategy",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
];
/// What only deployments and revisions have.
const NOT_OF_A_SERVICE: [&str; 4] =
    ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations", "gatewayConnectors"];

pub(super) fn service(state: &State, service: &Service, now: i64) -> Value {
    let mut shown = service.settings.clone();
    shown.retain(|member, _| !NOT_OF_A_SERVICE.contains(&member.as_str()));
    let deployments: Vec<Value> = service
        .deployments
        .iter()
        .enumerate()
        .map(|(index, one)| deployment(state, service, one, index == 0))
        .collect();
    let sum = |member: &str| deployments.iter().filter_map(|one| one[member].as_u64()).sum::<u64>();
    let more = json!({
        "serviceName": service.name,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum("runningCount"),
        "pendingCount": sum("pendingCount"),
        "createdAt": timestamp(service.created),
        "createdBy": service.created_by,
        "events": service.events.render(),
        "deployments": deployments,
    });
    shown.extend(more.as_object().cloned().unwrap_or_default());
    // A service shows the task definition that its PRIMARY deployment runs, after a rollback as well.
    if let Some(primary) = service.deployments.first().and_then(|one| service.revisions.get(&one.number)) {
        shown.insert("taskDefinition".into(), primary.definition.arn.clone().into());
    }
    if on_fargate(&shown) {
        shown.insert("platformFamily".into(), "Linux".into());
    } else {
        shown.shift_remove("platformVersion");
    }
    if let Some(current) = service.history.last().filter(|one| !one.is_over() && one.created <= now) {
        shown.insert("currentServiceDeployment".into(), current.arn.clone().into());
    }
    let revisions: Vec<Value> = service
        .deployments
        .iter()
        .filter_map(|one| Some((one, service.revisions.get(&one.number)?)))
        .map(|(one, revision)| {
            let counts = counts(state, service, one.number);
            json!({
                "arn": revision.arn,
                "requestedTaskCount": requested(service, one),
                "runningTaskCount": counts.running,
                "pendingTaskCount": counts.pending,
            })
        })
        .collect();
    if !service.is_scheduled() {
        shown.insert("taskSets".into(), service.task_set.iter().map(|set| task_set(service, *set)).collect());
    }
    if service.is_scheduled() {
        shown.insert("currentServiceRevisions".into(), revisions.into());
    }
    Value::Object(shown)
}

/// Renders the task set that CreateService makes for CodeDeploy, whose deployments replace it.
fn task_set(service: &Service, number: u64) -> Value {
    let id = format!("ecs-svc/{number}");
    let arn = service.arn.replacen(":service/", ":task-set/", 1);
    let mut shown = json!({
        "id": id,
        "taskSetArn": format!("{arn}/{id}"),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "status": "PRIMARY",
        "computedDesiredCount": service.desired,
        "pendingCount": 0,
        "runningCount": 0,
        "createdAt": timestamp(service.created),
        "updatedAt": timestamp(service.created),
        "scale": { "value": 100.0, "unit": "PERCENT" },
        "stabilityStatus": "STABILIZING",
        "stabilityStatusAt": timestamp(service.created),
        "tags": [],
    });
    for member in
        ["taskDefinition", "launchType", "capacityProviderStrategy", "networkConfiguration", "loadBalancers"]
    {
        if let Some(value) = service.settings.get(member) {
            shown[member] = value.clone();
        }
    }
    shown
}

fn deployment(state: &State, service: &Service, one: &Deployment, primary: bool) -> Value {
    let counts = counts(state, service, one.number);
    let mut shown = Map::new();
    if let Some(revision) = service.revisions.get(&one.number) {
        shown.insert("taskDefinition".into(), revision.definition.arn.clone().into());
        for member in OF_THE_REVISION {
            if let Some(value) = revision.settings.get(member) {
                shown.insert(member.into(), value.clone());
            }
        }
        if on_fargate(&revision.settings) {
            let latest = revision.settings.get("platformVersion").is_none_or(|version| version == "LATEST");
            let version = if latest { json!("1.4.0") } else { revision.settings["platformVersion"].clone() };
            shown.insert("platformVersion".into(), version);
            shown.insert("platformFamily".into(), "Linux".into());
        }
    }
    let more = json!({
        "id": one.id(),
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "desiredCount": requested(service, one),
        "runningCount": counts.running,
        "pendingCount": counts.pending,
        "failedTasks": one.failed_tasks,
        "createdAt": timestamp(one.created),
        "updatedAt": timestamp(one.updated),
        "rolloutState": one.rollout.name(),
        "rolloutStateReason": one.reason,
    });
    shown.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(shown)
}

/// Returns how many tasks a deployment is to have: all for the PRIMARY one, for another one those that it still has.
fn requested(service: &Service, one: &Deployment) -> u64 {
    match service.deployments.first() {
        Some(primary) if primary.number == one.number => service.desired,
        _ => service.open(one.number).count() as u64,
    }
}

fn on_fargate(settings: &Map<String, Value>) -> bool {
    let named =
        |one: &Value| one["capacityProvider"].as_str().is_some_and(|name| name.starts_with("FARGATE"));
    settings.get("launchType").is_some_and(|kind| kind == "FARGATE")
        || settings
            .get("capacityProviderStrategy")
            .is_some_and(|all| all.as_array().into_iter().flatten().any(named))
}
