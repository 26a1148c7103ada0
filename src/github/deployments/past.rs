//! What earlier runs have recorded as GitHub Deployments: `--resume` goes on from them where there is no state file.
//!
//! A database is skipped when the newest deployment of ours in its environment is a success, of this image, and about
//! this very database: its account, Region, cluster, task definition, container and variable. What is not known, for
//! whatever reason, runs.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use crate::database_name::DatabaseName;
use crate::failure::listed;
use crate::ports::github::{DeploymentPage, ENVIRONMENTS, PastGitHubDeployments};
use crate::settings::Settings;
use crate::state::github_history::{GitHubHistory, Newest};

/// All queries of a run together; each has a shorter deadline of its own.
const READ: Duration = Duration::from_secs(60);
/// Queries that are under way at the same time, as much as GitHub likes.
const AT_ONCE: usize = 4;
/// Queries for one list of environments: an environment may have many deployments of others, or a database many more
/// of ours than its neighbours.
const QUERIES: usize = 10;

/// What is known of the databases that are asked for, and a note when that is not all.
pub(crate) async fn read(
    api: &impl PastGitHubDeployments,
    settings: &Settings,
) -> (GitHubHistory, Option<String>) {
    let deadline = Instant::now() + READ;
    let prefix = settings.github.environment_prefix.as_deref().unwrap_or_default();
    let named = |database: &DatabaseName| (format!("{prefix}{database}"), database.clone());
    let batches = settings.databases.chunks(ENVIRONMENTS).map(|batch| batch.iter().map(named).collect());
    let mut batches =
        futures::stream::iter(batches).map(|batch| Batch::read(api, batch)).buffer_unordered(AT_ONCE);
    let (mut history, mut settled, mut trouble) = (GitHubHistory::default(), HashSet::new(), None);
    loop {
        match timeout_at(deadline, batches.next()).await {
            Ok(Some(batch)) => {
                settled.extend(batch.settled);
                history.newest.extend(batch.newest);
                trouble = batch.trouble;
            }
            Ok(None) => break,
            Err(_) => trouble = Some(format!("GitHub took more than {} s", READ.as_secs())),
        }
        // One who is denied, or has no answer after all attempts, does not ask for the next ones.
        if trouble.is_some() {
            break;
        }
    }
    let note = trouble.map(|why| {
        let unknown = |name: &&DatabaseName| !settled.contains(*name);
        let names: Vec<DatabaseName> = settings.databases.iter().filter(unknown).cloned().collect();
        format!(
            "what GitHub's Deployments say of {} of {} databases is not known, so these run ({}): {why}",
            names.len(),
            settings.databases.len(),
            listed(&names)
        )
    });
    (history, note)
}

/// What was read of some databases.
#[derive(Default)]
struct Batch {
    newest: HashMap<DatabaseName, Newest>,
    /// Databases whose newest deployment is known, or known not to be there.
    settled: Vec<DatabaseName>,
    trouble: Option<String>,
}

impl Batch {
    /// Of databases by their environments.
    async fn read(api: &impl PastGitHubDeployments, mut left: HashMap<String, DatabaseName>) -> Self {
        let mut batch = Self::default();
        let mut after = None;
        for _ in 0..QUERIES {
            // Sorted, so that the query is the same for the same databases.
            let mut environments: Vec<String> = left.keys().cloned().collect();
            environments.sort_unstable();
            let page = match api.past_deployments(&environments, after.as_deref()).await {
                Ok(page) => page,
                Err(failed) => {
                    batch.trouble = Some(failed.failure.sentence());
                    return batch;
                }
            };
            let DeploymentPage { deployments, next } = page;
            for deployment in deployments {
                // They come newest first: another one of the same environment is older.
                let Some(database) = left.remove(&deployment.environment) else { continue };
                let payload = serde_json::from_value(deployment.payload).ok();
                let newest = Newest { at: deployment.at, succeeded: deployment.succeeded, payload };
                batch.newest.insert(database.clone(), newest);
                batch.settled.push(database);
            }
            if next.is_none() {
                batch.settled.extend(left.drain().map(|(_, database)| database));
            }
            if left.is_empty() {
                return batch;
            }
            // With fewer environments the list begins anew, and without those that filled it.
            after = next.filter(|_| left.len() == environments.len());
        }
        batch.trouble =
            Some(format!("their environments have more other deployments than {QUERIES} pages show"));
        batch
    }
}

#[cfg(test)]
mod tests;
