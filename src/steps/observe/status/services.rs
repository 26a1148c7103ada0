//! Services: their tasks with the images that run, and their deployments.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use futures::stream::{self, StreamExt as _};
use tokio::join;

use super::super::described;
use super::{AT_ONCE, looked_up};
use crate::arn;
use crate::failure::Failure;
use crate::plan::UnderWay;
use crate::plan::status::{Ended, NEWEST, Named, Rollout, SeenService, SeenTasks, ServiceRow};
use crate::ports::{
    DefinitionReads, DeploymentStatus, DesiredStatus, Reads, RevisionImage, Service, ServiceDeployment,
    ServiceDeploymentBrief, ServiceReads, ServiceRevision, Task, TaskReads,
};
use crate::settings::StatusSettings;

/// What was read of one service before its tasks are looked at.
struct Found {
    service: Service,
    listed: Result<Vec<ServiceDeploymentBrief>, String>,
    tasks: Result<Vec<String>, String>,
}

/// Returns a row for each service, in their order. Calls that take several services are made once for all.
pub(super) async fn services(settings: &StatusSettings, reads: &impl Reads) -> Vec<ServiceRow> {
    let (cluster, names) = (&settings.cluster, &settings.services);
    if names.is_empty() {
        return Vec::new();
    }
    let seen = match reads.services(cluster, names).await {
        Ok(seen) => seen,
        Err(error) => {
            let why = Failure::from_error(&error).sentence();
            let row = |name: &String| ServiceRow { name: name.clone(), seen: Err(why.clone()) };
            return names.iter().map(row).collect();
        }
    };
    let found = |service: Service| async move {
        let (listed, tasks) = join!(
            reads.service_deployments(cluster, &service.name, None),
            reads.list_service_tasks(cluster, &service.name, DesiredStatus::Running)
        );
        let tasks = tasks.map_err(|error| Failure::from_error(&error).sentence());
        Found { service, listed: looked_up(listed), tasks }
    };
    let found: Vec<Found> = stream::iter(seen).map(found).buffered(AT_ONCE).collect().await;
    let (tasks, deployments, revisions) =
        join!(all_tasks(cluster, &found, reads), deployments(&found, reads), revisions(&found, reads));
    let named = named(&tasks, &revisions, reads).await;
    let told = Told { tasks, named, deployments, revisions };
    let rows: HashMap<String, SeenService> =
        found.into_iter().map(|one| (one.service.name.clone(), told.of(one))).collect();
    let row = |name: &String| {
        let gone = || format!("it does not exist in cluster {cluster}");
        let seen = rows.get(arn::name(name)).cloned().ok_or_else(gone);
        ServiceRow { name: name.clone(), seen }
    };
    names.iter().map(row).collect()
}

/// What the calls that take several services tell.
struct Told {
    /// By ARN.
    tasks: Result<HashMap<String, Task>, String>,
    named: Named,
    deployments: Result<Vec<ServiceDeployment>, String>,
    revisions: Result<Vec<ServiceRevision>, String>,
}

impl Told {
    fn of(&self, found: Found) -> SeenService {
        let Found { service, listed, tasks: own } = found;
        let rollout = UnderWay::of(&service, listed.as_deref().ok())
            .map(|under_way| Rollout::new(&under_way, &listed, &self.deployments));
        let tasks = own.and_then(|arns| {
            let all = self.tasks.as_ref().map_err(Clone::clone)?;
            let own: Vec<Task> = arns.iter().filter_map(|arn| all.get(arn)).cloned().collect();
            if own.len() < arns.len() {
                return Err(format!("ECS lists {} tasks of it and describes {}", arns.len(), own.len()));
            }
            SeenTasks::new(&service, &own, &self.named)
        });
        let deployments = listed.map(|listed| {
            let ended = |brief| Ended::new(brief, &self.deployments, &self.revisions);
            newest_over(&listed).map(ended).collect()
        });
        SeenService { service, tasks, deployments, rollout }
    }
}

async fn all_tasks(
    cluster: &str,
    found: &[Found],
    reads: &impl TaskReads,
) -> Result<HashMap<String, Task>, String> {
    let arns: Vec<String> = found.iter().flat_map(|one| one.tasks.iter().flatten().cloned()).collect();
    if arns.is_empty() {
        return Ok(HashMap::new());
    }
    let tasks = reads.describe_tasks(cluster, &arns).await;
    let tasks = tasks.map_err(|error| Failure::from_error(&error).sentence())?;
    Ok(tasks.into_iter().map(|task| (task.arn.clone(), task)).collect())
}

fn newest_over(listed: &[ServiceDeploymentBrief]) -> impl Iterator<Item = &ServiceDeploymentBrief> {
    listed.iter().filter(|brief| brief.status.is_over()).take(NEWEST)
}

fn under_way(listed: &[ServiceDeploymentBrief]) -> Option<&ServiceDeploymentBrief> {
    listed.iter().find(|brief| !brief.status.is_over())
}

/// Describes the deployments that are under way, and the newest that did not succeed: why, in a sentence of ECS.
async fn deployments(found: &[Found], reads: &impl ServiceReads) -> Result<Vec<ServiceDeployment>, String> {
    let arns = found.iter().flat_map(|one| one.listed.iter()).flat_map(|listed| {
        let unlike = newest_over(listed).filter(|brief| brief.status != DeploymentStatus::Successful);
        under_way(listed).into_iter().chain(unlike).map(|brief| brief.arn.clone())
    });
    match Vec::from_iter(arns) {
        arns if arns.is_empty() => Ok(Vec::new()),
        arns => looked_up(reads.describe_service_deployments(&arns).await),
    }
}

/// Reads the service revisions that the newest deployments have put on their services.
async fn revisions(found: &[Found], reads: &impl ServiceReads) -> Result<Vec<ServiceRevision>, String> {
    let targets = found.iter().flat_map(|one| one.listed.iter()).flat_map(|listed| {
        let newest = under_way(listed).into_iter().chain(newest_over(listed));
        newest.filter_map(|brief| brief.target.clone())
    });
    match Vec::from_iter(targets.collect::<BTreeSet<String>>()) {
        arns if arns.is_empty() => Ok(Vec::new()),
        arns => looked_up(reads.service_revisions(&arns).await),
    }
}

/// Returns the images of the tasks' definitions: as service revisions name them, or else the definitions themselves.
async fn named(
    tasks: &Result<HashMap<String, Task>, String>,
    revisions: &Result<Vec<ServiceRevision>, String>,
    reads: &impl DefinitionReads,
) -> Named {
    let with_images = revisions.iter().flatten().filter(|revision| !revision.images.is_empty());
    let mut named: Named =
        with_images.map(|one| (one.task_definition.clone(), Ok(one.images.clone()))).collect();
    let definitions = tasks.iter().flat_map(HashMap::values).filter_map(|task| task.task_definition.clone());
    let wanted: BTreeSet<String> = definitions.filter(|arn| !named.contains_key(arn)).collect();
    let read = |arn: String| async move {
        let images = images(&arn, reads).await;
        (arn, images)
    };
    named.extend(stream::iter(wanted).map(read).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
    named
}

async fn images(definition: &str, reads: &impl DefinitionReads) -> Result<Vec<RevisionImage>, String> {
    let found = described(reads, definition).await;
    let found = found.map_err(|error| Failure::from_error(&error).sentence())?;
    let found = found.ok_or_else(|| format!("ECS does not know {} any more", arn::name(definition)))?;
    let image = |container: &str| {
        let image = found.image(container)?.to_owned();
        Some(RevisionImage { container: container.to_owned(), image, digest: None })
    };
    Ok(found.container_names().into_iter().filter_map(image).collect())
}
