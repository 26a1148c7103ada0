//! Which task is whose: no second migration of one database.

use sha2::{Digest as _, Sha256};

use super::RunningTask;
use crate::ports::Task;

/// A task of somebody else that migrates `database` now. One that this very run started is taken up again by its
/// client token.
pub fn running_task(
    running: &[Task],
    container: &str,
    variable: &str,
    database: &str,
    started_by: &str,
) -> Option<RunningTask> {
    running
        .iter()
        .filter(|task| !task.is_stopped() && task.started_by.as_deref() != Some(started_by))
        .find(|task| migrates(task, container, variable, database))
        .map(|task| RunningTask { arn: task.arn.clone(), started_by: task.started_by.clone() })
}

pub fn migrates(task: &Task, container: &str, variable: &str, database: &str) -> bool {
    task.overrides.iter().any(|(c, n, v)| c == container && n == variable && v == database)
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
