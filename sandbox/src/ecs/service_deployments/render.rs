//! Service deployments and service revisions in the words of the API.

use serde_json::{Map, Value, json};

use crate::clock::timestamp;
use crate::ecs::State;
use crate::service::{Counts, Hook, Service, ServiceDeployment, ServiceRevision, counts, threshold};

pub(super) fn brief(service: &Service, one: &ServiceDeployment) -> Value {
    let mut shown = json!({
        "serviceDeploymentArn": one.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "createdAt": timestamp(one.created),
        "status": one.status,
    });
    if let Some(target) = service.revisions.get(&one.target) {
        shown["targetServiceRevisionArn"] = target.arn.clone().into();
    }
    add_times(&mut shown, one);
    shown
}

fn add_times(shown: &mut Value, one: &ServiceDeployment) {
    for (member, time) in [("startedAt", one.started), ("finishedAt", one.finished)] {
        if let Some(time) = time {
            shown[member] = timestamp(time);
        }
    }
    if let Some(reason) = &one.reason {
        shown["statusReason"] = reason.clone().into();
    }
}

pub(super) fn whole(state: &State, service: &Service, one: &ServiceDeployment) -> Value {
    let numbers: Vec<u64> = std::iter::once(one.target).chain(one.sources.iter().copied()).collect();
    let (desired, tasks) = one.snapshot.clone().unwrap_or_else(|| {
        (service.desired, numbers.iter().map(|number| counts(state, service, *number)).collect())
    });
    let summaries: Vec<Value> = numbers
        .iter()
        .zip(&tasks)
        .filter_map(|(number, tasks)| {
            let primary = *number == one.target;
            let requested = if primary { desired } else { tasks.open() };
            Some(summary(service.revisions.get(number)?, requested, *tasks, one.weight(*number)))
        })
        .collect();
    let breaker = &one.configuration["deploymentCircuitBreaker"];
    let mut shown = json!({
        "serviceDeploymentArn": one.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "createdAt": timestamp(one.created),
        "updatedAt": timestamp(one.updated),
        "sourceServiceRevisions": summaries.get(1..).unwrap_or_default(),
        "status": one.status,
        "deploymentConfiguration": one.configuration,
        "deploymentCircuitBreaker": {
            "status": breaker_status(one),
            "failureCount": one.failures,
            "threshold": threshold(breaker, desired),
        },
    });
    shown["alarms"] = one.alarms.render(one.is_over());
    if let Some(stage) = one.stages.as_ref().and_then(|stages| stages.shown) {
        shown["lifecycleStage"] = stage.into();
    }
    if !one.hooks.is_empty() {
        shown["lifecycleHookDetails"] = one.hooks.iter().map(Hook::render).collect();
    }
    if let Some(target) = summaries.first() {
        shown["targetServiceRevision"] = target.clone();
    }
    add_times(&mut shown, one);
    if let Some(stopped) = one.stopped {
        shown["stoppedAt"] = timestamp(stopped);
    }
    if let Some(rollback) = &one.rollback {
        shown["rollback"] = json!({ "reason": rollback.reason, "startedAt": timestamp(rollback.started) });
        if let Some(to) = service.revisions.get(&rollback.to) {
            shown["rollback"]["serviceRevisionArn"] = to.arn.clone().into();
        }
    }
    shown
}

fn breaker_status(one: &ServiceDeployment) -> &'static str {
    if one.configuration["deploymentCircuitBreaker"]["enable"] != true {
        "DISABLED"
    } else if one.triggered {
        "TRIGGERED"
    } else if one.is_over() {
        "MONITORING_COMPLETE"
    } else {
        "MONITORING"
    }
}

fn summary(revision: &ServiceRevision, requested: u64, tasks: Counts, weight: Option<f64>) -> Value {
    let mut shown = json!({
        "arn": revision.arn,
        "requestedTaskCount": requested,
        "runningTaskCount": tasks.running,
        "pendingTaskCount": tasks.pending,
    });
    if let Some(weight) = weight {
        shown["requestedProductionTrafficWeight"] = weight.into();
    }
    shown
}

pub(super) fn revision(service: &Service, one: &ServiceRevision) -> Value {
    let containers = one.definition.containers().iter().zip(&one.digests).map(|(container, digest)| {
        let mut image = json!({ "containerName": container["name"], "image": container["image"] });
        if let Some(digest) = digest {
            image["imageDigest"] = digest.clone().into();
        }
        image
    });
    let mut shown = Map::new();
    for member in [
        "capacityProviderStrategy",
        "launchType",
        "platformVersion",
        "loadBalancers",
        "serviceRegistries",
        "networkConfiguration",
        "serviceConnectConfiguration",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    ] {
        if let Some(value) = one.settings.get(member) {
            shown.insert(member.into(), value.clone());
        }
    }
    let more = json!({
        "serviceRevisionArn": one.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "taskDefinition": one.definition.arn,
        "containerImages": containers.collect::<Vec<_>>(),
        "guardDutyEnabled": false,
        "createdAt": timestamp(one.created),
    });
    shown.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(shown)
}
