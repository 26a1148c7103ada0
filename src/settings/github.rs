//! What GitHub is told.

use crate::cli;

#[derive(Debug, Clone)]
pub struct GitHubSettings {
    /// A GitHub Deployment per database.
    pub deployments: bool,
    pub environment_prefix: String,
    /// The plan as a comment on the pull request.
    pub comment: bool,
}

impl From<cli::GitHubFlags> for GitHubSettings {
    fn from(flags: cli::GitHubFlags) -> Self {
        Self {
            deployments: flags.deployments,
            environment_prefix: flags.environment_prefix.unwrap_or_default(),
            comment: flags.comment,
        }
    }
}
