//! What was done to a service.

use jiff::Timestamp;

use crate::diagnosis::Diagnosis;
use crate::document::LogTail;
use crate::ports::ServiceEvent;
use crate::verdict::service::{Evidence, ServiceVerdict};

/// A report that has rows of services.
pub trait OfServices {
    /// Returns the rows in the order in which the services were asked for.
    fn services(&mut self) -> &mut Vec<ServiceReport>;
}

/// One service's row. `verdict` is absent while it is under way.
#[derive(Debug, Clone, Default)]
pub struct ServiceReport {
    pub service: String,
    pub verdict: Option<ServiceVerdict>,
    /// What it ran before, and what it was to run.
    pub from: Option<ServiceContent>,
    pub to: Option<ServiceContent>,
    /// The revision was registered by this run.
    pub registered: bool,
    /// Unified diff of the service's task definition; empty when nothing changes.
    pub diff: String,
    /// The service deployment of this run, as an ARN.
    pub deployment: Option<String>,
    /// What is followed: the service deployment, or DescribeServices alone.
    pub evidence: Option<Evidence>,
    /// What happened when, the oldest first.
    pub timeline: Vec<Moment>,
    /// Where it is now.
    pub stage: Option<Stage>,
    /// The service's events since the deployment began, the newest first.
    pub events: Vec<ServiceEvent>,
    pub cause: Option<Cause>,
    /// What `--health-url` answered last, in a sentence.
    pub health: Option<String>,
    /// When ECS says that the deployment ended, and when this run saw it.
    pub finished_at: Option<Timestamp>,
    pub seen_at: Option<Timestamp>,
    /// A link into the AWS console.
    pub url: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// What a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceContent {
    /// The revision's ARN.
    pub task_definition: String,
    /// Of the container that is deployed: `repository@sha256:…`, or as the task definition names it.
    pub image: Option<String>,
    pub digest: Option<String>,
    /// The commit or tag of the image, where it is known.
    pub tag: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// ECS's time where ECS says one.
    pub at: Timestamp,
    pub what: String,
}

/// How far a deployment is, by ECS's counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stage {
    /// The status of the service deployment, or the rolloutState, in ECS's words.
    pub status: String,
    /// `lifecycleStage`.
    pub stage: Option<String>,
    /// Tasks of the new revision.
    pub running: i32,
    pub pending: i32,
    pub wanted: i32,
    pub failed: i32,
    /// Percent of production traffic on the new revision.
    pub traffic: Option<f64>,
    /// What it waits for.
    pub waits_for: Option<String>,
}

/// Why a rollout failed, as far as ECS tells.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    /// The events that say so, the newest first.
    pub events: Vec<String>,
    /// A task of the deployment that has stopped.
    pub task_arn: Option<String>,
    pub container: Option<String>,
    pub exit_code: Option<i32>,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub diagnosis: Option<Diagnosis>,
    /// The end of what its container printed.
    pub log: LogTail,
    pub log_url: Option<String>,
}
