//! Services: created, changed, deleted and described. Their scheduler is in `crate::service`.

mod configuration;
mod create;
mod render;
mod settings;
mod update;

use serde_json::{Value, json};

use super::{State, Stop, invalid, max_results, service_deployments, short_name, strings};
use crate::answer::{Answer, AwsError};
use crate::paging::paged;
use crate::region::Region;
use crate::service::{Key, Service};
use crate::world::World;

pub(crate) use create::{ManagedBy, create};
pub(super) use update::update;

/// Services that one DescribeServices may name.
const MAX_DESCRIBED: usize = 10;

/// Returns the key of the service that a request names by `member`, by name or ARN.
fn key(state: &State, input: &Value, member: &str) -> Result<Key, AwsError> {
    let cluster = state.cluster(input["cluster"].as_str())?.name.clone();
    Ok((cluster, short_name(input[member].as_str().unwrap_or_default()).to_owned()))
}

/// Finds the service that a request names.
pub(super) fn find<'a>(state: &'a mut State, input: &Value) -> Result<&'a mut Service, AwsError> {
    let key = key(state, input, "service")?;
    state.services.get_mut(&key).ok_or_else(not_found)
}

fn not_simulated(what: &str) -> AwsError {
    invalid(format!("The sandbox does not simulate {what}."))
}

pub(super) fn not_found() -> AwsError {
    AwsError::client("ServiceNotFoundException", "Service not found.")
}

pub(super) fn describe(world: &World, region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?;
    let wanted = strings(&input["services"]);
    if wanted.is_empty() || wanted.len() > MAX_DESCRIBED {
        return Err(invalid("Services should be between 1 and 10."));
    }
    let with_tags = strings(&input["include"]).iter().any(|word| word == "TAGS");
    let now = world.clock.now();
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        let key = (cluster.name.clone(), short_name(&name).to_owned());
        match state.services.get(&key) {
            Some(service) => {
                let stale = service.stale.as_ref().filter(|stale| (stale.from..stale.until).contains(&now));
                let mut shown = stale
                    .map_or_else(|| render::service(&state, service, now), |stale| stale.service.clone());
                if !with_tags && let Some(members) = shown.as_object_mut() {
                    members.shift_remove("tags");
                }
                services.push(shown);
            }
            None => {
                let arn = region.arn("ecs", &format!("service/{}/{}", key.0, key.1));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

/// Renders every service with its whole record, whatever its reads show.
pub(crate) fn as_they_are(region: &Region, now: i64) -> Vec<Value> {
    let state = region.ecs.state();
    let of = |service: &Service| {
        let mut shown = render::service(&state, service, now);
        let (deployments, revisions) = service_deployments::record(&state, service);
        shown["serviceDeployments"] = deployments.into();
        shown["serviceRevisions"] = revisions.into();
        shown
    };
    state.services.values().map(of).collect()
}

/// Lists the services that are ACTIVE: the others can only be described.
pub(super) fn list(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.name.clone();
    let is = |service: &Service, filter: &str| {
        input[filter].is_null() || service.settings.get(filter) == Some(&input[filter])
    };
    let arns: Vec<String> = state
        .services
        .values()
        .filter(|service| service.cluster == cluster && service.status == "ACTIVE")
        .filter(|service| is(service, "launchType") && is(service, "schedulingStrategy"))
        .map(|service| service.arn.clone())
        .collect();
    let size = if input["maxResults"].is_null() { 10 } else { max_results(input)? };
    paged(arns, "serviceArns", input, size)
}

pub(super) fn delete(world: &World, region: &Region, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let key = key(&state, input, "service")?;
    let known = find(&mut state, input)?;
    if known.status == "INACTIVE" {
        return Err(not_found());
    }
    if known.status == "ACTIVE" && known.desired > 0 && input["force"] != true {
        return Err(invalid("The service cannot be stopped while it is scaled above 0."));
    }
    let Some(mut service) = state.services.remove(&key) else { return Err(not_found()) };
    if service.status == "ACTIVE" {
        service.status = if service.members.is_empty() { "INACTIVE" } else { "DRAINING" };
        service.desired = 0;
        for member in &mut service.members {
            member.ending = true;
            if let Some(task) = state.task_mut(&member.task_id) {
                let reason =
                    format!("Scaling activity initiated by (deployment ecs-svc/{})", member.deployment);
                task.ask_to_stop(Stop { code: "ServiceSchedulerInitiated", reason });
            }
        }
        service.wake.notify_one();
    }
    let shown = render::service(&state, &service, world.clock.now());
    state.services.insert(key, service);
    Ok(json!({ "service": shown }))
}
