//! GitHub's REST API, on github.com and on enterprise servers: the ports of [`crate::ports::github`] made real.
//!
//! Each call has a deadline, and is tried again after 5xx, a lost connection and a rate limit. octocrab's own retries
//! know neither Retry-After nor a call's deadline. The answers are read into types of this module: octocrab's want
//! dozens of fields, and one that is null (the author of a comment whose account is gone) would lose a whole page.

use std::time::Duration;

use octocrab::Octocrab;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::GitHub;
use crate::adapters::proxy::Proxies;
use crate::adapters::secret::Secret;
use crate::backoff::jittered;
use crate::failure::Failure;
use crate::ports::github::{
    DeploymentState, GitHubCall, GitHubDeployments, GitHubFailure, GitHubFailureKind, NewDeployment,
};

mod comments;
mod explain;
mod files;
mod graphql;
#[cfg(test)]
mod tests;

/// One attempt, and all attempts of a call together.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);
const CALL_DEADLINE: Duration = Duration::from_secs(25);
const ATTEMPTS: u32 = 4;
/// The pause after the first attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// One repository of one GitHub server, as one token sees it.
pub struct Api {
    client: Octocrab,
    proxies: Proxies,
    /// owner/name.
    repository: String,
    graphql_url: String,
    /// The page that a deployment's log link leads to.
    log_url: Option<String>,
}

impl Api {
    /// Makes the client for the repository that this run is in; nothing is sent.
    ///
    /// # Errors
    /// `GITHUB_REPOSITORY` is missing; `GITHUB_API_URL` or a proxy is not an address; this machine has no CA
    /// certificates.
    pub fn connect(github: &GitHub, token: &Secret) -> Result<Self, Failure> {
        let url = github.api_url.as_deref().unwrap_or("https://api.github.com");
        let repository = github
            .repository
            .clone()
            .ok_or_else(|| Failure::input("GITHUB_REPOSITORY does not name a repository"))?;
        let unusable = |error: &(dyn std::error::Error + 'static)| {
            Failure::input(format!("cannot talk to {url}: {}", explain::causes(error)))
        };
        let proxies = Proxies::of_this_process()?;
        // Redirects are octocrab's to follow.
        let http = proxies
            .reqwest()
            .and_then(|client| client.connect_timeout(ATTEMPT_DEADLINE).redirect(Policy::none()).build())
            .map_err(|error| unusable(&error))?;
        let client = Octocrab::builder()
            .base_uri(url.trim_end_matches('/'))
            .map(|builder| builder.personal_token(token.expose().to_owned()))
            .and_then(|builder| builder.build_with_reqwest(http))
            .map_err(|error| unusable(&error))?;
        let graphql_url = github.graphql_url.clone().unwrap_or_else(|| graphql::address(url));
        Ok(Self { client, proxies, repository, graphql_url, log_url: github.summary_url() })
    }

    /// Returns what `attempt` answers. It is given the number of attempts before it: after the first, a call that
    /// creates something may have done so, and its answer may have been lost.
    async fn call<T>(
        &self,
        call: GitHubCall,
        doing: &str,
        attempt: impl AsyncFn(u32) -> octocrab::Result<T>,
    ) -> Result<T, GitHubFailure> {
        let explained = async |attempts| {
            attempt(attempts).await.map_err(|error| explain::failed(call, doing, &error, &self.proxies))
        };
        self.retried(doing, explained).await
    }

    async fn retried<T>(
        &self,
        doing: &str,
        attempt: impl AsyncFn(u32) -> Result<T, GitHubFailure>,
    ) -> Result<T, GitHubFailure> {
        let deadline = Instant::now() + CALL_DEADLINE;
        let mut attempts = 0;
        loop {
            let until = deadline.min(Instant::now() + ATTEMPT_DEADLINE);
            let began = Instant::now();
            let answer = timeout_at(until, attempt(attempts)).await;
            let is_answer = matches!(answer, Ok(Ok(_)));
            let ms = began.elapsed().as_millis();
            tracing::debug!(answered = is_answer, ms, attempt = attempts + 1, "GitHub: {doing}");
            let failed = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failed)) => failed,
                Err(_) => explain::no_answer(doing, "no answer before the deadline"),
            };
            attempts += 1;
            let GitHubFailureKind::Passing { wait } = failed.kind else { return Err(failed) };
            let pause = wait.unwrap_or_else(|| jittered(FIRST_PAUSE * 2_u32.pow(attempts - 1)));
            if attempts == ATTEMPTS || Instant::now() + pause >= deadline {
                return Err(failed);
            }
            sleep(pause).await;
        }
    }

    fn route(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", self.repository)
    }

    /// Finds the deployment with this payload's key, if an earlier attempt made it.
    async fn deployment_made_before(&self, new: &NewDeployment) -> octocrab::Result<Option<u64>> {
        let query =
            [("environment", new.environment.as_str()), ("task", new.task.name()), ("per_page", "10")];
        let recent: Vec<Deployment> = self.client.get(self.route("deployments"), Some(&query)).await?;
        let ours = |one: &Deployment| graphql::unpacked(one.payload.clone())["key"] == new.payload["key"];
        Ok(recent.into_iter().find(ours).map(|deployment| deployment.id))
    }
}

impl GitHubDeployments for Api {
    async fn create_deployment(&self, new: &NewDeployment) -> Result<u64, GitHubFailure> {
        let body = json!({
            "ref": new.commit,
            "task": new.task.name(),
            // What ran is the commit's image: nothing is to be merged, and no check can come in between.
            "auto_merge": false,
            "required_contexts": [],
            "payload": new.payload,
            "environment": new.environment,
            "description": new.description,
            // Databases and services live on. GitHub makes earlier successes inactive by itself, but not in
            // production environments, and each environment is to show one commit.
            "transient_environment": false,
            "production_environment": false,
        });
        self.call(GitHubCall::CREATE_DEPLOYMENT, "create a deployment", async |attempts| {
            if attempts > 0
                && let Some(id) = self.deployment_made_before(new).await?
            {
                return Ok(id);
            }
            let made: Id = self.client.post(self.route("deployments"), Some(&body)).await?;
            Ok(made.id)
        })
        .await
    }

    async fn set_deployment_state(
        &self,
        id: u64,
        state: DeploymentState,
        description: &str,
    ) -> Result<(), GitHubFailure> {
        let mut body = json!({"state": state, "description": description, "auto_inactive": true});
        if let Some(url) = &self.log_url {
            body["log_url"] = json!(url);
        }
        let route = self.route(&format!("deployments/{id}/statuses"));
        self.call(GitHubCall::CREATE_DEPLOYMENT_STATUS, "set a deployment's status", async |_| {
            self.client.post::<_, Id>(&route, Some(&body)).await.map(drop)
        })
        .await
    }
}

/// The part of an answer that is read when something was created.
#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct Deployment {
    id: u64,
    /// The object that it was, or (older enterprise servers) its JSON in a string.
    payload: Value,
}
