//! What every operation is told: how AWS is reached, and where its output goes.

use std::path::PathBuf;
use std::time::Duration;

use super::RunIdentity;
use crate::choices::Format;
use crate::cli;

#[derive(Debug, Clone)]
pub struct Common {
    /// Nothing is changed.
    pub plan_only: bool,
    pub region: Option<String>,
    /// The role to assume with GitHub's OIDC token.
    pub role_to_assume: Option<String>,
    pub call_timeout: Duration,
    pub format: Format,
    pub summary_file: Option<PathBuf>,
    pub run: RunIdentity,
}

impl Common {
    pub fn new(
        plan_only: bool,
        aws: cli::AwsFlags,
        credentials: cli::CredentialsFlags,
        output: &cli::OutputFlags,
        run: RunIdentity,
    ) -> Self {
        Self {
            plan_only,
            region: aws.region,
            role_to_assume: credentials.role_to_assume.map(|role| role.to_string()),
            call_timeout: aws.call_timeout.0,
            format: output.format,
            summary_file: output.summary_file.clone(),
            run,
        }
    }
}
