//! Service deployments and service revisions: listed, described, stopped.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::services::{find, not_found};
use super::{State, invalid, strings};
use crate::answer::{Answer, AwsError};
use crate::clock::{millis, timestamp};
use crate::paging::paged;
use crate::region::Region;
use crate::service::{Counts, Service, ServiceDeployment, ServiceRevision, Turn, counts, threshold};
use crate::world::World;

/// ARNs that one DescribeServiceDeployments or DescribeServiceRevisions may name.
const MAX_DESCRIBED: usize = 20;
/// From StopServiceDeployment until ECS does it: between these two. A deployment may arrive meanwhile.
const STOPS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));

pub(super) fn list(world: &World, region: &Region, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let service = find(&mut state, input)?;
    if service.status != "ACTIVE" {
        return Err(not_found());
    }
    let statuses = strings(&input["status"]);
    let bound =
        |member: &str| input["createdAt"][member].as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
    let (after, before) = (bound("after"), bound("before"));
    let now = world.clock.now();
    let listed: Vec<Value> = service
        .history
        .iter()
        .rev()
        .filter(|one| one.listed <= now)
        .filter(|one| statuses.is_empty() || statuses.iter().any(|status| status == one.status))
        .filter(|one| {
            after.is_none_or(|after| one.created > after) && before.is_none_or(|before| one.created < before)
        })
        .map(|one| brief(service, one))
        .collect();
    let size = match input["maxResults"].as_u64() {
        None => 20,
        Some(size @ 1..=100) => usize::try_from(size).unwrap_or(20),
        Some(_) => return Err(invalid("maxResults should be between 1 and 100")),
    };
    paged(listed, "serviceDeployments", input, size)
}

pub(super) fn describe(world: &World, region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let now = world.clock.now();
    each(&input["serviceDeploymentArns"], "serviceDeployments", |arn| {
        let service = state.services.get(&owner(arn)?)?;
        let one = service.history.iter().find(|one| one.arn == arn && one.created <= now)?;
        Some(whole(&state, service, one))
    })
}

pub(super) fn describe_revisions(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    each(&input["serviceRevisionArns"], "serviceRevisions", |arn| {
        let service = state.services.get(&owner(arn)?)?;
        service.revisions.values().find(|one| one.arn == arn).map(|one| revision(service, one))
    })
}

pub(super) fn stop(world: &World, region: &Region, input: &Value) -> Answer {
    match input["stopType"].as_str() {
        None | Some("ROLLBACK") => {}
        // It is in the model's enum, and documented nowhere.
        Some("ABORT") => {
            return Err(invalid(
                "The sandbox does not simulate stopType ABORT: what it does is not documented.",
            ));
        }
        Some(other) => return Err(invalid(format!("Invalid stopType: {other}"))),
    }
    let arn = input["serviceDeploymentArn"].as_str().unwrap_or_default();
    let not_found =
        || AwsError::client("ServiceDeploymentNotFoundException", "Service deployment not found.");
    let now = world.clock.now();
    let mut state = region.ecs.state();
    let service = owner(arn).and_then(|key| state.services.get_mut(&key)).ok_or_else(not_found)?;
    let (least, most) = STOPS;
    let patience = least + (most - least).mul_f64(service.dice.fraction());
    let one =
        service.history.iter_mut().find(|one| one.arn == arn && one.created <= now).ok_or_else(not_found)?;
    if one.is_over() {
        let message = format!("Service deployment {arn} cannot be stopped: it is {}.", one.status);
        return Err(AwsError::client("ConflictException", message));
    }
    // One that stops or goes back already continues to.
    if matches!(one.status, "PENDING" | "IN_PROGRESS") {
        one.status = "ROLLBACK_REQUESTED";
        one.started.get_or_insert(now);
        one.updated = now;
        one.turn = Some((now + millis(world.clock.phase(patience)), Turn::RolledBack));
        service.wake.notify_one();
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}

/// What is found of at most [`MAX_DESCRIBED`] ARNs; the others are MISSING.
fn each(arns: &Value, member: &str, find: impl Fn(&str) -> Option<Value>) -> Answer {
    let wanted = strings(arns);
    if wanted.is_empty() || wanted.len() > MAX_DESCRIBED {
        return Err(invalid(format!("{member} should be between 1 and {MAX_DESCRIBED}.")));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in wanted {
        match find(&arn) {
            Some(one) => found.push(one),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ member: found, "failures": failures }))
}

/// Cluster and service of `…/CLUSTER/SERVICE/ID`.
fn owner(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.split('/').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn brief(service: &Service, one: &ServiceDeployment) -> Value {
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

fn whole(state: &State, service: &Service, one: &ServiceDeployment) -> Value {
    let numbers: Vec<u64> = std::iter::once(one.target).chain(one.sources.iter().copied()).collect();
    let (desired, tasks) = one.snapshot.clone().unwrap_or_else(|| {
        (service.desired, numbers.iter().map(|number| counts(state, service, *number)).collect())
    });
    let summaries: Vec<Value> = numbers
        .iter()
        .zip(&tasks)
        .filter_map(|(number, tasks)| {
            let primary = *number == one.target;
            Some(summary(
                service.revisions.get(number)?,
                if primary { desired } else { tasks.open() },
                *tasks,
            ))
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

fn summary(revision: &ServiceRevision, requested: u64, tasks: Counts) -> Value {
    json!({
        "arn": revision.arn,
        "requestedTaskCount": requested,
        "runningTaskCount": tasks.running,
        "pendingTaskCount": tasks.pending,
    })
}

fn revision(service: &Service, one: &ServiceRevision) -> Value {
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
