//! Deployments and their statuses.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::routes::Request;
use super::{Deployment, State};

const MAX_DESCRIPTION: usize = 140;
const MAX_ENVIRONMENT: usize = 255;
const STATES: &[&str] = &["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

pub fn list(state: &State, request: &Request<'_>) -> Result<Answer, Answer> {
    request.needs(&["deployments: read"])?;
    let wanted = |deployment: &&Deployment| {
        request.query.iter().all(|(key, value)| match key.as_str() {
            "environment" | "task" | "ref" => deployment.input[key].as_str() == Some(value),
            "sha" => deployment.input["ref"].as_str() == Some(value),
            _ => true,
        })
    };
    let newest = state.deployments.iter().rev().filter(wanted);
    let items = newest.map(|deployment| render(request, deployment)).collect();
    Ok(answers::page(&request.url, &request.query, items))
}

pub fn create(state: &mut State, request: &Request<'_>) -> Result<Answer, Answer> {
    request.needs(&["deployments: write"])?;
    let input = &request.body;
    let commit = input["ref"].as_str().unwrap_or_default();
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let known =
        if state.commits.is_empty() { is_commit } else { state.commits.iter().any(|own| own == commit) };
    if !known {
        return Err(answers::error(422, &format!("No ref found for: {commit}")));
    }
    let environment = input["environment"].as_str().unwrap_or("production");
    if environment.is_empty() || environment.chars().count() > MAX_ENVIRONMENT {
        return Err(answers::invalid("Deployment", "environment", "environment is not a valid name"));
    }
    describes("Deployment", input)?;
    // Without required_contexts, every status of the commit would have to be a success first.
    if input["required_contexts"] != json!([]) {
        return Err(answers::error(409, "Conflict: Commit status checks failed for this ref."));
    }
    let id = state.new_id();
    let deployment = Deployment {
        id,
        input: input.clone(),
        creator: request.actor.clone(),
        created_at: Timestamp::now(),
        statuses: Vec::new(),
    };
    let rendered = render(request, &deployment);
    state.deployments.push(deployment);
    Ok(answers::json(201, &rendered))
}

pub fn set_status(state: &mut State, request: &Request<'_>, id: u64) -> Result<Answer, Answer> {
    request.needs(&["deployments: write"])?;
    let input = request.body.clone();
    let word = input["state"].as_str().unwrap_or_default();
    if !STATES.contains(&word) {
        return Err(answers::invalid("DeploymentStatus", "state", "state is not included in the list"));
    }
    describes("DeploymentStatus", &input)?;
    let status_id = state.new_id();
    let index = state.deployments.iter().position(|deployment| deployment.id == id);
    let index = index.ok_or_else(|| answers::error(404, "Not Found"))?;
    if word == "success" && input["auto_inactive"] != json!(false) {
        let environment = state.deployments[index].input["environment"].clone();
        for earlier in state.deployments.iter_mut().take(index) {
            let is = |flag: &str| earlier.input[flag] == json!(true);
            let ordinary = !is("transient_environment") && !is("production_environment");
            let succeeded = earlier.statuses.last().is_some_and(|(_, status)| status["state"] == "success");
            if ordinary && succeeded && earlier.input["environment"] == environment {
                earlier.statuses.push((status_id, json!({"state": "inactive"})));
            }
        }
    }
    let url = format!("http://{}/api/v3/statuses/{status_id}", request.host);
    let rendered = json!({
        "id": status_id, "node_id": "DES_kwDOA", "url": url, "state": word,
        "creator": answers::account(request.host, &request.actor.0, request.actor.1),
        "description": input["description"], "environment": state.deployments[index].input["environment"],
        "target_url": input["log_url"], "log_url": input["log_url"], "environment_url": "",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "deployment_url": url, "repository_url": url, "performed_via_github_app": null,
    });
    state.deployments[index].statuses.push((status_id, input));
    Ok(answers::json(201, &rendered))
}

fn describes(resource: &str, input: &Value) -> Result<(), Answer> {
    let length = input["description"].as_str().unwrap_or_default().chars().count();
    if length <= MAX_DESCRIPTION {
        return Ok(());
    }
    let message = format!("description is too long (maximum is {MAX_DESCRIPTION} characters)");
    Err(answers::invalid(resource, "description", &message))
}

fn render(request: &Request<'_>, deployment: &Deployment) -> Value {
    let url = format!("http://{}/api/v3/deployments/{}", request.host, deployment.id);
    let input = &deployment.input;
    let flag = |name: &str| input[name].as_bool().unwrap_or(false);
    json!({
        "id": deployment.id, "node_id": "DE_kwDOA", "url": url, "sha": input["ref"], "ref": input["ref"],
        "task": input["task"].as_str().unwrap_or("deploy"), "payload": input["payload"],
        "original_environment": input["environment"], "environment": input["environment"],
        "description": input["description"],
        "creator": answers::account(request.host, &deployment.creator.0, deployment.creator.1),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "statuses_url": format!("{url}/statuses"), "repository_url": url,
        "transient_environment": flag("transient_environment"),
        "production_environment": flag("production_environment"),
        "performed_via_github_app": null,
    })
}
