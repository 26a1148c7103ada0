//! What earlier processes have done, as far as a plan is made from it.

use crate::ports::Task;
use crate::state::History;
use crate::state::github_history::GitHubHistory;

/// What a plan is made from, besides what runs now.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Whether this run resumes. Without it, only durations are taken from the history.
    pub resumes: bool,
    pub history: History,
    /// What ECS knows of the tasks whose end nobody has judged.
    pub tasks: Vec<Task>,
    /// What GitHub's Deployments say, where there is no state file.
    pub github: GitHubHistory,
}
