//! A service of the deployment controller ECS: what it is to run, what runs, and what became of its deployments.

mod act;
mod advance;
mod alarms;
mod breaker;
mod deployment;
mod events;
mod hooks;
mod observe;
mod rollout;
mod scheduler;
mod settle;
mod stages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::ids::Ids;

pub(crate) use alarms::AlarmMonitor;
pub(crate) use breaker::threshold;
pub(crate) use deployment::{Deployment, Rollback, Rollout, ServiceDeployment, ServiceRevision, Turn};
pub(crate) use events::Events;
pub(crate) use hooks::Hook;
pub(crate) use scheduler::spawn;
pub(crate) use settle::counts;
pub(crate) use stages::{CANARY_BAKE_MINUTES, CANARY_PERCENT, STEP_BAKE_MINUTES, STEP_PERCENT, Stages};

/// A service by the names of its cluster and of itself.
pub(crate) type Key = (String, String);

pub(crate) struct Service {
    pub name: String,
    pub arn: String,
    pub cluster: String,
    pub cluster_arn: String,
    /// What CreateService and UpdateService were given, with their defaults.
    pub settings: Map<String, Value>,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: &'static str,
    pub desired: u64,
    /// In milliseconds since the Unix epoch, as all times here.
    pub created: i64,
    pub created_by: String,
    pub events: Events,
    /// `deployments[]`; the first is PRIMARY, the others ACTIVE.
    pub deployments: Vec<Deployment>,
    /// Every service deployment, oldest first.
    pub history: Vec<ServiceDeployment>,
    pub revisions: BTreeMap<u64, ServiceRevision>,
    /// Tasks that are not STOPPED.
    pub members: Vec<Member>,
    /// The digits of the one task set of a service of CodeDeploy. No tasks stand behind it.
    pub task_set: Option<u64>,
    pub steady: bool,
    /// Launches that failed one after another, and when the next one may be.
    pub failed_launches: u32,
    pub next_launch: i64,
    pub stale: Option<Stale>,
    /// Wakes the scheduler.
    pub wake: Arc<Notify>,
    /// The service's own dice: what other services do changes nothing in its times.
    pub dice: Ids,
}

/// A task of the service.
pub(crate) struct Member {
    pub task_id: String,
    /// The number of its deployment.
    pub deployment: u64,
    /// It has passed its health checks, or has run for long enough where it has none.
    pub healthy: bool,
    /// It is on its way to STOPPED.
    pub ending: bool,
}

/// What DescribeServices answers instead of the truth, in this time.
pub(crate) struct Stale {
    pub from: i64,
    pub until: i64,
    pub service: Value,
}

/// The tasks of a deployment: those that are to run, and how far they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub running: u64,
    pub pending: u64,
}

impl Counts {
    pub fn open(self) -> u64 {
        self.running + self.pending
    }
}

impl Service {
    /// Returns the service deployment that has not ended: only the newest can be one that drives the service.
    pub fn ongoing(&mut self) -> Option<&mut ServiceDeployment> {
        self.history.last_mut().filter(|one| !one.is_over())
    }

    /// Lists the tasks of this deployment that are to run.
    pub fn open(&self, deployment: u64) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |one| one.deployment == deployment && !one.ending)
    }

    /// Returns whether this deployment has as many tasks as the service is to have, and all are healthy.
    pub fn is_healthy(&self, deployment: u64) -> bool {
        let (open, healthy) = self
            .open(deployment)
            .fold((0, 0), |(open, healthy), one| (open + 1, healthy + u64::from(one.healthy)));
        open == self.desired && healthy == self.desired
    }

    /// Returns the deployment that serves while another one is made: the completed one, or the one with most tasks.
    pub fn serving(&self) -> Option<u64> {
        let with_tasks = self.deployments.iter().filter(|one| self.open(one.number).next().is_some());
        let best = with_tasks.max_by_key(|one| {
            let rank = match one.rollout {
                Rollout::Completed => 2,
                Rollout::InProgress => 1,
                Rollout::Failed => 0,
            };
            (rank, self.open(one.number).count())
        });
        best.map(|one| one.number)
    }

    /// Makes the digits of a new `ecs-svc/N`: nineteen, as AWS's have them.
    pub fn number(&self) -> u64 {
        1_000_000_000_000_000_000 + self.dice.next() % 9_000_000_000_000_000_000
    }

    /// Takes back the settings of a service revision. What no revision is made of stays.
    pub fn restore(&mut self, number: u64) {
        let Some(revision) = self.revisions.get(&number) else { return };
        let mut settings = revision.settings.clone();
        for kept in ["deploymentConfiguration", "tags"] {
            settings.shift_remove(kept);
            settings.extend(self.settings.get(kept).map(|value| (kept.to_owned(), value.clone())));
        }
        self.settings = settings;
    }

    /// Returns `deploymentConfiguration`.
    pub fn configuration(&self) -> &Value {
        self.settings.get("deploymentConfiguration").unwrap_or(&Value::Null)
    }

    /// Returns whether a scheduler stands behind it: only the controller ECS has one.
    pub fn is_scheduled(&self) -> bool {
        self.settings.get("deploymentController").is_none_or(|controller| controller["type"] == "ECS")
    }
}
