//! What earlier runs have recorded as GitHub Deployments: `--resume` goes on from them where there is no state file.
//!
//! A database is skipped when this program's newest deployment in its environment is a success, of this image, and
//! about this very database: its account, Region, cluster, task definition, container and variable. A database of
//! which this is not known, for whatever reason, runs.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use crate::database_name::DatabaseName;
use crate::failure::listed;
use crate::ports::github::{DeploymentPage, ENVIRONMENTS, PastGitHubDeployments};
use crate::settings::Settings;
use crate::state::github_history::{GitHubHistory, Newest};

pub(crate) use crate::state::github_history::Read;

/// All queries of a run together; each has a shorter deadline of its own.
const READ: Duration = Duration::from_secs(60);
/// Queries that are under way at the same time, as much as GitHub likes.
const AT_ONCE: usize = 4;
/// The most queries for one list of environments: an environment may have many deployments of other programs, or one
/// database many more of this program than the others.
const QUERIES: usize = 10;

/// Reads what earlier runs recorded of the databases that are asked for, with a note when some could not be read.
pub(crate) async fn read(
    api: &impl PastGitHubDeployments,
    settings: &Settings,
) -> (GitHubHistory, Option<String>) {
    let prefix = settings.github.environment_prefix.as_deref().unwrap_or_default();
    let Read { history, unread, trouble } = newest(api, &settings.databases, prefix).await;
    let note = trouble.map(|why| {
        format!(
            "what GitHub's Deployments say of {} of {} databases is not known, so these run ({}): {why}",
            unread.len(),
            settings.databases.len(),
            listed(&unread)
        )
    });
    (history, note)
}

/// Reads the newest deployment of each database, whose environment is named `prefix` and its name.
pub(crate) async fn newest(
    api: &impl PastGitHubDeployments,
    databases: &[DatabaseName],
    prefix: &str,
) -> Read {
    let deadline = Instant::now() + READ;
    let named = |database: &DatabaseName| (format!("{prefix}{database}"), database.clone());
    let batches = databases.chunks(ENVIRONMENTS).map(|batch| batch.iter().map(named).collect());
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
        // After a denial, or no answer to any attempt, the next batches are not read.
        if trouble.is_some() {
            break;
        }
    }
    let unread = databases.iter().filter(|name| !settled.contains(*name)).cloned().collect();
    Read { history, unread, trouble }
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
    /// Reads the newest deployments of databases, by their environments, in at most [`QUERIES`] pages.
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
