//! Services of ECS, their deployments and their revisions, reduced to what a run needs of them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::arn;

/// A service as DescribeServices shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Service {
    pub name: String,
    pub arn: String,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: String,
    pub controller: Controller,
    /// An Express Mode service: `resourceManagementType` is ECS.
    pub is_express: bool,
    /// The revision that it is to run, as an ARN.
    pub task_definition: Option<String>,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    pub rules: DeploymentRules,
    /// `deployments[]`: empty for a service of another controller than ECS.
    pub deployments: Vec<Deployment>,
    /// At most 100, the newest first.
    pub events: Vec<ServiceEvent>,
}

impl Service {
    /// Returns the PRIMARY deployment: the one that ECS works towards.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.status == "PRIMARY")
    }

    pub fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.id == id)
    }
}

/// `deploymentController.type`; a service without one has ECS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Controller {
    #[default]
    Ecs,
    CodeDeploy,
    External,
    Other(String),
}

/// `deploymentConfiguration`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeploymentRules {
    pub strategy: Strategy,
    /// Percent of the desired count; absent where ECS does not say.
    pub minimum_healthy: Option<i32>,
    pub maximum: Option<i32>,
    /// The deployment circuit breaker is on.
    pub breaker: bool,
    /// The circuit breaker rolls back.
    pub breaker_rolls_back: bool,
    /// The alarms that end a deployment; empty when they are off.
    pub alarms: Vec<String>,
    pub alarms_roll_back: bool,
    /// `bakeTimeInMinutes`.
    pub bake: Duration,
    /// A deployment counts as successful with fewer tasks than are wanted.
    pub early_success: bool,
    /// Lifecycle hooks may hold a deployment up.
    pub has_hooks: bool,
}

/// How traffic moves to the new tasks.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Strategy {
    #[default]
    Rolling,
    BlueGreen,
    Linear {
        step_percent: f64,
        step_bake: Duration,
    },
    Canary {
        percent: f64,
        bake: Duration,
    },
    Other(String),
}

/// An entry of `deployments[]`: the older view of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deployment {
    /// `ecs-svc/<digits>`.
    pub id: String,
    /// PRIMARY, ACTIVE or INACTIVE.
    pub status: String,
    pub task_definition: Option<String>,
    /// `rolloutState`: IN_PROGRESS, COMPLETED or FAILED; absent for a Classic Load Balancer and other controllers.
    pub rollout: Option<String>,
    pub reason: Option<String>,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    pub failed_tasks: i32,
    pub created_at: Option<Timestamp>,
}

impl Deployment {
    /// Returns the digits of its id, which are those of its service revision's ARN (terraform-provider-aws joins the
    /// two views by them). Not documented: what is joined by them is checked by the revision's task definition.
    pub fn number(&self) -> &str {
        arn::name(&self.id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceEvent {
    pub id: String,
    pub created_at: Option<Timestamp>,
    pub message: String,
}

/// A service deployment as ListServiceDeployments shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceDeploymentBrief {
    pub arn: String,
    pub status: DeploymentStatus,
    /// The ARN of the service revision that is deployed.
    pub target: Option<String>,
    pub created_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// A service deployment as DescribeServiceDeployments shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceDeployment {
    pub arn: String,
    pub status: DeploymentStatus,
    /// One sentence of ECS, rarely the cause.
    pub reason: Option<String>,
    /// What is deployed.
    pub target: Option<RevisionTasks>,
    /// What ran when it was created; may be empty.
    pub sources: Vec<RevisionTasks>,
    /// `lifecycleStage`, such as BAKE_TIME; a rolling deployment has none.
    pub stage: Option<String>,
    pub hooks: Vec<HookDetail>,
    pub rollback: Option<RollbackSeen>,
    pub breaker: Option<BreakerSeen>,
    /// `alarms.status` is TRIGGERED, by these.
    pub triggered_alarms: Option<Vec<String>>,
    pub rules: DeploymentRules,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

impl ServiceDeployment {
    /// Tells whether the circuit breaker or an alarm has ended it.
    pub fn is_triggered(&self) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.triggered) || self.triggered_alarms.is_some()
    }

    /// Returns the hook that waits to be continued.
    pub fn pause(&self) -> Option<&HookDetail> {
        self.hooks.iter().find(|hook| hook.status == "AWAITING_ACTION")
    }
}

/// The status of a service deployment (View service history, Amazon ECS). There is no FAILED.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeploymentStatus {
    #[default]
    Pending,
    InProgress,
    StopRequested,
    Stopped,
    Successful,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
    /// One that this program does not know: it counts as under way.
    Other(String),
}

impl DeploymentStatus {
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Stopped | Self::Successful | Self::RollbackSuccessful | Self::RollbackFailed)
    }

    /// Returns ECS's word for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
            Self::Successful => "SUCCESSFUL",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for DeploymentStatus {
    fn from(name: &str) -> Self {
        match name {
            "PENDING" => Self::Pending,
            "IN_PROGRESS" => Self::InProgress,
            "STOP_REQUESTED" => Self::StopRequested,
            "STOPPED" => Self::Stopped,
            "SUCCESSFUL" => Self::Successful,
            "ROLLBACK_REQUESTED" => Self::RollbackRequested,
            "ROLLBACK_IN_PROGRESS" => Self::RollbackInProgress,
            "ROLLBACK_SUCCESSFUL" => Self::RollbackSuccessful,
            "ROLLBACK_FAILED" => Self::RollbackFailed,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The tasks of a service revision in a deployment: live while it lasts, a snapshot after its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RevisionTasks {
    /// The service revision's ARN.
    pub arn: String,
    pub requested: i32,
    pub running: i32,
    pub pending: i32,
    /// Percent of production traffic; a rolling deployment has none.
    pub traffic: Option<f64>,
}

/// `lifecycleHookDetails[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookDetail {
    pub id: String,
    /// AWS_LAMBDA or PAUSE.
    pub kind: String,
    /// AWAITING_ACTION, IN_PROGRESS, SUCCEEDED, FAILED or TIMED_OUT.
    pub status: String,
    pub expires_at: Option<Timestamp>,
    /// What ECS does then: CONTINUE or ROLLBACK.
    pub timeout_action: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollbackSeen {
    pub reason: Option<String>,
    pub started_at: Option<Timestamp>,
    /// The service revision that it goes back to, as an ARN.
    pub to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BreakerSeen {
    pub triggered: bool,
    pub failures: i32,
    pub threshold: i32,
}

/// What a deployment made, or makes, the service's tasks be (DescribeServiceRevisions).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceRevision {
    /// `arn:aws:ecs:…:service-revision/CLUSTER/SERVICE/<digits>`.
    pub arn: String,
    pub task_definition: String,
    /// With the digests that ran: a tag may name another image by now.
    pub images: Vec<RevisionImage>,
    pub created_at: Option<Timestamp>,
    /// What else AWS says of it, as it says it: network, load balancers, platform version and so on.
    pub settings: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevisionImage {
    pub container: String,
    pub image: String,
    /// `sha256:…`; absent where ECS did not resolve the image's tag.
    pub digest: Option<String>,
}

/// What UpdateService is asked for. Everything that is left out stays as it is: desiredCount above all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateService {
    pub cluster: String,
    pub service: String,
    /// The revision's ARN.
    pub task_definition: String,
    /// A deployment even where the service has this revision already.
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_name_and_an_unknown_one_is_not_over() {
        for name in [
            "PENDING",
            "IN_PROGRESS",
            "STOP_REQUESTED",
            "STOPPED",
            "SUCCESSFUL",
            "ROLLBACK_REQUESTED",
            "ROLLBACK_IN_PROGRESS",
            "ROLLBACK_SUCCESSFUL",
            "ROLLBACK_FAILED",
            "FAILED",
        ] {
            let status = DeploymentStatus::from(name);
            assert_eq!(status.name(), name);
            let is_over = ["STOPPED", "SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"].contains(&name);
            assert_eq!(status.is_over(), is_over, "{name}");
        }
    }
}
