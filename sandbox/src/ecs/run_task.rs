//! RunTask: from a request to tasks that live.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::clusters::Cluster;
use super::task::{Container, Task, Times, cpu_units};
use super::{Revision, State, client_error, placement, run_task_rules};
use crate::answer::{Answer, AwsError};
use crate::clock::millis;
use crate::faults::TaskFault;
use crate::ids;
use crate::region::Region;
use crate::service::Service;
use crate::world::World;

/// A client token is kept from its use for so long, and no longer than this after its last task has stopped.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);
const TOKEN_LIFETIME_AFTER_STOP: Duration = Duration::from_hours(1);

const VCPU_LIMIT: &str = "You’ve reached the limit on the number of vCPUs you can run concurrently";

/// What a client token stands for: the parameters, and the tasks that they started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    parameters: Value,
    task_ids: Vec<String>,
    at: i64,
}

pub(super) fn run(world: &Arc<World>, region: &Arc<Region>, input: &Value) -> Answer {
    let mut state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.clone();
    run_task_rules::check_request(input)?;
    if let Some(replayed) = replay(&state, &cluster, input, world.clock.now())? {
        return Ok(replayed);
    }
    let name = input["taskDefinition"].as_str().unwrap_or_default();
    let revision = state.revision(name).cloned().ok_or_else(|| client_error("TaskDefinition not found."))?;
    run_task_rules::check_against(region, &revision, input)?;

    let failed = |state: &mut State, reason: &str| {
        state.refused_launches += 1;
        let arn = region.arn("ecs", &format!("container-instance/{}/{}", cluster.name, world.ids.hex(32)));
        Ok(json!({ "tasks": [], "failures": [{ "arn": arn, "reason": reason }] }))
    };
    if let Some(reason) = world.faults.on_run_task() {
        return failed(&mut state, &reason);
    }
    let count = input["count"].as_u64().unwrap_or(1);
    if !world.quotas.admit_launches(usize::try_from(count).unwrap_or(1)) {
        return Err(AwsError::client("ThrottlingException", "Rate exceeded"));
    }
    let cpu = input["overrides"]["cpu"].as_str().or_else(|| revision.document["cpu"].as_str());
    if !world.quotas.admit_vcpus(vcpus(state.cpu_units), vcpus(cpu_units(cpu) * count)) {
        return failed(&mut state, VCPU_LIMIT);
    }

    let mut rendered = Vec::new();
    let mut task_ids = Vec::new();
    for _ in 0..count {
        let (task, stopped) = create(world, region, &cluster, &revision, input);
        rendered.push(task.render(true));
        task_ids.push(task.id.clone());
        let id = task.id.clone();
        state.add(task);
        (world.spawner)(world, region, id, stopped);
    }
    if let Some(token) = input["clientToken"].as_str() {
        let launch = Launch { parameters: input.clone(), task_ids, at: world.clock.now() };
        state.tokens.insert((cluster.name, token.into()), launch);
    }
    Ok(json!({ "tasks": rendered, "failures": [] }))
}

/// Starts a task of a service's deployment, by its number. Returns the task's id, or why it cannot be placed.
pub(crate) fn launch_for_service(
    world: &Arc<World>,
    region: &Arc<Region>,
    state: &mut State,
    service: &Service,
    deployment: u64,
) -> Result<String, String> {
    let unknown = || "the cluster or the service revision is gone".to_owned();
    let cluster = state.cluster(Some(&service.cluster)).map_err(|_| unknown())?.clone();
    let deployment = service.deployments.iter().find(|one| one.number == deployment).ok_or_else(unknown)?;
    let revision = service.revisions.get(&deployment.number).ok_or_else(unknown)?;
    if !world
        .quotas
        .admit_vcpus(vcpus(state.cpu_units), vcpus(cpu_units(revision.definition.document["cpu"].as_str())))
    {
        return Err(VCPU_LIMIT.into());
    }
    if !world.quotas.admit_launches(1) {
        return Err("Rate exceeded".into());
    }
    let mut input = Value::Object(revision.settings.clone());
    input["group"] = format!("service:{}", service.name).into();
    input["startedBy"] = deployment.id().into();
    let propagates = input["propagateTags"] == "SERVICE";
    if !propagates && let Some(members) = input.as_object_mut() {
        members.shift_remove("tags");
    }
    let (mut task, stopped) = create(world, region, &cluster, &revision.definition, &input);
    if input["enableECSManagedTags"] == true {
        task.tags.push(json!({ "key": "aws:ecs:serviceName", "value": service.name }));
    }
    task.chance = service.dice.next();
    task.service = Some(service.wake.clone());
    let id = task.id.clone();
    state.add(task);
    (world.spawner)(world, region, id.clone(), stopped);
    Ok(id)
}

/// Returns the answer to a client token that was used before on this cluster; `None` for one that is new or
/// forgotten.
fn replay(state: &State, cluster: &Cluster, input: &Value, now: i64) -> Result<Option<Value>, AwsError> {
    let Some(token) = input["clientToken"].as_str() else { return Ok(None) };
    let Some(launch) = state.tokens.get(&(cluster.name.clone(), token.to_owned())) else { return Ok(None) };
    let tasks: Vec<&Task> = launch.task_ids.iter().filter_map(|id| state.task(id)).collect();
    if is_forgotten(launch, &tasks, now) {
        return Ok(None);
    }
    if launch.parameters != *input {
        let arns: Vec<&str> = tasks.iter().map(|task| task.arn.as_str()).collect();
        let message = "The clientToken was already used with different parameters.";
        return Err(AwsError::client("ConflictException", message).with("resourceIds", json!(arns)));
    }
    let rendered: Vec<Value> = tasks
        .into_iter()
        .map(|task| if task.is_stopped() { task.render_replayed() } else { task.render(true) })
        .collect();
    Ok(Some(json!({ "tasks": rendered, "failures": [] })))
}

fn is_forgotten(launch: &Launch, tasks: &[&Task], now: i64) -> bool {
    let stopped: Option<Vec<i64>> = tasks.iter().map(|task| task.times.stopped).collect();
    let after_stop = stopped.and_then(|times| times.into_iter().max());
    now >= launch.at + millis(TOKEN_LIFETIME)
        || after_stop.is_some_and(|at| now >= at + millis(TOKEN_LIFETIME_AFTER_STOP))
}

fn create(
    world: &World,
    region: &Region,
    cluster: &Cluster,
    revision: &Arc<Revision>,
    input: &Value,
) -> (Task, watch::Receiver<Option<super::Stop>>) {
    let ids = &world.ids;
    let id = ids.hex(32);
    let placement = placement::place(cluster, input);
    let containers = revision
        .containers()
        .iter()
        .map(|container| Container {
            name: container["name"].as_str().unwrap_or_default().into(),
            image: container["image"].as_str().unwrap_or_default().into(),
            arn: region.arn("ecs", &format!("container/{}/{id}/{}", cluster.name, ids.uuid())),
            last_status: "PENDING",
            ..Container::default()
        })
        .collect();
    let overrides = match &input["overrides"] {
        Value::Object(given) => Value::Object(given.clone()),
        _ => json!({}),
    };
    let images: Vec<&str> =
        revision.containers().iter().filter_map(|container| container["image"].as_str()).collect();
    let faults = world.faults.on_task(&plain_environment(revision, &overrides), &images);
    let missing_reads = faults.iter().fold(world.options.missing_reads, |reads, fault| match fault {
        TaskFault::MissingFor { reads } => *reads,
        _ => reads,
    });
    let (stop, stopped) = watch::channel(None);
    let task = Task {
        arn: region.arn("ecs", &format!("task/{}/{id}", cluster.name)),
        cluster: cluster.name.clone(),
        cluster_arn: cluster.arn.clone(),
        group: input["group"]
            .as_str()
            .map_or_else(|| format!("family:{}", revision.family), ToOwned::to_owned),
        launch_type: placement.launch_type,
        capacity_provider: placement.capacity_provider,
        platform_version: placement.platform_version,
        started_by: input["startedBy"].as_str().map(ToOwned::to_owned),
        execute_command: input["enableExecuteCommand"].as_bool().unwrap_or(false),
        availability_zone: format!("{}a", region.name),
        tags: tags(cluster, revision, input),
        interface: placement::interface(ids, &input["networkConfiguration"]["awsvpcConfiguration"]),
        revision: revision.clone(),
        overrides,
        containers,
        last_status: "PROVISIONING",
        desired_status: "RUNNING",
        stop_code: None,
        stopped_reason: None,
        times: Times { created: world.clock.now(), ..Times::default() },
        version: 1,
        faults,
        chance: ids::mixed(world.options.seed, input["clientToken"].as_str().unwrap_or(&id)),
        missing_reads,
        shown: None,
        stop,
        service: None,
        id,
    };
    (task, stopped)
}

fn tags(cluster: &Cluster, revision: &Revision, input: &Value) -> Vec<Value> {
    let mut tags = input["tags"].as_array().cloned().unwrap_or_default();
    if input["propagateTags"] == "TASK_DEFINITION" {
        for tag in &revision.tags {
            if !tags.iter().any(|own| own["key"] == tag["key"]) {
                tags.push(tag.clone());
            }
        }
    }
    if input["enableECSManagedTags"] == true {
        tags.push(json!({ "key": "aws:ecs:clusterName", "value": cluster.name }));
    }
    tags
}

/// Collects every container's environment with its overrides, without secrets: what faults select tasks by.
fn plain_environment(revision: &Revision, overrides: &Value) -> Vec<(String, String)> {
    let overridden = overrides["containerOverrides"].as_array().into_iter().flatten();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for entry in revision
        .containers()
        .iter()
        .chain(overridden)
        .flat_map(|container| container["environment"].as_array().into_iter().flatten())
    {
        let (Some(name), Some(value)) = (entry["name"].as_str(), entry["value"].as_str()) else { continue };
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.into(), value.into()));
    }
    pairs
}

fn vcpus(units: u64) -> f64 {
    units as f64 / 1024.0
}
