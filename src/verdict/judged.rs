//! A verdict as it is recorded, for later runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::choices::Proof;
use crate::migration_report::MigrationReport;

/// The word of the only verdict that is a proof.
pub const MIGRATED: &str = "migrated";
/// The word of a verdict that an exit code alone decided, with `--proof exit-code`.
pub const NOT_PROVED: &str = "migrated, not proved";

/// What was concluded about a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub at: Timestamp,
    pub database: String,
    /// The verdict's word, such as `migrated`.
    pub verdict: String,
    /// The task; absent when none could be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// A digest of what its task was told besides the database: the command and further variables. Absent in the
    /// records of versions that did not write it: what they prove is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// What proved it; absent for every other verdict, and when the exit code alone says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<MigrationReport>,
    /// How long the migration took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Known from a GitHub Deployment alone, and in no file.
    #[serde(skip)]
    pub github: Option<GitHubProof>,
}

/// What a database's GitHub Deployment says of the proof, which it does not hold itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitHubProof {
    /// It was a migration report.
    Reported,
    /// Nothing: a report, or the exit code alone.
    Success,
}

impl Judged {
    /// Tells whether it is migrated, proved or not.
    pub fn is_migrated(&self) -> bool {
        matches!(self.verdict.as_str(), MIGRATED | NOT_PROVED)
    }

    /// Tells whether it is migrated, by as much as `proof` asks for.
    pub fn proves(&self, proof: Proof) -> bool {
        let reported = self.report.is_some() || self.github == Some(GitHubProof::Reported);
        match proof {
            Proof::Report => self.verdict == MIGRATED && reported,
            Proof::ExitCode => self.is_migrated(),
        }
    }
}
