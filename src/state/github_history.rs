//! What GitHub's Deployments say of earlier runs: instead of a state file, `--resume` goes on from them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal_record::Target;
use crate::choices::Proof;
use crate::database_name::DatabaseName;
use crate::verdict::{GitHubProof, Judged, MIGRATED, NOT_PROVED};

/// A deployment's payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The same for the same database of the same run, and for no other.
    pub key: String,
    pub database: String,
    /// What is migrated where. Absent in deployments of versions that did not write it: they prove nothing.
    #[serde(flatten)]
    pub target: Option<Target>,
    pub image: Option<String>,
    pub image_digest: Option<String>,
    pub task_definition: Option<String>,
    /// A digest of what its task is told besides the database. Absent in deployments of versions that did not write
    /// it: they prove nothing.
    #[serde(default)]
    pub told: Option<String>,
    /// What its run takes for a proof: where only a migration report is one, a success is proved by one. Absent in
    /// deployments of versions that did not write it: they count as proved by an exit code.
    #[serde(default = "by_exit_code")]
    pub proof: Proof,
}

/// The newest deployment of each database; empty for a run that does not ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitHubHistory {
    pub newest: HashMap<DatabaseName, Newest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub at: Timestamp,
    pub succeeded: bool,
    /// Absent when this program did not write it.
    pub payload: Option<Payload>,
}

/// What GitHub's Deployments say of databases.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub history: GitHubHistory,
    /// Databases whose deployments could not be read.
    pub unread: Vec<DatabaseName>,
    /// Why they could not.
    pub trouble: Option<String>,
}

/// What must be true of a proof.
pub struct Terms<'a> {
    /// The digest of the image that will run; none when it is not known yet, and then nothing is proved.
    pub digest: Option<&'a str>,
    /// A digest of what its task was told besides the database: the command and further variables.
    pub told: &'a str,
    /// What a deployment must be about; none when AWS was not asked.
    pub target: Option<&'a Target>,
    pub proof: Proof,
}

fn by_exit_code() -> Proof {
    Proof::ExitCode
}

impl GitHubHistory {
    /// Returns what proves that the database needs no task; none when nothing does.
    pub fn proof(&self, database: &str, terms: &Terms<'_>) -> Option<Judged> {
        let Newest { at, succeeded, payload } = self.newest.get(database)?;
        let payload = payload.as_ref().filter(|_| *succeeded)?;
        let is_about_it = payload.database == database
            && terms.target.is_some()
            && payload.target.as_ref() == terms.target
            && terms.digest.is_some()
            && payload.image_digest.as_deref() == terms.digest
            && payload.told.as_deref() == Some(terms.told);
        let (github, verdict) = match payload.proof {
            Proof::Report => (GitHubProof::Reported, MIGRATED),
            Proof::ExitCode => (GitHubProof::Success, NOT_PROVED),
        };
        let judged = Judged {
            at: *at,
            database: database.to_owned(),
            verdict: verdict.into(),
            task: None,
            revision: payload.task_definition.clone(),
            image_digest: payload.image_digest.clone(),
            told: payload.told.clone(),
            report: None,
            ms: None,
            github: Some(github),
        };
        (is_about_it && judged.proves(terms.proof)).then_some(judged)
    }
}
