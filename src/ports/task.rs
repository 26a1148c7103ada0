//! A task of ECS and its containers, as DescribeTasks shows them.

use jiff::Timestamp;

use super::{Overrides, TaskStatus};
use crate::arn;

/// A task as DescribeTasks reports it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Task {
    pub arn: String,
    pub last_status: TaskStatus,
    /// RUNNING, or STOPPED from StopTask or a container's end on.
    pub desired_status: TaskStatus,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub containers: Vec<Container>,
    pub started_by: Option<String>,
    /// The service that keeps it running, by its task group.
    pub service: Option<String>,
    /// The revision that it runs, as an ARN.
    pub task_definition: Option<String>,
    /// What RunTask changed of the revision; absent when the answer does not have it, which says nothing.
    pub overrides: Option<Overrides>,
    pub created_at: Option<Timestamp>,
    pub pull_started_at: Option<Timestamp>,
    pub pull_stopped_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    /// Its migration container was seen to have ended while ECS wanted the task to run: what ended the task after
    /// that has not ended the container.
    pub outlived: bool,
}

impl Task {
    /// Returns what the end of the task says of its migration container: ECS's stopCode, or none where the container
    /// had ended before.
    pub fn end(&self) -> Option<&str> {
        self.stop_code.as_deref().filter(|_| !self.outlived)
    }

    /// Returns the last part of the ARN: 32 hexadecimal digits on Fargate, and the last part of the log stream's
    /// name.
    pub fn id(&self) -> &str {
        arn::name(&self.arn)
    }

    pub fn is_stopped(&self) -> bool {
        self.last_status == TaskStatus::Stopped
    }

    /// Tells whether ECS wants it to end: a container that has ended is not started again.
    pub fn is_told_to_stop(&self) -> bool {
        self.desired_status == TaskStatus::Stopped || self.stop_code.is_some() || self.is_stopped()
    }

    /// Tells whether no container of it works any more, though ECS may still take its network down.
    /// `executionStoppedAt` alone does not say so: it is the end of the first essential container (amazon-ecs-agent,
    /// `RecordExecutionStoppedAt`), and the others have their `stopTimeout`.
    pub fn is_over(&self) -> bool {
        let all_stopped = !self.containers.is_empty() && self.containers.iter().all(|one| one.is_stopped);
        self.is_stopped() || (self.execution_stopped_at.is_some() && all_stopped)
    }

    /// Tells whether it ends without anyone's StopTask: all of its containers have ended, or this one has, and ECS
    /// takes the task down.
    pub fn ends_by_itself(&self, container: &str) -> bool {
        let has_exited = self.container(container).is_some_and(|own| own.ended_with().is_some());
        self.is_over() || (has_exited && self.is_told_to_stop())
    }

    /// Tells whether ECS wants it to end while a container may still work: it has its `stopTimeout`, 120 s at most on
    /// Fargate.
    pub fn is_ending(&self) -> bool {
        self.desired_status == TaskStatus::Stopped && !self.is_over()
    }

    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    pub name: String,
    /// Its own `lastStatus` is STOPPED.
    pub is_stopped: bool,
    /// Absent when the container never ran, or ECS no longer knows it.
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub image_digest: Option<String>,
    /// HEALTHY, UNHEALTHY or UNKNOWN, by the container's own health check.
    pub health: Option<String>,
}

impl Container {
    /// Returns the exit code of a container that ECS says is STOPPED, which may be before the task is.
    pub fn ended_with(&self) -> Option<i32> {
        self.exit_code.filter(|_| self.is_stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_by_itself_needs_no_stop() {
        for (desired, last, exit_code, ends) in [
            ("RUNNING", "RUNNING", None, false),
            // A task that runs on after its migration container is ended by nobody else.
            ("RUNNING", "RUNNING", Some(0), false),
            // StopTask was called, and the container has its stopTimeout.
            ("STOPPED", "STOPPING", None, false),
            ("STOPPED", "DEPROVISIONING", Some(0), true),
            ("STOPPED", "STOPPED", None, true),
        ] {
            let own = Container {
                name: "m".into(),
                is_stopped: exit_code.is_some(),
                exit_code,
                ..Container::default()
            };
            let task = Task {
                desired_status: desired.into(),
                last_status: last.into(),
                containers: vec![own],
                ..Task::default()
            };
            assert_eq!(task.ends_by_itself("m"), ends, "{desired} {last} {exit_code:?}");
        }
    }
}
