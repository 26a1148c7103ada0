//! CreateService.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::settings::MANAGED;
use super::{render, settings, update};
use crate::answer::Answer;
use crate::ecs::{client_error, invalid, run_task_rules, tags};
use crate::ids::{self, Ids};
use crate::region::Region;
use crate::service::{self, Events, Service};
use crate::world::World;

/// Who manages a service: `resourceManagementType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManagedBy {
    Customer,
    /// An Express Mode service.
    Ecs,
}

pub(crate) fn create(
    world: &Arc<World>,
    region: &Arc<Region>,
    input: &Value,
    managed_by: ManagedBy,
) -> Answer {
    let mut state = region.ecs.state();
    let cluster = state.cluster(input["cluster"].as_str())?.clone();
    let name = input["serviceName"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("Service name cannot be empty."))?.to_owned();
    settings::check(input, input)?;
    tags::check(&input["tags"])?;
    // With EXTERNAL, task definition, network and platform are those of its task sets.
    let revision = if input["deploymentController"]["type"] == "EXTERNAL" {
        None
    } else {
        let definition = input["taskDefinition"].as_str().unwrap_or_default();
        let revision =
            state.revision(definition).cloned().ok_or_else(|| client_error("TaskDefinition not found."))?;
        run_task_rules::check_against(region, &revision, input)?;
        Some(revision)
    };
    let key = (cluster.name.clone(), name.clone());
    let known = state.services.get(&key);
    match known.map(|known| known.status) {
        Some("ACTIVE") => return Err(invalid("Creation of service was not idempotent.")),
        Some("DRAINING") => return Err(invalid("Unable to Start a service that is still Draining.")),
        _ => {}
    }
    let now = world.clock.now();
    // A service that is created again is another one.
    let seed = known.map_or_else(
        || ids::mixed(world.options.seed, &format!("{}/{name}", cluster.name)),
        |known| known.dice.next(),
    );
    let mut service = Service {
        arn: region.arn("ecs", &format!("service/{}/{name}", cluster.name)),
        name,
        cluster: cluster.name,
        cluster_arn: cluster.arn,
        settings: settings::created(input),
        status: "ACTIVE",
        desired: input["desiredCount"].as_u64().unwrap_or(1),
        created: now,
        created_by: world.principal(),
        events: Events::default(),
        deployments: Vec::new(),
        history: Vec::new(),
        revisions: BTreeMap::new(),
        members: Vec::new(),
        steady: false,
        failed_launches: 0,
        next_launch: now,
        task_set: None,
        stale: None,
        wake: Arc::new(Notify::new()),
        dice: Ids::seeded(seed),
    };
    if managed_by == ManagedBy::Ecs {
        service.settings.insert(MANAGED.into(), "ECS".into());
    }
    if let Some(revision) = revision {
        service.settings.insert("taskDefinition".into(), revision.arn.clone().into());
        if service.is_scheduled() {
            update::deploy(world, region, &mut service, revision);
            service::spawn(world, region, key.clone(), service.wake.clone());
        } else {
            service.task_set = Some(service.number());
        }
    }
    let shown = render::service(&state, &service, now);
    state.services.insert(key, service);
    Ok(json!({ "service": shown }))
}
