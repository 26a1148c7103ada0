//! Every call to GitHub's REST API, and the one to its GraphQL API, with the permission that it needs of the token.
//!
//! Each is opt-in (`--deployments`, `--service-environment`, `--comment`, `--migrations`), and none can change a verdict: a call that
//! fails becomes a note.

use std::time::Duration;

use crate::failure::Failure;

/// One call to GitHub's API, as GitHub documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitHubCall {
    pub method: &'static str,
    /// Below `GITHUB_API_URL`; GraphQL has an address of its own.
    pub route: &'static str,
    /// As a workflow's `permissions` write it; none when any token will do.
    pub permission: Option<&'static str>,
}

macro_rules! github_calls {
    ($($(#[$doc:meta])* $name:ident = $method:literal, $route:literal, $permission:expr;)*) => {
        impl GitHubCall {
            $($(#[$doc])* pub const $name: GitHubCall =
                GitHubCall { method: $method, route: $route, permission: $permission };)*
        }
    };
}

github_calls! {
    CREATE_DEPLOYMENT = "POST", "/repos/{owner}/{repo}/deployments", Some("deployments: write");
    /// Only when a creation was left without an answer: it may have worked.
    LIST_DEPLOYMENTS = "GET", "/repos/{owner}/{repo}/deployments", Some("deployments: write");
    /// GraphQL, for `--resume` without a state file: the newest deployments of 100 databases in one request.
    QUERY_DEPLOYMENTS = "POST", "/graphql", Some("deployments: read");
    CREATE_DEPLOYMENT_STATUS =
        "POST", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", Some("deployments: write");
    /// Whose comments are this token's? GitHub refuses to tell GitHub Apps, and so GITHUB_TOKEN: a bot writes theirs.
    GET_USER = "GET", "/user", None;
    LIST_COMMENTS =
        "GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", Some("pull-requests: write");
    LIST_PULL_REQUEST_FILES =
        "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", Some("pull-requests: read");
    COMPARE_COMMITS = "GET", "/repos/{owner}/{repo}/compare/{basehead}", Some("contents: read");
    CREATE_COMMENT =
        "POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", Some("pull-requests: write");
    UPDATE_COMMENT =
        "PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", Some("pull-requests: write");
    /// Only for a comment of this program that another run has made a duplicate.
    DELETE_COMMENT =
        "DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", Some("pull-requests: write");
}

/// GitHub's Deployments: which commit is each database, or service, at?
pub trait GitHubDeployments {
    /// Creates a deployment and returns its id.
    async fn create_deployment(&self, deployment: &NewDeployment) -> Result<u64, GitHubFailure>;

    async fn set_deployment_state(
        &self,
        id: u64,
        state: DeploymentState,
        description: &str,
    ) -> Result<(), GitHubFailure>;
}

/// What earlier runs have recorded as deployments.
pub trait PastGitHubDeployments {
    /// Lists this program's deployments in these environments (at most [`ENVIRONMENTS`]), newest first: a page of up
    /// to 100, from which those of other programs are left out. `after` is the `next` of the page before.
    async fn past_deployments(
        &self,
        environments: &[String],
        after: Option<&str>,
    ) -> Result<DeploymentPage, GitHubFailure>;
}

/// Environments that one query asks for.
pub const ENVIRONMENTS: usize = 100;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeploymentPage {
    pub deployments: Vec<PastDeployment>,
    /// What names the page after it; none when it is the last.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PastDeployment {
    pub environment: String,
    /// When it was made: its task has started by then.
    pub at: jiff::Timestamp,
    /// Its latest status is *success*.
    pub succeeded: bool,
    /// As [`NewDeployment`] had it; null when it is not JSON.
    pub payload: serde_json::Value,
}

/// The comments of one pull request.
pub trait Comments {
    /// Returns who the token stands for, which tells its comments from those of others.
    async fn identity(&self) -> Result<Identity, GitHubFailure>;

    /// Lists all comments, oldest first.
    async fn comments(&self, pull_request: u64) -> Result<Vec<Comment>, GitHubFailure>;

    async fn create_comment(&self, pull_request: u64, body: &str) -> Result<u64, GitHubFailure>;

    async fn update_comment(&self, id: u64, body: &str) -> Result<(), GitHubFailure>;

    /// Deletes a comment. One that is already gone is not an error.
    async fn delete_comment(&self, id: u64) -> Result<(), GitHubFailure>;
}

/// The files that differ between two points of the history.
pub trait ChangedFiles {
    /// Lists the paths of the files that it adds or changes, without those that it removes; `None` when there may be
    /// more than GitHub lists.
    async fn changed_files(&self, pull_request: u64) -> Result<Option<Vec<String>>, GitHubFailure>;

    /// Lists the paths of the files that the commit `head` adds to an ancestor or has changed since; `None` when `base` is
    /// no ancestor of it, or when there may be more than GitHub lists.
    async fn files_since(&self, base: &str, head: &str) -> Result<Option<Vec<String>>, GitHubFailure>;
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewDeployment {
    pub task: DeploymentTask,
    /// ≤ 255 characters; GitHub makes an environment that it does not know.
    pub environment: String,
    /// A commit, 40 hexadecimal digits.
    pub commit: String,
    /// ≤ 140 characters.
    pub description: String,
    /// An object; its `key` is the same for the same database, or services, of the same run, and for no
    /// other.
    pub payload: serde_json::Value,
}

/// `task` of this program's deployments: what tells them from those of a workflow's own `environment`, whose is
/// *deploy*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentTask {
    Migrate,
    DeployServices,
    RollBackServices,
}

impl DeploymentTask {
    pub fn name(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::DeployServices => "deploy:services",
            Self::RollBackServices => "rollback:services",
        }
    }
}

/// What a deployment's status can say (`state` of "Create a deployment status").
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    InProgress,
    /// GitHub itself then makes the environment's earlier successes inactive.
    Success,
    Failure,
    Error,
}

impl DeploymentState {
    pub fn is_final(self) -> bool {
        self != Self::InProgress
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub body: String,
    /// Absent when the account is gone.
    pub author: Option<Author>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub login: String,
    /// GitHub Apps and Actions write as bots.
    pub is_bot: bool,
}

/// Who a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    User(String),
    /// A GitHub App, such as GitHub Actions with its GITHUB_TOKEN: it may not ask for its own name.
    App,
}

impl Identity {
    pub fn wrote(&self, comment: &Comment) -> bool {
        comment.author.as_ref().is_some_and(|author| match self {
            Self::User(login) => author.login.eq_ignore_ascii_case(login),
            Self::App => author.is_bot,
        })
    }
}

/// Why a call to GitHub did not do what was asked, retries included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubFailure {
    pub kind: GitHubFailureKind,
    pub failure: Failure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitHubFailureKind {
    /// The token is wrong or lacks a permission: the next call fails as well.
    Denied,
    /// GitHub refuses this one request.
    Refused,
    /// Rate limits, 5xx, no answer: later it may work. GitHub may have said how much later.
    Passing { wait: Option<Duration> },
}

/// The pull request that a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The commit at its head, which is not the merge commit of GITHUB_SHA.
    pub head: Option<String>,
    /// GitHub gives a run for another repository's branch a token that can only read.
    pub is_from_fork: bool,
}
