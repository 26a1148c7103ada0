//! GitHub's GraphQL API, as far as one query goes: the deployments of environments, newest first.
//!
//! The names of fields, arguments, errors' types and the shape of answers are those of GitHub's public schema. The
//! text of the query is not interpreted: it must ask for what is answered here.

use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::routes::Request;
use super::{Deployment, State};

/// What a query must have, so that this answer is the one to it.
const ASKED: &[&str] = &[
    "repository(owner: $owner, name: $name)",
    "deployments(environments: $environments, first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC})",
    "nodes { environment task payload createdAt latestStatus { state } }",
    "pageInfo { hasNextPage endCursor }",
];
const PAGE: usize = 100;

/// Answers a query. The status is always 200: a refusal has `errors` next to a `data` without a repository.
pub fn answer(state: &State, repository: &str, request: &Request<'_>) -> Answer {
    let (query, variables) = (request.body["query"].as_str().unwrap_or_default(), &request.body["variables"]);
    if let Some(missing) = ASKED.iter().find(|part| !query.contains(*part)) {
        return refused(None, "undefinedField", &format!("this stand-in answers no query without {missing}"));
    }
    let text = |name: &str| variables[name].as_str().unwrap_or_default();
    if repository != format!("{}/{}", text("owner"), text("name")) {
        return refused(Some("repository"), "NOT_FOUND", "Could not resolve to a Repository with that name.");
    }
    if request.needs(&["deployments: read"]).is_err() {
        return refused(Some("deployments"), "FORBIDDEN", "Resource not accessible by integration");
    }
    let environments: Vec<&str> =
        variables["environments"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let before: usize = text("after").strip_prefix("cursor:").and_then(|at| at.parse().ok()).unwrap_or(0);
    let wanted = |deployment: &&Deployment| {
        deployment.input["environment"].as_str().is_some_and(|name| environments.contains(&name))
    };
    let all: Vec<&Deployment> = state.deployments.iter().rev().filter(wanted).collect();
    let nodes: Vec<Value> = all.iter().skip(before).take(PAGE).map(|deployment| node(deployment)).collect();
    let end = before + nodes.len();
    let page = json!({"hasNextPage": end < all.len(), "endCursor": format!("cursor:{end}")});
    let connection = json!({"nodes": nodes, "pageInfo": page});
    answers::json(200, &json!({"data": {"repository": {"deployments": connection}}}))
}

fn node(deployment: &Deployment) -> Value {
    let input = &deployment.input;
    let status = deployment.statuses.last().and_then(|(_, status)| status["state"].as_str());
    json!({
        "environment": input["environment"],
        "task": input["task"].as_str().unwrap_or("deploy"),
        "payload": input["payload"].to_string(),
        "createdAt": deployment.created_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "latestStatus": status.map(|state| json!({"state": state.to_uppercase()})),
    })
}

fn refused(field: Option<&str>, kind: &str, message: &str) -> Answer {
    let path: Vec<&str> =
        ["repository"].into_iter().chain(field.filter(|name| *name != "repository")).collect();
    answers::json(
        200,
        &json!({
            "data": {"repository": null},
            "errors": [{"type": kind, "path": path, "locations": [{"line": 2, "column": 3}], "message": message}],
        }),
    )
}
