//! From a request to its answer.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde_json::Value;

use super::answers::{self, Answer};
use super::{GitHubFault, Shared, State, deployments, graphql, issues};

/// A request that is let in.
pub struct Request<'a> {
    pub host: &'a str,
    /// The list's own address, for its links.
    pub url: String,
    pub query: Vec<(String, String)>,
    pub body: Value,
    /// The account behind the token, and whether it is a bot.
    pub actor: (String, bool),
    permissions: Vec<String>,
}

impl Request<'_> {
    /// Refuses a token that has none of these permissions. A permission to write includes the one to read.
    pub fn needs(&self, permissions: &[&str]) -> Result<(), Answer> {
        let has = |wanted: &&&str| {
            let write = wanted.replace(": read", ": write");
            self.permissions.iter().any(|own| own == **wanted || *own == write)
        };
        match permissions.iter().find(has) {
            Some(_) => Ok(()),
            None => Err(answers::not_accessible(permissions.first().copied().unwrap_or_default())),
        }
    }
}

pub async fn answer(
    Extract((shared, host)): Extract<(Arc<Shared>, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path().strip_prefix("/api/v3").unwrap_or(uri.path()).to_owned();
    let fault = {
        let mut state = shared.state();
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        state.requests.push((method.to_string(), format!("{path}{query}")));
        state.strike(method.as_str(), &path)
    };
    match fault {
        Some(GitHubFault::BadGateway) => return answers::bad_gateway().into_response(),
        Some(GitHubFault::TooManyRequests { retry_after }) => {
            return answers::too_many_requests(retry_after).into_response();
        }
        Some(GitHubFault::LimitReached { reset_in }) => {
            let now = Timestamp::now().as_second();
            return answers::limit_reached(now.saturating_add_unsigned(reset_in)).into_response();
        }
        Some(GitHubFault::Hang) => return std::future::pending().await,
        Some(GitHubFault::DropAfter) | None => {}
    }
    let answer =
        admitted(&shared, &host, &method, &uri, &path, &headers, &body).unwrap_or_else(|refusal| refusal);
    if fault == Some(GitHubFault::DropAfter) {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let stream = futures::stream::once(async move { Err::<Bytes, _>(broken) });
        return Response::new(Body::from_stream(stream));
    }
    answer.into_response()
}

fn admitted(
    shared: &Shared,
    host: &str,
    method: &Method,
    uri: &Uri,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Answer> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("user-agent").is_empty() {
        return Err(answers::error(403, "Request forbidden by administrative rules."));
    }
    let authorization = header("authorization");
    let token = authorization.strip_prefix("Bearer ").or_else(|| authorization.strip_prefix("token "));
    let mut state = shared.state();
    let known = token.and_then(|token| state.tokens.get(token));
    let known = known.ok_or_else(|| answers::error(401, "Bad credentials"))?;
    let request = Request {
        host,
        url: format!("http://{host}{}", uri.path()),
        query: pairs(uri.query().unwrap_or_default()),
        body: serde_json::from_slice(body).unwrap_or_default(),
        actor: (known.login.clone(), known.is_bot),
        permissions: known.permissions.clone(),
    };
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["user"]) if request.actor.1 => Err(answers::not_accessible("")),
        ("GET", ["user"]) => Ok(answers::json(200, &answers::account(host, &request.actor.0, false))),
        ("POST", ["graphql"] | ["api", "graphql"]) => {
            Ok(graphql::answer(&state, &shared.repository, &request))
        }
        (_, ["repos", owner, name, rest @ ..]) if shared.repository == format!("{owner}/{name}") => {
            of_repository(&mut state, method, rest, &request)
        }
        _ => Err(answers::error(404, "Not Found")),
    }
}

fn of_repository(
    state: &mut State,
    method: &Method,
    rest: &[&str],
    request: &Request<'_>,
) -> Result<Answer, Answer> {
    let number = |text: &str| text.parse().map_err(|_| answers::error(404, "Not Found"));
    if *method == Method::POST && !state.may_create() {
        return Err(answers::secondary_limit());
    }
    match (method.as_str(), rest) {
        ("GET", ["deployments"]) => deployments::list(state, request),
        ("POST", ["deployments"]) => deployments::create(state, request),
        ("POST", ["deployments", id, "statuses"]) => deployments::set_status(state, request, number(id)?),
        ("GET", ["issues", issue, "comments"]) => issues::list(state, request, number(issue)?),
        ("GET", ["pulls", pull, "files"]) => issues::files(state, request, number(pull)?),
        ("GET", ["compare", commits]) => issues::compare(state, request, commits),
        ("POST", ["issues", issue, "comments"]) => issues::create(state, request, number(issue)?),
        ("PATCH", ["issues", "comments", id]) => issues::update(state, request, number(id)?),
        ("DELETE", ["issues", "comments", id]) => issues::delete(state, request, number(id)?),
        _ => Err(answers::error(404, "Not Found")),
    }
}

/// Parses the pairs of a query, percent-decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let hex = |rest: &mut std::str::Bytes<'_>| {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
            };
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => hex(&mut rest).unwrap_or(b'%'),
                byte => byte,
            });
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}
