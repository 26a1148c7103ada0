//! Who a run is, to ECS.

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// Names this run to ECS: what it starts is known as its own, to a retry and to other runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// RunTask's startedBy: ≤ 128 characters `[A-Za-z0-9-/_]`.
    pub started_by: String,
    /// Whether an earlier step or process may have run under the same name.
    pub may_have_a_past: bool,
}

impl RunIdentity {
    /// The job of a workflow run: the same for a step that is tried again within the attempt. The jobs of a matrix have
    /// one id and run at the same time, so the runner tells them apart.
    pub fn of_github(run_id: &str, attempt: &str, job: &str, runner: Option<&str>) -> Self {
        let job: String =
            job.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        let runner = runner.map_or_else(String::new, |name| format!("-{}", hex(&Sha256::digest(name)[..4])));
        let started_by = format!("fargate-migrate/gha-{run_id}-{attempt}-{job}{runner}");
        Self { started_by, may_have_a_past: true }
    }

    /// A run from somebody's terminal: `unique` tells it from every other one.
    pub fn local(unique: &str) -> Self {
        Self { started_by: format!("fargate-migrate/local-{unique}"), may_have_a_past: false }
    }
}
