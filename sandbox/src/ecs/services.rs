//! Services: kept and read back. No scheduler keeps their tasks running.

use serde_json::{Map, Value, json};

use super::{client_error, invalid, max_results, short_name, strings};
use crate::answer::Answer;
use crate::clock::timestamp;
use crate::paging::paged;
use crate::region::Region;
use crate::world::World;

/// What CreateService takes and a service does not show.
const REQUEST_ONLY: [&str; 3] = ["cluster", "clientToken", "role"];

pub(super) fn create(world: &World, region: &Region, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.clone();
    let name = input["serviceName"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("Service name cannot be empty."))?.to_owned();
    let definition = input["taskDefinition"].as_str().unwrap_or_default();
    let revision =
        state.revision(definition).cloned().ok_or_else(|| client_error("TaskDefinition not found."))?;
    let key = (cluster.name.clone(), name.clone());
    if state.services.contains_key(&key) {
        return Err(invalid("Creation of service was not idempotent."));
    }
    let now = timestamp(world.clock.now());
    let desired = input["desiredCount"].as_u64().unwrap_or(1);
    let mut service: Map<String, Value> = input.as_object().cloned().unwrap_or_default();
    // Null is absent in AWS's JSON, and no answer has it.
    service.retain(|member, value| !value.is_null() && !REQUEST_ONLY.contains(&member.as_str()));
    let more = json!({
        "serviceArn": region.arn("ecs", &format!("service/{}/{name}", cluster.name)),
        "clusterArn": cluster.arn,
        "taskDefinition": revision.arn,
        "status": "ACTIVE",
        "desiredCount": desired,
        "runningCount": desired,
        "pendingCount": 0,
        "createdAt": now,
        "createdBy": world.principal(),
        "events": [],
        "deployments": [{
            "id": format!("ecs-svc/{}", world.ids.next() % 10_000_000_000_000_000_000),
            "status": "PRIMARY",
            "taskDefinition": revision.arn,
            "desiredCount": desired,
            "runningCount": desired,
            "pendingCount": 0,
            "failedTasks": 0,
            "createdAt": now,
            "updatedAt": now,
            "launchType": input["launchType"].as_str().unwrap_or("FARGATE"),
            "networkConfiguration": input["networkConfiguration"].as_object().cloned().unwrap_or_default(),
            "rolloutState": "COMPLETED",
            "rolloutStateReason": "ECS deployment completed.",
        }],
    });
    service.extend(more.as_object().cloned().unwrap_or_default());
    for (member, default) in [
        ("loadBalancers", json!([])),
        ("serviceRegistries", json!([])),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("platformVersion", json!("LATEST")),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
    ] {
        service.entry(member).or_insert(default);
    }
    let service = Value::Object(service);
    state.services.insert(key, service.clone());
    Ok(json!({ "service": service }))
}

pub(super) fn describe(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?;
    let wanted = strings(&input["services"]);
    if wanted.is_empty() || wanted.len() > 10 {
        return Err(invalid("Services should be between 1 and 10."));
    }
    let with_tags = strings(&input["include"]).iter().any(|word| word == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        let key = (cluster.name.clone(), short_name(&name).to_owned());
        match state.services.get(&key) {
            Some(service) => {
                let mut service = service.clone();
                if !with_tags && let Some(members) = service.as_object_mut() {
                    members.shift_remove("tags");
                }
                services.push(service);
            }
            None => {
                let arn = region.arn("ecs", &format!("service/{}/{}", key.0, key.1));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

pub(super) fn list(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.name.clone();
    let arns: Vec<Value> = state
        .services
        .iter()
        .filter(|((of_cluster, _), _)| *of_cluster == cluster)
        .map(|(_, service)| service["serviceArn"].clone())
        .collect();
    let size = if input["maxResults"].is_null() { 10 } else { max_results(input)? };
    paged(arns, "serviceArns", input, size)
}
