//! Observe for `fargate-migrate build`: account, repository and tag, and what names them.

use anyhow::Result;
use tokio::try_join;

use super::image::{image, local_checks};
use super::{described, unknown_task_definition};
use crate::plan::ObservedBuild;
use crate::ports::{Account, DefinitionReads, Machine, Reads};
use crate::settings::{BuildSettings, TaskDefinitionSource};
use crate::task_definition::TaskDefinition;

/// Observes what a build rests on, by calls that change nothing.
pub(crate) async fn observe_build(
    settings: &BuildSettings,
    machine: &impl Machine,
    reads: &impl Reads,
) -> Result<ObservedBuild> {
    let (caller, base) = try_join!(reads.caller(), task_definition(settings, reads, reads.region()))?;
    let account = Account { caller, region: reads.region().to_owned() };
    let container = match &base {
        Some(base) => Some((base, base.migration_container(settings.container.as_deref())?)),
        None => None,
    };
    let image = image(&settings.image, machine, reads, &account, container).await?;
    let notes =
        local_checks(&settings.image, machine, base.as_ref(), &image, settings.common.plan_only).await?;
    Ok(ObservedBuild { account, base, image, notes })
}

async fn task_definition(
    settings: &BuildSettings,
    definitions: &impl DefinitionReads,
    region: &str,
) -> Result<Option<TaskDefinition>> {
    match &settings.task_definition {
        None => Ok(None),
        Some(TaskDefinitionSource::File(path)) => Ok(Some(TaskDefinition::from_file(path)?)),
        Some(TaskDefinitionSource::Ecs(name)) => match described(definitions, name).await? {
            Some(base) => Ok(Some(base)),
            None => Err(unknown_task_definition(definitions, name, region).await.into()),
        },
    }
}
