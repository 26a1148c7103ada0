//! GitHub's GraphQL API: [`PastGitHubDeployments`] made real.
//!
//! REST answers the deployments of one environment a request, and their statuses one deployment a request;
//! GITHUB_TOKEN has 1,000 requests an hour. octocrab's own `graphql` knows no address but `/graphql` below the REST
//! API's, which enterprise servers do not have, and drops the `type` by which GitHub's errors are told apart.

use serde_json::{Value, json};

use super::{Api, explain};
use crate::ports::github::{
    DeploymentPage, DeploymentTask, GitHubCall, GitHubFailure, PastDeployment, PastGitHubDeployments,
};

/// GitHub's GraphQL schema has no filter by `task`.
const QUERY: &str = "\
query ($owner: String!, $name: String!, $environments: [String!], $after: String) {
  repository(owner: $owner, name: $name) {
    deployments(environments: $environments, first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { environment task payload createdAt latestStatus { state } }
      pageInfo { hasNextPage endCursor }
    }
  }
}";

const DOING: &str = "read the deployments of earlier runs";

/// Returns `https://api.github.com/graphql`, or `https://host/api/graphql` of an enterprise server, whose REST API is
/// at `https://host/api/v3`.
pub(super) fn address(api_url: &str) -> String {
    let url = api_url.trim_end_matches('/');
    match url.strip_suffix("/api/v3") {
        Some(server) => format!("{server}/api/graphql"),
        None => format!("{url}/graphql"),
    }
}

impl PastGitHubDeployments for Api {
    async fn past_deployments(
        &self,
        environments: &[String],
        after: Option<&str>,
    ) -> Result<DeploymentPage, GitHubFailure> {
        let (owner, name) = self.repository.split_once('/').unwrap_or((self.repository.as_str(), ""));
        let variables = json!({"owner": owner, "name": name, "environments": environments, "after": after});
        let body = json!({"query": QUERY, "variables": variables});
        let call = GitHubCall::QUERY_DEPLOYMENTS;
        self.retried(DOING, async |_| {
            let answer: Value = self
                .client
                .post(&self.graphql_url, Some(&body))
                .await
                .map_err(|error| explain::failed(call, DOING, &error, &self.proxies))?;
            // An answer with errors has status 200, and `data` as far as it goes.
            if let Some(error) = answer["errors"].get(0) {
                let said = error["message"].as_str().unwrap_or_default();
                return Err(explain::graphql(call, DOING, error["type"].as_str(), said));
            }
            let found = &answer["data"]["repository"]["deployments"];
            if found.is_null() {
                let said = "no repository, or none of its deployments";
                return Err(explain::graphql(call, DOING, Some("NOT_FOUND"), said));
            }
            // To leave one out could make an older success the newest.
            page(found).map_err(|said| explain::graphql(call, DOING, Some("UNREADABLE"), said))
        })
        .await
    }
}

/// Reads the deployments of migrations, in the answer's order; the error says what cannot be read.
fn page(found: &Value) -> Result<DeploymentPage, &'static str> {
    let end = &found["pageInfo"];
    let nodes = found["nodes"].as_array().into_iter().flatten();
    Ok(DeploymentPage {
        deployments: nodes
            .filter(|node| node["task"] == DeploymentTask::Migrate.name())
            .map(deployment)
            .collect::<Result<_, _>>()?,
        next: end["endCursor"].as_str().filter(|_| end["hasNextPage"] == true).map(str::to_owned),
    })
}

fn deployment(node: &Value) -> Result<PastDeployment, &'static str> {
    let created = node["createdAt"].as_str().and_then(|at| at.parse().ok());
    Ok(PastDeployment {
        environment: node["environment"].as_str().ok_or("a deployment without an environment")?.to_owned(),
        at: created.ok_or("a deployment without a readable createdAt")?,
        succeeded: node["latestStatus"]["state"] == "SUCCESS",
        payload: unpacked(node["payload"].clone()),
    })
}

/// Unpacks a payload: an object, its JSON in a string, or that string's JSON in a string.
pub(super) fn unpacked(mut payload: Value) -> Value {
    for _ in 0..2 {
        let Value::String(text) = &payload else { break };
        payload = serde_json::from_str(text).unwrap_or_default();
    }
    payload
}

#[cfg(test)]
mod tests;
