//! Which task is whose: no second migration of one database.

use std::collections::HashMap;
use std::sync::Arc;

use super::RunningTask;
use super::pack::Told;
use crate::database_name::list_variable;
use crate::ports::Task;

/// The tasks that migrate a database now, by database: those of other runs, and those of this run that were told a
/// list, or something else than they would be told now, or to end. Other tasks of this run are taken up again by their
/// client token.
pub(super) fn running_tasks(
    running: &[Task],
    container: &str,
    variable: &str,
    started_by: &str,
    packed: bool,
) -> HashMap<String, Arc<RunningTask>> {
    let mut found = HashMap::new();
    for task in running {
        let Some(running) = running_task(task, container, variable, started_by) else { continue };
        if running.ours && !running.ending && !packed && matches!(running.told, Told::One(_)) {
            continue;
        }
        let running = Arc::new(running);
        for database in running.told.databases() {
            found.entry(database.clone()).or_insert_with(|| Arc::clone(&running));
        }
    }
    found
}

/// None for a task that migrates nothing, or does not any more.
pub(super) fn running_task(
    task: &Task,
    container: &str,
    variable: &str,
    started_by: &str,
) -> Option<RunningTask> {
    Some(RunningTask {
        arn: task.arn.clone(),
        task_definition: task.task_definition.clone(),
        started_by: task.started_by.clone(),
        told: told(task, container, variable).filter(|_| !task.is_over())?,
        ours: task.started_by.as_deref() == Some(started_by),
        ending: task.is_ending(),
    })
}

/// How many of these tasks each database had.
pub(super) fn attempts(finished: &[Task], container: &str, variable: &str) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    for told in finished.iter().filter_map(|task| told(task, container, variable)) {
        for database in told.databases() {
            *counts.entry(database.clone()).or_default() += 1;
        }
    }
    counts
}

/// What a task's overrides tell its migration container. Empty counts as not set.
pub(crate) fn told(task: &Task, container: &str, variable: &str) -> Option<Told> {
    let value = |wanted: &str| {
        let mut overrides = task.overrides.iter();
        let set = overrides.find(|(of, name, value)| of == container && name == wanted && !value.is_empty());
        set.map(|(_, _, value)| value)
    };
    match value(&list_variable(variable)) {
        Some(list) => serde_json::from_str(list).ok().map(Told::Pack),
        None => value(variable).map(|only| Told::One(only.clone())),
    }
}
