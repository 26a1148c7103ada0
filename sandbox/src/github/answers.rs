//! GitHub's answers: JSON with its headers, errors with its words.

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use serde_json::{Value, json};

pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let mut answer = Response::builder().status(self.status);
        for (name, value) in self.headers {
            answer = answer.header(name, value);
        }
        answer.body(Body::from(self.body)).unwrap_or_default()
    }
}

/// The primary limit of GITHUB_TOKEN: requests an hour for a repository.
const LIMIT: u64 = 1000;

pub fn json(status: u16, body: &Value) -> Answer {
    with(status, &[], body)
}

pub fn error(status: u16, message: &str) -> Answer {
    with(
        status,
        &[],
        &json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        }),
    )
}

/// Answers 422: GitHub lists what is wrong.
pub fn invalid(resource: &str, field: &str, message: &str) -> Answer {
    with(
        422,
        &[],
        &json!({
            "message": "Validation Failed",
            "errors": [{"resource": resource, "field": field, "code": "custom", "message": message}],
            "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        }),
    )
}

/// Answers 403, as GitHub does to an app's token that lacks a permission.
pub fn not_accessible(permission: &str) -> Answer {
    let accepted = permission.replace(": ", "=").replace('-', "_");
    with(
        403,
        &[("x-accepted-github-permissions", accepted)],
        &json!({
            "message": "Resource not accessible by integration",
            "documentation_url": "https://docs.github.com/rest",
            "status": "403",
        }),
    )
}

pub fn secondary_limit() -> Answer {
    with(
        403,
        &[("retry-after", "60".to_owned())],
        &json!({
            "message": "You have exceeded a secondary rate limit and have been temporarily blocked from content \
                        creation. Please retry your request again later.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
        }),
    )
}

pub fn too_many_requests(retry_after: u64) -> Answer {
    with(
        429,
        &[("retry-after", retry_after.to_string())],
        &json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        }),
    )
}

pub fn limit_reached(reset: i64) -> Answer {
    let mut answer = error(403, "API rate limit exceeded for installation.");
    answer.headers.retain(|(name, _)| *name != "x-ratelimit-remaining");
    answer.headers.push(("x-ratelimit-remaining", "0".to_owned()));
    answer.headers.push(("x-ratelimit-reset", reset.to_string()));
    answer
}

pub fn bad_gateway() -> Answer {
    let body = "<html><title>502</title>Unicorn!</html>".to_owned();
    Answer { status: 502, headers: vec![("content-type", "text/html".to_owned())], body }
}

pub fn no_content() -> Answer {
    Answer { status: 204, headers: Vec::new(), body: String::new() }
}

/// Answers one page of a list, with the links to the others.
pub fn page(base: &str, query: &[(String, String)], items: Vec<Value>) -> Answer {
    let number = |name: &str, default: usize| {
        query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let per_page = number("per_page", 30).clamp(1, 100);
    let page = number("page", 1).max(1);
    let last = items.len().div_ceil(per_page).max(1);
    let link = |page: usize, rel: &str| format!("<{base}?per_page={per_page}&page={page}>; rel=\"{rel}\"");
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    let items: Vec<Value> = items.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let headers: &[(&'static str, String)] =
        if links.is_empty() { &[] } else { &[("link", links.join(", "))] };
    with(200, headers, &Value::Array(items))
}

/// Renders an account as every answer carries it.
pub fn account(host: &str, login: &str, is_bot: bool) -> Value {
    let url = format!("http://{host}/api/v3/users/{login}").replace(['[', ']'], "_");
    json!({
        "login": login, "id": 41_898_282, "node_id": "MDM6Qm90NDE4OTgyODI=", "gravatar_id": "",
        "avatar_url": format!("http://{host}/avatar"), "url": url, "html_url": url, "followers_url": url,
        "following_url": url, "gists_url": url, "starred_url": url, "subscriptions_url": url,
        "organizations_url": url, "repos_url": url, "events_url": url, "received_events_url": url,
        "type": if is_bot { "Bot" } else { "User" }, "site_admin": false,
    })
}

fn with(status: u16, headers: &[(&'static str, String)], body: &Value) -> Answer {
    let mut all = vec![
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
        ("x-ratelimit-limit", LIMIT.to_string()),
        ("x-ratelimit-remaining", (LIMIT - 1).to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ];
    all.extend(headers.iter().cloned());
    Answer { status, headers: all, body: body.to_string() }
}
