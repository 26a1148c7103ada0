//! The past: what a state file says, and what ECS knows of the tasks in it.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::database_name::DatabaseName;
use crate::plan::Past;
use crate::ports::TaskReads;
use crate::settings::Settings;
use crate::state::github_history::GitHubHistory;
use crate::state::{Next, State};

/// Returns what is recorded, and, where the run resumes, what ECS knows of the tasks whose end nobody has judged.
///
/// # Errors
/// ECS does not answer.
pub(crate) async fn past<R: TaskReads>(
    state: Option<&State>,
    settings: &Settings,
    reads: Option<&R>,
) -> Result<Past> {
    let Some(state) = state else { return Ok(Past::default()) };
    let history = state.history.clone();
    let mut tasks = Vec::new();
    if let Some(reads) = reads.filter(|_| state.resumes) {
        let open = |database: &DatabaseName| match history.next(database, None) {
            Next::FindOut(launch) => launch.task.clone(),
            _ => None,
        };
        let arns: BTreeSet<String> = settings.databases.iter().filter_map(open).collect();
        let arns = Vec::from_iter(arns);
        if !arns.is_empty() {
            tasks = reads.describe_tasks(&settings.cluster, &arns).await?;
        }
    }
    Ok(Past { resumes: state.resumes, history, tasks, github: GitHubHistory::default() })
}
