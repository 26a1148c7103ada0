//! The migrations that run now: by which family and container they are known, and which databases each is told.

use anyhow::Result;

use super::super::{described, read_revisions, tasks};
use crate::failure::Failure;
use crate::plan::status::Recorded;
use crate::plan::{Orders, Reading, Revisions, RunningTask, own_family};
use crate::ports::{DefinitionReads, Reads};
use crate::settings::{StatusSettings, TaskDefinitionSource};
use crate::task_definition::TaskDefinition;

/// How migration tasks are found and read.
pub(super) struct Family {
    /// That of the task definition, and that of the migration's own revisions.
    pub names: Vec<String>,
    container: String,
    variable: String,
    base: Option<TaskDefinition>,
}

/// Finds the family by the task definition, or else by what the state file is about.
///
/// # Errors
/// Says why it is not known.
pub(super) async fn family(
    settings: &StatusSettings,
    recorded: &Recorded,
    reads: &impl DefinitionReads,
) -> Result<Family, String> {
    let sentence = |error: &anyhow::Error| Failure::from_error(error).sentence();
    let base = match &settings.task_definition {
        Some(TaskDefinitionSource::File(path)) => {
            TaskDefinition::from_file(path).map_err(|failure| failure.sentence())?
        }
        Some(TaskDefinitionSource::Ecs(name)) => described(reads, name)
            .await
            .map_err(|error| sentence(&error))?
            .ok_or_else(|| format!("task definition {name} does not exist"))?,
        None => {
            let run = recorded.state.as_ref().and_then(|history| history.run());
            let target =
                &run.ok_or("no --task-definition is given, so its tasks were not looked for")?.target;
            return Ok(Family {
                names: vec![target.family.clone()],
                container: target.container.clone(),
                variable: target.database_variable.clone(),
                base: None,
            });
        }
    };
    let container = base
        .migration_container(settings.container.as_deref())
        .map_err(|failure| failure.sentence())?
        .to_owned();
    let own = settings.family.clone().unwrap_or_else(|| own_family(base.family()));
    let mut names = vec![base.family().to_owned(), own];
    names.dedup();
    let variable = settings.database_variable.clone();
    Ok(Family { names, container, variable, base: Some(base) })
}

/// Returns the tasks that migrate something now, or may.
///
/// # Errors
/// Says why they are not known.
pub(super) async fn running(
    settings: &StatusSettings,
    family: Result<&Family, &String>,
    reads: &impl Reads,
) -> Result<Vec<RunningTask>, String> {
    let family = family.map_err(Clone::clone)?;
    if settings.databases.is_empty() {
        return Ok(Vec::new());
    }
    let mut may_work = Vec::new();
    for name in &family.names {
        let found = tasks::tasks(&settings.cluster, &settings.common.run, reads, name).await;
        may_work.extend(found.map_err(|error| Failure::from_error(&error).sentence())?.may_work);
    }
    let known = Revisions::of(&family.base);
    let reading = Reading {
        container: &family.container,
        variable: &family.variable,
        // A status has no tasks of its own.
        started_by: "",
        revision: None,
        orders: &Orders::default(),
        revisions: &known,
    };
    let mut revisions = known.clone();
    revisions.read(read_revisions(&reading, &may_work, reads).await);
    let reading = Reading { revisions: &revisions, ..reading };
    Ok(may_work.iter().filter_map(|task| reading.of_other_run(task)).collect())
}
