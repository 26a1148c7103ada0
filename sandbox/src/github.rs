//! GitHub's API on loopback, as far as deployments and the comments of pull requests go: REST, and the one GraphQL
//! query that reads deployments.
//!
//! It pages as GitHub does (`per_page` up to 100, `Link` headers), asks each token for its permissions, limits the
//! creation of content, and has faults. It answers below `/api/v3`, as an enterprise server, and below `/`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

mod answers;
mod deployments;
mod graphql;
mod issues;
mod routes;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitHubFault {
    /// HTTP 502 with a page of HTML.
    BadGateway,
    /// HTTP 429 with Retry-After in seconds.
    TooManyRequests { retry_after: u64 },
    /// HTTP 403 of the primary limit: nothing remains until it is reset.
    LimitReached { reset_in: u64 },
    /// No answer, ever. Nothing was changed.
    Hang,
    /// The request has its effect, and the connection ends without an answer.
    DropAfter,
}

/// A server with one repository. It ends when it is dropped.
pub struct GitHub {
    shared: Arc<Shared>,
    host: String,
    server: JoinHandle<()>,
}

/// Requests that create content: GitHub's own limits, "Rate limits for the REST API".
const CONTENT_PER_MINUTE: usize = 80;

struct Shared {
    repository: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tokens: BTreeMap<String, Token>,
    /// Issue number → its comments; a number that is not a key is not an issue.
    comments: BTreeMap<u64, Vec<Comment>>,
    /// Pull request → its files: path and status (`added`, `modified`, `removed`).
    files: BTreeMap<u64, Vec<(String, String)>>,
    /// Commit → the files that have changed since.
    compared: BTreeMap<String, Vec<(String, String)>>,
    deployments: Vec<Deployment>,
    /// Commits that a deployment may name; any 40 hexadecimal digits when there are none.
    commits: Vec<String>,
    faults: Vec<(String, String, GitHubFault, u32)>,
    requests: Vec<(String, String)>,
    created: VecDeque<Instant>,
    last_id: u64,
}

struct Token {
    login: String,
    is_bot: bool,
    permissions: Vec<String>,
}

#[derive(Clone)]
struct Comment {
    id: u64,
    login: String,
    is_bot: bool,
    body: String,
    edits: u32,
}

struct Deployment {
    id: u64,
    /// What it was created with.
    input: Value,
    creator: (String, bool),
    created_at: Timestamp,
    /// Oldest first.
    statuses: Vec<(u64, Value)>,
}

impl GitHub {
    /// Starts a server with this repository, `OWNER/NAME`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(repository: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listen on 127.0.0.1")?;
        let host = listener.local_addr().context("read address of listener")?.to_string();
        let shared = Arc::new(Shared { repository: repository.to_owned(), state: Mutex::default() });
        let router = Router::new().fallback(routes::answer).with_state((shared.clone(), host.clone()));
        let server = tokio::spawn(async move {
            // Ends with the server; a failed accept is retried inside.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { shared, host, server })
    }

    /// Returns `http://127.0.0.1:PORT/api/v3`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v3", self.host)
    }

    /// Adds a token of GitHub Actions: its author is `github-actions[bot]`, and it has these permissions
    /// ("deployments: write").
    pub fn add_actions_token(&self, token: &str, permissions: &[&str]) {
        self.add_token(token, "github-actions[bot]", true, permissions);
    }

    /// Adds a person's token.
    pub fn add_user_token(&self, token: &str, login: &str, permissions: &[&str]) {
        self.add_token(token, login, false, permissions);
    }

    fn add_token(&self, token: &str, login: &str, is_bot: bool, permissions: &[&str]) {
        let permissions = permissions.iter().map(|&permission| permission.to_owned()).collect();
        let entry = Token { login: login.to_owned(), is_bot, permissions };
        self.shared.state().tokens.insert(token.to_owned(), entry);
    }

    /// Limits the commits that a deployment may name to these, from now on.
    pub fn know_only_commits(&self, commits: &[&str]) {
        self.shared.state().commits = commits.iter().map(|&commit| commit.to_owned()).collect();
    }

    /// Adds an issue or a pull request.
    pub fn add_issue(&self, number: u64) {
        self.shared.state().comments.entry(number).or_default();
    }

    /// Adds a file that a pull request changes, with what happens to it: `added`, `modified` or `removed`.
    pub fn add_changed_file(&self, pull_request: u64, path: &str, status: &str) {
        let file = (path.to_owned(), status.to_owned());
        self.shared.state().files.entry(pull_request).or_default().push(file);
    }

    /// Adds a file that has changed since a commit, with what happened to it: `added`, `modified` or `removed`.
    pub fn add_file_since(&self, commit: &str, path: &str, status: &str) {
        let file = (path.to_owned(), status.to_owned());
        self.shared.state().compared.entry(commit.to_owned()).or_default().push(file);
    }

    /// Adds a comment, and returns its id.
    pub fn add_comment(&self, issue: u64, login: &str, is_bot: bool, body: &str) -> u64 {
        let mut state = self.shared.state();
        let id = state.new_id();
        let comment = Comment { id, login: login.to_owned(), is_bot, body: body.to_owned(), edits: 0 };
        state.comments.entry(issue).or_default().push(comment);
        id
    }

    /// Adds a deployment that another user has made, without a status.
    pub fn add_deployment(&self, environment: &str, task: &str) {
        let mut state = self.shared.state();
        let id = state.new_id();
        let input = json!({"environment": environment, "task": task, "payload": {}});
        let creator = ("github-actions[bot]".to_owned(), true);
        state.deployments.push(Deployment {
            id,
            input,
            creator,
            created_at: Timestamp::now(),
            statuses: Vec::new(),
        });
    }

    /// Lists the comments of an issue as (id, login, body, times edited), oldest first.
    pub fn comments(&self, issue: u64) -> Vec<(u64, String, String, u32)> {
        let state = self.shared.state();
        let comments = state.comments.get(&issue).into_iter().flatten();
        comments
            .map(|comment| (comment.id, comment.login.clone(), comment.body.clone(), comment.edits))
            .collect()
    }

    /// Lists every deployment, oldest first, as it was asked for: (input, inputs of its statuses).
    pub fn deployments(&self) -> Vec<(Value, Vec<Value>)> {
        let state = self.shared.state();
        let whole = |deployment: &Deployment| {
            let statuses = deployment.statuses.iter().map(|(_, status)| status.clone());
            (deployment.input.clone(), statuses.collect())
        };
        state.deployments.iter().map(whole).collect()
    }

    /// Makes the next `times` requests with this method, whose path contains `path`, meet this fault.
    pub fn fault(&self, method: &str, path: &str, fault: GitHubFault, times: u32) {
        self.shared.state().faults.push((method.to_owned(), path.to_owned(), fault, times));
    }

    /// Lists every request so far: method, and path with query.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.shared.state().requests.clone()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn strike(&mut self, method: &str, path: &str) -> Option<GitHubFault> {
        let (.., fault, times) = self
            .faults
            .iter_mut()
            .find(|(of, part, _, times)| *times > 0 && of == method && path.contains(part.as_str()))?;
        *times -= 1;
        Some(*fault)
    }

    /// Counts a request that creates content; false when it is one too many.
    fn may_create(&mut self) -> bool {
        let now = Instant::now();
        self.created.retain(|at| now - *at < Duration::from_secs(60));
        self.created.push_back(now);
        self.created.len() <= CONTENT_PER_MINUTE
    }
}
