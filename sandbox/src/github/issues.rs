//! The comments of issues, which those of a pull request are as well.

use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::routes::Request;
use super::{Comment, State};

/// GitHub's limit of a comment.
const MAX_BODY: usize = 65_536;
/// Either is enough for a pull request.
const READ: &[&str] = &["pull-requests: read", "issues: read"];
const WRITE: &[&str] = &["pull-requests: write", "issues: write"];

pub fn list(state: &State, request: &Request<'_>, issue: u64) -> Result<Answer, Answer> {
    request.needs(READ)?;
    let comments = state.comments.get(&issue).ok_or_else(|| answers::error(404, "Not Found"))?;
    let items = comments.iter().map(|comment| render(request, comment)).collect();
    Ok(answers::page(&request.url, &request.query, items))
}

/// Lists the files of a pull request, as "List pull requests files" does.
pub fn files(state: &State, request: &Request<'_>, pull: u64) -> Result<Answer, Answer> {
    request.needs(&["pull-requests: read"])?;
    if !state.comments.contains_key(&pull) {
        return Err(answers::error(404, "Not Found"));
    }
    let files = state.files.get(&pull).into_iter().flatten();
    let items = files.map(|(name, status)| json!({"filename": name, "status": status})).collect();
    Ok(answers::page(&request.url, &request.query, items))
}

/// Compares two commits of a linear history, as "Compare two commits" does: the one that files were added for is the base.
pub fn compare(state: &State, request: &Request<'_>, commits: &str) -> Result<Answer, Answer> {
    request.needs(&["contents: read"])?;
    let base = commits.split("...").next().unwrap_or_default();
    let files = state.compared.get(base).ok_or_else(|| answers::error(404, "Not Found"))?;
    let listed: Vec<_> =
        files.iter().take(300).map(|(name, status)| json!({"filename": name, "status": status})).collect();
    Ok(answers::json(200, &json!({"status": "ahead", "files": listed})))
}

pub fn create(state: &mut State, request: &Request<'_>, issue: u64) -> Result<Answer, Answer> {
    request.needs(WRITE)?;
    let body = body(request)?;
    let id = state.new_id();
    let comments = state.comments.get_mut(&issue).ok_or_else(|| answers::error(404, "Not Found"))?;
    let (login, is_bot) = request.actor.clone();
    let comment = Comment { id, login, is_bot, body, edits: 0 };
    comments.push(comment.clone());
    Ok(answers::json(201, &render(request, &comment)))
}

pub fn update(state: &mut State, request: &Request<'_>, id: u64) -> Result<Answer, Answer> {
    request.needs(WRITE)?;
    let body = body(request)?;
    let comment = state.comments.values_mut().flatten().find(|comment| comment.id == id);
    let comment = comment.ok_or_else(|| answers::error(404, "Not Found"))?;
    comment.body = body;
    comment.edits += 1;
    Ok(answers::json(200, &render(request, comment)))
}

pub fn delete(state: &mut State, request: &Request<'_>, id: u64) -> Result<Answer, Answer> {
    request.needs(WRITE)?;
    let before: usize = state.comments.values().map(Vec::len).sum();
    for comments in state.comments.values_mut() {
        comments.retain(|comment| comment.id != id);
    }
    let after: usize = state.comments.values().map(Vec::len).sum();
    if after < before { Ok(answers::no_content()) } else { Err(answers::error(404, "Not Found")) }
}

fn body(request: &Request<'_>) -> Result<String, Answer> {
    let body = request.body["body"].as_str().unwrap_or_default();
    if body.trim().is_empty() {
        return Err(answers::invalid("IssueComment", "body", "body can't be blank"));
    }
    if body.chars().count() > MAX_BODY {
        let message = format!("body is too long (maximum is {MAX_BODY} characters)");
        return Err(answers::invalid("IssueComment", "body", &message));
    }
    Ok(body.to_owned())
}

fn render(request: &Request<'_>, comment: &Comment) -> Value {
    let url = format!("http://{}/api/v3/comments/{}", request.host, comment.id);
    json!({
        "id": comment.id, "node_id": "IC_kwDOA", "url": url, "html_url": url, "issue_url": url,
        "body": comment.body, "author_association": "NONE",
        "user": answers::account(request.host, &comment.login, comment.is_bot),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "performed_via_github_app": null,
    })
}
