//! Which task is whose: no second migration of one database.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::RunningTask;
use crate::ports::Task;

/// Tasks of somebody else that migrate a database now, by database. Those that this very run started are taken up again
/// by their client token.
pub fn running_tasks<'a>(
    running: &'a [Task],
    container: &str,
    variable: &str,
    started_by: &str,
) -> HashMap<&'a str, RunningTask> {
    let of_others =
        running.iter().filter(|task| !task.is_stopped() && task.started_by.as_deref() != Some(started_by));
    let mut found = HashMap::new();
    for task in of_others {
        if let Some(database) = migrates(task, container, variable) {
            found.entry(database).or_insert_with(|| RunningTask {
                arn: task.arn.clone(),
                task_definition: task.task_definition.clone(),
                started_by: task.started_by.clone(),
            });
        }
    }
    found
}

/// How many of these tasks each database had.
pub fn attempts<'a>(finished: &'a [Task], container: &str, variable: &str) -> HashMap<&'a str, u32> {
    let mut counts = HashMap::new();
    for database in finished.iter().flat_map(|task| migrates(task, container, variable)) {
        *counts.entry(database).or_default() += 1;
    }
    counts
}

/// The database that a task was told.
fn migrates<'a>(task: &'a Task, container: &str, variable: &str) -> Option<&'a str> {
    let mut overrides = task.overrides.iter();
    overrides.find(|(c, n, _)| c == container && n == variable).map(|(_, _, value)| value.as_str())
}

/// The same run, database and revision give the same token, and ECS the same task: a retry, or a second process of
/// the same run, can not start a second migration.
pub fn client_token(started_by: &str, database: &str, revision: &str, attempt: u32) -> String {
    let mut hash = Sha256::new();
    for part in [started_by, database, revision, &attempt.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    // 60 characters: RunTask takes 64.
    hash.finalize().iter().take(30).map(|byte| format!("{byte:02x}")).collect()
}
