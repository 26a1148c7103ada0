//! UpdateService, and the beginning of every deployment.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::settings::MANAGED;
use super::{key, not_found, not_simulated, render, settings};
use crate::answer::{Answer, AwsError};
use crate::clock::millis;
use crate::ecs::{Revision, client_error, invalid, run_task_rules};
use crate::region::Region;
use crate::service::{
    AlarmMonitor, Deployment, Service, ServiceDeployment, ServiceRevision, Stages, Stale, Turn,
};
use crate::world::World;

/// From UpdateService's answer until the service deployment is created: in AWS's own example 1.6 s.
const CREATED: (Duration, Duration) = (Duration::from_millis(1_200), Duration::from_secs(2));
/// How long it is PENDING.
const PENDING: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(1_600));
/// From its creation until ListServiceDeployments has it.
const LISTED: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(1_500));
/// A deployment ended STOPPED 0.3 s after the one that took its place was created.
const SUPERSEDED: Duration = Duration::from_millis(300);

pub(in crate::ecs) fn update(world: &Arc<World>, region: &Arc<Region>, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let key = key(&state, input, "service")?;
    let known = state.services.get(&key).ok_or_else(not_found)?;
    if known.status != "ACTIVE" {
        return Err(AwsError::client("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    if known.settings[MANAGED] == "ECS" {
        // Whether AWS takes it is not documented; UpdateExpressGatewayService is what it has for this.
        return Err(not_simulated("UpdateService on an Express Mode service, which Amazon ECS manages"));
    }
    let definition = input["taskDefinition"].as_str();
    if !known.is_scheduled() && definition.is_some() {
        let controller = known.settings["deploymentController"]["type"].as_str().unwrap_or_default();
        let instead =
            if controller == "CODE_DEPLOY" { " Use AWS CodeDeploy to trigger a new deployment." } else { "" };
        return Err(invalid(format!(
            "Unable to update task definition on services with a {controller} deployment controller.{instead}"
        )));
    }
    let controller = &input["deploymentController"];
    if !controller.is_null() && *controller != known.settings["deploymentController"] {
        return Err(invalid("The sandbox does not simulate a change of the deployment controller."));
    }
    settings::check(&merged(known, input), input)?;
    let current = known.settings.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
    let revision = if known.is_scheduled() {
        let named = state.revision(definition.unwrap_or(current)).cloned();
        Some(named.ok_or_else(|| client_error("TaskDefinition not found."))?)
    } else {
        None
    };
    let changed = revision.as_ref().is_some_and(|revision| revision.arn != current);
    if let Some(revision) = &revision
        && (changed || input["networkConfiguration"].is_object())
    {
        run_task_rules::check_against(region, revision, &merged(known, input))?;
    }

    let now = world.clock.now();
    let before = render::service(&state, known, now);
    let Some(mut service) = state.services.remove(&key) else { return Err(not_found()) };
    let deploys = settings::merge(&mut service.settings, input);
    settings::complete(&mut service.settings);
    if let Some(desired) = input["desiredCount"].as_u64() {
        service.desired = desired;
        service.steady = false;
    }
    if let Some(revision) = revision {
        service.settings.insert("taskDefinition".into(), revision.arn.clone().into());
        if changed || deploys || input["forceNewDeployment"] == true {
            deploy(world, region, &mut service, revision);
        }
    }
    if let Some((from, lasts)) = world.faults.on_update_service() {
        let from = now + millis(from);
        service.stale = Some(Stale { from, until: from + millis(lasts), service: before });
    }
    service.wake.notify_one();
    let shown = render::service(&state, &service, now);
    state.services.insert(key, service);
    Ok(json!({ "service": shown }))
}

/// Returns the service's settings with those of a request.
fn merged(service: &Service, input: &Value) -> Value {
    let mut settings = service.settings.clone();
    settings::merge(&mut settings, input);
    if !input["desiredCount"].is_null() {
        settings.insert("desiredCount".into(), input["desiredCount"].clone());
    }
    Value::Object(settings)
}

/// Begins a deployment of the service as its settings are now.
pub(super) fn deploy(world: &World, region: &Region, service: &mut Service, definition: Arc<Revision>) {
    let now = world.clock.now();
    let after = |time: i64, (least, most): (Duration, Duration)| {
        time + millis(world.clock.phase(least + (most - least).mul_f64(service.dice.fraction())))
    };
    let created = after(now, CREATED);
    let starts = after(created, PENDING) + millis(world.faults.on_pending_deployment().unwrap_or_default());
    let listed = after(created, LISTED) + millis(world.faults.on_listed_deployment().unwrap_or_default());
    let number = service.number();
    let path = format!("{}/{}", service.cluster, service.name);
    let revision = ServiceRevision {
        arn: region.arn("ecs", &format!("service-revision/{path}/{number}")),
        digests: vec![None; definition.containers().len()],
        definition,
        settings: service.settings.clone(),
        created: now,
    };
    let mut sources: Vec<u64> =
        service.members.iter().filter(|one| !one.ending).map(|one| one.deployment).collect();
    sources.dedup();
    sources.sort_unstable();
    sources.dedup();
    let configuration = service.configuration().clone();
    let deployment = ServiceDeployment {
        arn: region.arn("ecs", &format!("service-deployment/{path}/{}", service.dice.hex(22))),
        target: number,
        created,
        listed,
        starts,
        started: None,
        finished: None,
        stopped: None,
        updated: created,
        status: "PENDING",
        reason: None,
        rollback: None,
        failures: 0,
        triggered: false,
        turn: None,
        // A first deployment has no traffic to shift.
        stages: Stages::of(&configuration, sources.len() > 1).filter(|_| !service.deployments.is_empty()),
        serving: service.serving(),
        hooks: Vec::new(),
        at_hooks: 0,
        alarms: AlarmMonitor::new(world, &configuration, created),
        baked: None,
        sources,
        configuration,
        snapshot: None,
    };
    if let Some(superseded) = service.ongoing() {
        if matches!(superseded.status, "PENDING" | "IN_PROGRESS") {
            superseded.status = "STOP_REQUESTED";
        }
        superseded.updated = now;
        superseded.turn = Some((created + millis(world.clock.phase(SUPERSEDED)), Turn::Superseded));
    }
    service.history.push(deployment);
    service.revisions.insert(number, revision);
    service.deployments.insert(0, Deployment::new(number, now));
    (service.failed_launches, service.next_launch, service.steady) = (0, now, false);
}
