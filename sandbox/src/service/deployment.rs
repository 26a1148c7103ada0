//! The two views of one rollout: an entry of `deployments[]`, and a service deployment.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Counts;
use super::alarms::AlarmMonitor;
use super::hooks::Hook;
use super::stages::Stages;
use crate::ecs;

/// `rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// An entry of `deployments[]`.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// The digits of its id, which are those of its service revision.
    pub number: u64,
    pub created: i64,
    pub updated: i64,
    pub rollout: Rollout,
    pub reason: String,
    /// One after another.
    pub failed_tasks: u64,
    /// It was said that no task can be started or stopped.
    pub stuck: bool,
}

impl Deployment {
    pub fn new(number: u64, now: i64) -> Self {
        let reason = format!("ECS deployment {} in progress.", id(number));
        Self {
            number,
            created: now,
            updated: now,
            rollout: Rollout::InProgress,
            reason,
            failed_tasks: 0,
            stuck: false,
        }
    }

    pub fn id(&self) -> String {
        id(self.number)
    }

    pub fn fail(&mut self, reason: &str, now: i64) {
        self.rollout = Rollout::Failed;
        self.reason = reason.into();
        self.updated = now;
    }
}

fn id(number: u64) -> String {
    format!("ecs-svc/{number}")
}

/// What a deployment makes the service's tasks be.
#[derive(Debug, Clone)]
pub(crate) struct ServiceRevision {
    pub arn: String,
    pub definition: Arc<ecs::Revision>,
    /// The service's settings at that time.
    pub settings: Map<String, Value>,
    pub created: i64,
    /// The digests of its containers, by their place, once a task has pulled them.
    pub digests: Vec<Option<String>>,
}

/// A service deployment, as DescribeServiceDeployments shows it.
#[derive(Debug, Clone)]
pub(crate) struct ServiceDeployment {
    pub arn: String,
    /// The number of the service revision that is deployed.
    pub target: u64,
    /// Those that ran when it was created.
    pub sources: Vec<u64>,
    pub created: i64,
    /// From when on ListServiceDeployments has it.
    pub listed: i64,
    /// When PENDING ends.
    pub starts: i64,
    pub started: Option<i64>,
    pub finished: Option<i64>,
    pub stopped: Option<i64>,
    pub updated: i64,
    pub status: &'static str,
    pub reason: Option<String>,
    pub rollback: Option<Rollback>,
    /// `deploymentCircuitBreaker.failureCount`.
    pub failures: u64,
    pub triggered: bool,
    /// `deploymentConfiguration` when it was created.
    pub configuration: Value,
    /// What happens next without anything else having to happen.
    pub turn: Option<(i64, Turn)>,
    /// Its way, unless it is a rolling one.
    pub stages: Option<Stages>,
    /// The number of the source revision that has the production traffic which the target has not.
    pub serving: Option<u64>,
    /// The lifecycle hooks that it has come to. Those of the present step begin at `at_hooks`.
    pub hooks: Vec<Hook>,
    pub at_hooks: usize,
    pub alarms: AlarmMonitor,
    /// When the bake time of a rolling deployment is over, once it has begun.
    pub baked: Option<i64>,
    /// Desired count and tasks of target and sources, in this order, at its end.
    pub snapshot: Option<(u64, Vec<Counts>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Rollback {
    pub reason: String,
    pub started: i64,
    /// The number of the service revision that it goes back to.
    pub to: u64,
}

/// What becomes of a service deployment that is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A newer one has taken its place.
    Superseded,
    RolledBack,
}

/// `earlySuccessCriteria`: so many percent of the desired count are healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EarlySuccess {
    percent: u64,
    /// Old tasks may still run when the deployment is successful.
    pub deferred: bool,
}

impl EarlySuccess {
    pub fn is_met(self, desired: u64, healthy: u64) -> bool {
        healthy >= (desired * self.percent).div_ceil(100)
    }
}

impl ServiceDeployment {
    pub fn is_over(&self) -> bool {
        matches!(self.status, "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED")
    }

    /// Ends it, in a way that AWS counts as an end.
    pub fn end(&mut self, status: &'static str, reason: &str, now: i64) {
        self.status = status;
        self.reason = (!reason.is_empty()).then(|| reason.to_owned());
        self.finished = Some(now);
        self.updated = now;
        self.turn = None;
        self.give_up_hooks();
    }

    /// Fails the hooks that wait for an answer: they wait no longer.
    pub fn give_up_hooks(&mut self) {
        for hook in self.hooks.iter_mut().filter(|hook| hook.waits()) {
            hook.status = "FAILED";
        }
    }

    /// Returns the criteria by which a rolling deployment is successful early, if it has any.
    pub fn early_success(&self) -> Option<EarlySuccess> {
        let criteria = &self.configuration["earlySuccessCriteria"];
        (criteria["enable"] == true && self.stages.is_none()).then(|| EarlySuccess {
            percent: criteria["healthyPercent"].as_u64().unwrap_or(100),
            deferred: criteria["sourceServiceRevisionCleanup"] == "DEFERRED",
        })
    }

    /// Returns `requestedProductionTrafficWeight` of a revision; `None` for a rolling deployment, which shifts no
    /// traffic.
    pub fn weight(&self, revision: u64) -> Option<f64> {
        let weight = self.stages.as_ref()?.weight;
        Some(match revision {
            target if target == self.target => weight,
            source if Some(source) == self.serving => 100.0 - weight,
            _ => 0.0,
        })
    }

    /// Ends it as STOPPED.
    pub fn stop(&mut self, reason: &str, now: i64) {
        self.end("STOPPED", reason, now);
        self.stopped = Some(now);
    }
}
