//! What a run of a command rests on: its task definition as it is now, its network, and the image where another one
//! is asked for.

use anyhow::Result;
use tokio::try_join;

use super::network::network;
use super::{described, observe, unknown_task_definition};
use crate::failure::Failure;
use crate::plan::run_plan::{ObservedOther, ObservedRun};
use crate::plan::{Family, Observed};
use crate::ports::{Account, Machine, Reads};
use crate::settings::{RunSettings, Settings, TaskDefinitionSource};
use crate::task_definition::TaskDefinition;

/// Observes the target of a run.
///
/// # Errors
/// Something of it is not there, or cannot be read.
pub(crate) async fn observe_run<R: Reads>(
    settings: &RunSettings,
    machine: &impl Machine,
    reads: &R,
) -> Result<ObservedRun> {
    let target = like_service(settings, reads).await?;
    if settings.is_other_image {
        return with_other_image(settings, &target, machine, reads).await;
    }
    let TaskDefinitionSource::Ecs(name) = &target.task_definition else {
        return Err(Failure::input("the task definition is a file, and a task runs one that is registered")
            .hint("pass --task-definition FAMILY, or name an image with --tag or --image: its revision is then registered")
            .into());
    };
    let (caller, base, (), (network, _)) = try_join!(
        reads.caller(),
        described(reads, name),
        reads.check_cluster(&target.cluster),
        network(&target, reads)
    )?;
    let Some(base) = base else {
        return Err(unknown_task_definition(reads, name, reads.region()).await.into());
    };
    let (container, note) = container(settings, &base)?;
    let account = Account { caller, region: reads.region().to_owned() };
    Ok(ObservedRun {
        account,
        base,
        container,
        network,
        other_image: None,
        notes: note.into_iter().collect(),
    })
}

/// Returns the target, with the task definition of `--like-service` where it is given.
async fn like_service(settings: &RunSettings, reads: &impl Reads) -> Result<Settings> {
    let mut target = settings.target.clone();
    let Some(name) = &settings.like_service else { return Ok(target) };
    let service = reads.service(&target.cluster, name).await?;
    let Some(arn) = service.task_definition else {
        return Err(Failure::input(format!("service {} has no task definition", service.name))
            .hint("pass --task-definition instead of --like-service")
            .into());
    };
    target.task_definition = TaskDefinitionSource::Ecs(arn);
    Ok(target)
}

async fn with_other_image(
    settings: &RunSettings,
    target: &Settings,
    machine: &impl Machine,
    reads: &impl Reads,
) -> Result<ObservedRun> {
    let mut target = target.clone();
    let mut note = None;
    if let (Some(_), TaskDefinitionSource::Ecs(arn)) = (&settings.like_service, &target.task_definition)
        && let Some(base) = described(reads, arn).await?
    {
        let (container, said) = container(settings, &base)?;
        (target.container, note) = (Some(container), said);
    }
    let observed = observe(&target, machine, Some(reads)).await?;
    let Observed { aws, base, family, current, image, network, notes, .. } = observed;
    let account = aws.ok_or_else(|| Failure::input("a run cannot be planned without AWS"))?;
    let container = base.migration_container(target.container.as_deref())?.to_owned();
    let Family { name, note: why } = family;
    let family =
        Family { name, note: why.map(|why| why.replace("the migration's revision", "the run's revision")) };
    Ok(ObservedRun {
        account,
        base,
        container,
        network,
        other_image: Some(ObservedOther { image, family, current }),
        notes: note.into_iter().chain(notes).collect(),
    })
}

/// Returns the container that runs the command, and a note on the choice. A service need not have the migration
/// container that the configuration file names.
fn container(settings: &RunSettings, base: &TaskDefinition) -> Result<(String, Option<String>), Failure> {
    let named = settings.target.container.as_deref();
    let is_there = named.is_some_and(|named| base.container_names().contains(&named));
    match (named, &settings.like_service) {
        (Some(named), Some(service)) if !is_there => {
            let only = base.migration_container(None)?;
            let note = format!("service {service} has no container {named}: the command runs in {only}");
            Ok((only.to_owned(), Some(note)))
        }
        _ => Ok((base.migration_container(named)?.to_owned(), None)),
    }
}
