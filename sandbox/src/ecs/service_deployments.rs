//! Service deployments and service revisions: listed, described, continued, stopped.

mod render;

use std::time::Duration;

use serde_json::{Value, json};

use super::services::{find, not_found};
use super::{State, invalid, strings};
use crate::answer::{Answer, AwsError};
use crate::clock::millis;
use crate::paging::paged;
use crate::region::Region;
use crate::service::{Service, Turn};
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
        .map(|one| render::brief(service, one))
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
        Some(render::whole(&state, service, one))
    })
}

pub(super) fn describe_revisions(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    each(&input["serviceRevisionArns"], "serviceRevisions", |arn| {
        let service = state.services.get(&owner(arn)?)?;
        service.revisions.values().find(|one| one.arn == arn).map(|one| render::revision(service, one))
    })
}

/// Renders every service deployment, the oldest first, and every service revision.
pub(super) fn record(state: &State, service: &Service) -> (Vec<Value>, Vec<Value>) {
    let deployments = service.history.iter().map(|one| render::whole(state, service, one));
    let revisions = service.revisions.values().map(|one| render::revision(service, one));
    (deployments.collect(), revisions.collect())
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
    let now = world.clock.now();
    let mut state = region.ecs.state();
    let service = owner(arn).and_then(|key| state.services.get_mut(&key)).ok_or_else(deployment_not_found)?;
    let (least, most) = STOPS;
    let patience = least + (most - least).mul_f64(service.dice.fraction());
    let one = service
        .history
        .iter_mut()
        .find(|one| one.arn == arn && one.created <= now)
        .ok_or_else(deployment_not_found)?;
    if one.is_over() {
        let message = format!("Service deployment {arn} cannot be stopped: it is {}.", one.status);
        return Err(AwsError::client("ConflictException", message));
    }
    // A deployment that stops or goes back already continues to do so.
    if matches!(one.status, "PENDING" | "IN_PROGRESS") {
        one.status = "ROLLBACK_REQUESTED";
        one.started.get_or_insert(now);
        one.updated = now;
        if !world.faults.on_stop() {
            one.turn = Some((now + millis(world.clock.phase(patience)), Turn::RolledBack));
        }
        service.wake.notify_one();
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}

/// Answers a lifecycle hook that a deployment is paused at.
pub(super) fn proceed(world: &World, region: &Region, input: &Value) -> Answer {
    let status = match input["action"].as_str() {
        None | Some("CONTINUE") => "SUCCEEDED",
        Some("ROLLBACK") => "FAILED",
        Some(other) => return Err(invalid(format!("Invalid action: {other}"))),
    };
    let arn = input["serviceDeploymentArn"].as_str().unwrap_or_default();
    let now = world.clock.now();
    let mut state = region.ecs.state();
    let service = owner(arn).and_then(|key| state.services.get_mut(&key)).ok_or_else(deployment_not_found)?;
    let one = service.history.iter_mut().find(|one| one.arn == arn && one.created <= now);
    let one = one.ok_or_else(deployment_not_found)?;
    let hook = one.hooks.iter_mut().find(|hook| input["hookId"] == hook.id.as_str() && hook.waits());
    let Some(hook) = hook else {
        return Err(invalid("The service deployment is not paused at a lifecycle hook of this hookId."));
    };
    hook.status = status;
    one.updated = now;
    service.wake.notify_one();
    Ok(json!({ "serviceDeploymentArn": arn }))
}

fn deployment_not_found() -> AwsError {
    AwsError::client("ServiceDeploymentNotFoundException", "Service deployment not found.")
}

/// Answers what is found of at most [`MAX_DESCRIBED`] ARNs; the others are MISSING.
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

/// Parses the cluster and the service of `…/CLUSTER/SERVICE/ID`.
fn owner(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.split('/').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
