//! A task as DescribeTasks shows it.

mod render;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::Revision;
use crate::clock::millis;
use crate::faults::TaskFault;

/// ECS describes a stopped task for at least this long.
const STOPPED_LIFETIME: Duration = Duration::from_hours(1);

/// A request to stop a task: `stopCode` and `stoppedReason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub code: &'static str,
    pub reason: String,
}

/// One container of a task.
#[derive(Debug, Clone, Default)]
pub struct Container {
    pub name: String,
    pub arn: String,
    pub image: String,
    pub image_digest: Option<String>,
    pub runtime_id: Option<String>,
    pub last_status: &'static str,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    /// What its health check has reported, if anything.
    pub health: Option<&'static str>,
}

/// When a task reached each phase, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default)]
pub struct Times {
    pub created: i64,
    pub connectivity: Option<i64>,
    pub pull_started: Option<i64>,
    pub pull_stopped: Option<i64>,
    pub started: Option<i64>,
    pub stopping: Option<i64>,
    pub execution_stopped: Option<i64>,
    pub stopped: Option<i64>,
    /// When the exit code of an essential container could first be read. No answer says it.
    pub exit_shown: Option<i64>,
}

/// The elastic network interface of an awsvpc task.
#[derive(Debug, Clone)]
pub struct Interface {
    pub attachment_id: String,
    pub subnet: String,
    pub interface_id: String,
    pub mac: String,
    pub address: String,
}

/// A task and what its life needs to know of how it was run.
#[derive(Debug)]
pub struct Task {
    pub id: String,
    pub arn: String,
    pub cluster: String,
    pub cluster_arn: String,
    pub revision: Arc<Revision>,
    /// `overrides` as RunTask was given them.
    pub overrides: Value,
    pub group: String,
    pub launch_type: Option<String>,
    pub capacity_provider: Option<String>,
    pub platform_version: Option<String>,
    pub started_by: Option<String>,
    pub execute_command: bool,
    pub availability_zone: String,
    pub tags: Vec<Value>,
    pub interface: Option<Interface>,
    pub containers: Vec<Container>,
    pub last_status: &'static str,
    pub desired_status: &'static str,
    pub stop_code: Option<&'static str>,
    pub stopped_reason: Option<String>,
    pub times: Times,
    pub version: u64,
    pub faults: Vec<TaskFault>,
    /// How long its phases take follows from this.
    pub chance: u64,
    /// How many more reads answer MISSING.
    pub missing_reads: u32,
    /// When a read showed it last as it was, and how; for reads that are stale.
    pub shown: Option<(i64, Value)>,
    /// Carries StopTask to the task's life.
    pub stop: watch::Sender<Option<Stop>>,
    /// Wakes the scheduler of the service that started it.
    pub service: Option<Arc<Notify>>,
}

impl Task {
    pub fn is_stopped(&self) -> bool {
        self.last_status == "STOPPED"
    }

    pub fn tell_its_service(&self) {
        if let Some(wake) = &self.service {
            wake.notify_one();
        }
    }

    /// Tells the task's life to end it. The first reason stays.
    pub fn ask_to_stop(&mut self, why: Stop) {
        self.desired_status = "STOPPED";
        self.version += 1;
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(why);
            }
            first
        });
        if let Some(stop) = self.stop.borrow().clone() {
            self.stop_code = Some(stop.code);
            self.stopped_reason = Some(stop.reason);
        }
        self.tell_its_service();
    }

    /// Returns whether ECS waits for a container to be HEALTHY.
    pub fn has_health_check(&self) -> bool {
        self.checked().next().is_some()
    }

    /// Returns the health of the essential containers that have a health check: UNHEALTHY when one is, HEALTHY when
    /// all are, otherwise UNKNOWN.
    pub fn health(&self) -> &'static str {
        let healths: Vec<_> = self.checked().map(|container| container.health).collect();
        match healths {
            all if all.contains(&Some("UNHEALTHY")) => "UNHEALTHY",
            all if !all.is_empty() && all.iter().all(|one| *one == Some("HEALTHY")) => "HEALTHY",
            _ => "UNKNOWN",
        }
    }

    fn checked(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().zip(self.revision.containers()).filter_map(|(container, definition)| {
            let checked = definition["healthCheck"].is_object() && definition["essential"] != false;
            checked.then_some(container)
        })
    }

    /// Returns the task-level cpu units.
    pub fn cpu(&self) -> Option<&str> {
        self.sized("cpu")
    }

    /// Returns what the task counts against Fargate's vCPUs; a task without a size counts as the smallest.
    pub fn cpu_units(&self) -> u64 {
        cpu_units(self.cpu())
    }

    /// Returns the task-level memory in MiB.
    pub fn memory(&self) -> Option<&str> {
        self.sized("memory")
    }

    fn sized(&self, member: &str) -> Option<&str> {
        self.overrides[member].as_str().or_else(|| self.revision.document[member].as_str())
    }

    /// Returns whether ListTasks and DescribeTasks have it at `now`: not before ECS's stores agree on a new one, and
    /// not long after its end.
    pub fn is_kept(&self, now: i64, settles: Duration) -> bool {
        now >= self.times.created + millis(settles)
            && self.times.stopped.is_none_or(|at| now < at + millis(STOPPED_LIFETIME))
    }

    /// Renders it for DescribeTasks, as it is or as it was.
    pub fn read(&mut self, now: i64, with_tags: bool) -> Value {
        let stale = self.faults.iter().find_map(|fault| match fault {
            TaskFault::StaleReads { by } => Some(*by),
            _ => None,
        });
        let Some(by) = stale else { return self.render(with_tags) };
        match self.shown.take() {
            Some((at, before)) if now < at + millis(by) => before,
            _ => {
                let fresh = self.render(with_tags);
                self.shown = Some((now, fresh.clone()));
                fresh
            }
        }
    }

    /// Returns whether DescribeTasks knows the task now; each question counts as a read.
    pub fn is_visible(&mut self) -> bool {
        if self.missing_reads > 0 {
            self.missing_reads -= 1;
            return false;
        }
        !(self.is_stopped() && self.faults.contains(&TaskFault::Forgotten))
    }
}

/// Parses cpu units, which registered definitions and overrides write as whole units; 256 without a size.
pub(super) fn cpu_units(size: Option<&str>) -> u64 {
    size.and_then(|units| units.parse().ok()).unwrap_or(256)
}
