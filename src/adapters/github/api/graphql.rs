//! GitHub's GraphQL API: [`PastGitHubDeployments`] made real.
//!
//! REST answers the deployments of one environment a request, and their statuses one deployment a request; GITHUB_TOKEN
//! has 1,000 requests an hour. octocrab's own `graphql` knows no address but `/graphql` below the REST API's, which
//! enterprise servers do not have, and drops the `type` by which GitHub's errors are told apart.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, TASK, explain};
use crate::ports::github::{
    DeploymentPage, GitHubCall, GitHubFailure, PastDeployment, PastGitHubDeployments,
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

/// `https://api.github.com/graphql`, and `https://host/api/graphql` of an enterprise server, whose REST API is at
/// `https://host/api/v3`.
pub fn address(api_url: &str) -> String {
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
            let answer: Answer = self
                .client
                .post(&self.graphql_url, Some(&body))
                .await
                .map_err(|error| explain::failed(call, DOING, &error, &self.proxies))?;
            if let Some(error) = answer.errors.first() {
                let kind = error.r#type.as_deref();
                return Err(explain::graphql(call, DOING, kind, &error.message));
            }
            let connection = answer.data.and_then(|data| data.repository).and_then(|found| found.deployments);
            connection.map(DeploymentPage::from).ok_or_else(|| {
                explain::graphql(call, DOING, Some("NOT_FOUND"), "no repository, or none of its deployments")
            })
        })
        .await
    }
}

/// GraphQL answers errors with status 200, and with `data` as far as it goes.
#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    r#type: Option<String>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Data {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    deployments: Option<Connection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    nodes: Option<Vec<Option<Node>>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    environment: Option<String>,
    task: Option<String>,
    payload: Option<Value>,
    created_at: Timestamp,
    latest_status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl From<Connection> for DeploymentPage {
    fn from(connection: Connection) -> Self {
        let nodes = connection.nodes.into_iter().flatten().flatten();
        let ours = nodes.filter(|node| node.task.as_deref() == Some(TASK));
        let PageInfo { has_next_page, end_cursor } = connection.page_info;
        Self {
            deployments: ours.filter_map(Node::deployment).collect(),
            next: end_cursor.filter(|_| has_next_page),
        }
    }
}

impl Node {
    fn deployment(self) -> Option<PastDeployment> {
        Some(PastDeployment {
            environment: self.environment?,
            at: self.created_at,
            succeeded: self.latest_status.is_some_and(|status| status.state == "SUCCESS"),
            payload: unpacked(self.payload.unwrap_or_default()),
        })
    }
}

/// A payload is an object, its JSON in a string, or that string's JSON in a string.
fn unpacked(payload: Value) -> Value {
    let mut payload = payload;
    for _ in 0..2 {
        let Value::String(text) = &payload else { break };
        payload = serde_json::from_str(text).unwrap_or_default();
    }
    payload
}

#[cfg(test)]
mod tests;
