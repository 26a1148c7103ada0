//! Before a container starts: its secrets, its log group, its image.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::health::HealthCheck;
use super::restart::RestartPolicy;
use crate::ecs::strings;
use crate::engine::{Launch, Script, TaskContext};
use crate::images::Images as _;
use crate::logs::Destination;
use crate::region::Region;
use crate::world::World;

/// `stopTimeout` when the task definition has none.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What runs as the container.
pub(super) enum Source {
    /// Made anew for each start.
    Script(Box<dyn Fn() -> Script + Send + Sync>),
    Image,
}

/// A container that is ready to start.
pub(super) struct Prepared {
    pub name: String,
    pub essential: bool,
    /// Container name and condition.
    pub depends_on: Vec<(String, String)>,
    pub stop_timeout: Duration,
    pub restart_policy: Option<RestartPolicy>,
    pub health_check: Option<HealthCheck>,
    pub logs: Option<Destination>,
    pub launch: Launch,
    pub source: Source,
}

/// Prepares the containers, in the order of the task definition.
///
/// # Errors
/// `stoppedReason` of the task.
pub(super) async fn prepare(
    world: &Arc<World>,
    region: &Arc<Region>,
    task_id: &str,
) -> Result<Vec<Prepared>, String> {
    let known = region.ecs.state().task(task_id).map(|task| {
        (
            task.revision.clone(),
            task.overrides.clone(),
            task.memory().and_then(|size| size.parse::<u64>().ok()),
        )
    });
    let Some((revision, overrides, task_memory)) = known else { return Ok(Vec::new()) };
    let mut prepared = Vec::new();
    for (index, definition) in revision.containers().iter().enumerate() {
        let name = definition["name"].as_str().unwrap_or_default();
        let given = overrides["containerOverrides"].as_array().into_iter().flatten();
        let overridden = given.clone().find(|one| one["name"] == name).unwrap_or(&Value::Null);
        let list = |member: &str| definition[member].as_array().map(|_| strings(&definition[member]));
        let command = overridden["command"].as_array().map(|_| strings(&overridden["command"]));
        let image = definition["image"].as_str().unwrap_or_default();
        let launch = Launch {
            task_id: task_id.into(),
            container: name.into(),
            image: image.into(),
            entry_point: list("entryPoint").filter(|words| !words.is_empty()),
            command: command.or_else(|| list("command")).filter(|words| !words.is_empty()),
            environment: environment(region, definition, overridden)?,
            working_directory: text(&definition["workingDirectory"]),
            user: text(&definition["user"]),
            memory: definition["memory"].as_u64().or(task_memory),
        };
        let logs = destination(world, region, definition, name, task_id)?;
        let source = match world.programs.find(&revision.family, name, image) {
            Some(program) => {
                world.registry.check_expiry(image).map_err(|why| {
                    not_pulled(region, task_id, index, cannot_pull(image, &why.to_string()))
                })?;
                set_digest(region, task_id, index, digest_of(world, image));
                let context = context(&revision.family, &launch);
                Source::Script(Box::new(move || program(&context)))
            }
            None => {
                let pulled = world.runtime.pull(image).await;
                let digest =
                    pulled.map_err(|why| not_pulled(region, task_id, index, cannot_pull(image, &why)))?;
                set_digest(region, task_id, index, digest);
                Source::Image
            }
        };
        let depends_on = definition["dependsOn"].as_array().into_iter().flatten();
        prepared.push(Prepared {
            name: name.into(),
            essential: definition["essential"].as_bool().unwrap_or(true),
            depends_on: depends_on
                .filter_map(|one| Some((text(&one["containerName"])?, text(&one["condition"])?)))
                .collect(),
            stop_timeout: definition["stopTimeout"].as_u64().map_or(STOP_TIMEOUT, Duration::from_secs),
            restart_policy: RestartPolicy::of(definition),
            health_check: HealthCheck::of(definition),
            logs,
            launch,
            source,
        });
    }
    Ok(prepared)
}

fn set_digest(region: &Region, task_id: &str, index: usize, digest: String) {
    region.ecs.change(task_id, |task| task.containers[index].image_digest = Some(digest));
}

/// Returns the digest of an image that a script stands in for: that of the registry, where it has the image.
fn digest_of(world: &World, image: &str) -> String {
    match image.split_once('@') {
        Some((_, digest)) => digest.to_owned(),
        None => world.registry.resolve(image).unwrap_or_else(|_| format!("sha256:{}", world.ids.hex(64))),
    }
}

/// Shows at the container why it was not pulled, and returns it: the task's reason says the same.
fn not_pulled(region: &Region, task_id: &str, index: usize, reason: String) -> String {
    region.ecs.change(task_id, |task| task.containers[index].reason = Some(reason.clone()));
    reason
}

fn cannot_pull(image: &str, why: &str) -> String {
    let hint = if why.contains("not found") { " Check whether the image exists." } else { "" };
    format!(
        "CannotPullContainerError: The task can't pull the image '{image}'.{hint} pull image manifest has been \
         retried 1 time(s): failed to resolve ref {image}: {why}"
    )
}

fn context(family: &str, launch: &Launch) -> TaskContext {
    TaskContext {
        task_id: launch.task_id.clone(),
        family: family.into(),
        container: launch.container.clone(),
        image: launch.image.clone(),
        command: launch.command.clone().unwrap_or_default(),
        environment: launch.environment.iter().cloned().collect::<HashMap<_, _>>(),
    }
}

/// Collects Fargate's own variables, then the definition's, then secrets, then overrides; a later one wins.
fn environment(
    region: &Region,
    definition: &Value,
    overridden: &Value,
) -> Result<Vec<(String, String)>, String> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.into(), value));
    };
    set("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".into());
    set("AWS_REGION", region.name.clone());
    set("AWS_DEFAULT_REGION", region.name.clone());
    let pairs = |container: &Value, list: &str, member: &str| -> Vec<(String, String)> {
        let entries = container[list].as_array().into_iter().flatten();
        entries
            .filter_map(|entry| Some((text(&entry["name"])?, entry[member].as_str()?.to_owned())))
            .collect()
    };
    for (name, value) in pairs(definition, "environment", "value") {
        set(&name, value);
    }
    for (name, value_from) in pairs(definition, "secrets", "valueFrom") {
        set(&name, region.secrets.resolve(&value_from)?);
    }
    for (name, value) in pairs(overridden, "environment", "value") {
        set(&name, value);
    }
    Ok(variables)
}

fn destination(
    world: &World,
    region: &Region,
    definition: &Value,
    container: &str,
    task_id: &str,
) -> Result<Option<Destination>, String> {
    let logging = &definition["logConfiguration"];
    if logging["logDriver"] != "awslogs" {
        return Ok(None);
    }
    let options = &logging["options"];
    let group = options["awslogs-group"].as_str().unwrap_or_default();
    if options["awslogs-create-group"] == "true" {
        region.logs.create_group(group, world.clock.now());
    }
    let elsewhere = options["awslogs-region"].as_str().is_some_and(|name| name != region.name);
    if elsewhere || !region.logs.has_group(group) {
        return Err(
            "ResourceInitializationError: failed to initialize logging driver: failed to create Cloudwatch log \
             stream: ResourceNotFoundException: The specified log group does not exist."
                .into(),
        );
    }
    let stream = match options["awslogs-stream-prefix"].as_str() {
        Some(prefix) => format!("{prefix}/{container}/{task_id}"),
        None => options["awslogs-stream"].as_str().map_or_else(|| task_id.to_owned(), ToOwned::to_owned),
    };
    Ok(Some(Destination { group: group.into(), stream }))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
