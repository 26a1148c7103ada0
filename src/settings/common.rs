//! What every operation is told: how AWS is reached, and where its output goes.

use std::path::PathBuf;
use std::time::Duration;

use super::RunIdentity;
use crate::choices::Format;

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
