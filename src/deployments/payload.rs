//! What a deployment says about the task that it is about: a later run reads it.

use serde::{Deserialize, Serialize};

use crate::state::record::Target;

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
    /// Its run takes nothing but a migration report for a proof, so a success is proved by one.
    #[serde(default)]
    pub require_report: bool,
}
