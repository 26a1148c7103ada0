//! Which task is whose: no second migration of one database.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::RunningTask;
use super::pack::Told;
use crate::database_name::list_variable;
use crate::hex::hex;
use crate::ports::Task;

/// The tasks that migrate a database now, by database: those of other runs, and those of this run that were told a
/// list, or something else than they would be told now, or to end. Other tasks of this run are taken up again by their
/// client token.
pub fn running_tasks(
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
pub fn running_task(task: &Task, container: &str, variable: &str, started_by: &str) -> Option<RunningTask> {
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
pub fn attempts(finished: &[Task], container: &str, variable: &str) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    for told in finished.iter().filter_map(|task| told(task, container, variable)) {
        for database in told.databases() {
            *counts.entry(database.clone()).or_default() += 1;
        }
    }
    counts
}

/// What a task's overrides tell its migration container. Empty counts as not set.
pub fn told(task: &Task, container: &str, variable: &str) -> Option<Told> {
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

/// The same run, databases and revision give the same token, and ECS the same task: a retry, or a second process of
/// the same run, can not start a second migration. A list of one has another token than that one alone: its task is
/// told something else.
pub fn client_token(started_by: &str, told: &Told, revision: &str, attempt: u32) -> String {
    let databases = match told {
        Told::One(only) => only.clone(),
        Told::Pack(list) => json!(list).to_string(),
    };
    let mut hash = Sha256::new();
    for part in [started_by, &databases, revision, &attempt.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    // 60 characters: RunTask takes 64.
    hex(&hash.finalize()[..30])
}
