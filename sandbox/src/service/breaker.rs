//! The deployment circuit breaker: how many tasks may fail, and what follows.

use serde_json::Value;

use super::scheduler::Work;
use super::stages::Stages;
use super::{Rollback, Rollout};

/// "The deployment circuit breaker has a minimum threshold of 3 and a maximum threshold of 200": the bounds of
/// BOUNDED_PERCENT.
const MIN_THRESHOLD: u64 = 3;
const MAX_THRESHOLD: u64 = 200;
/// Of the desired count, when thresholdConfiguration is absent.
const DEFAULT_PERCENT: u64 = 50;

const EXCEEDED: &str = "the circuit breaker threshold was exceeded.";
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

/// Returns how many tasks of a deployment must fail for the breaker to trigger.
pub(crate) fn threshold(breaker: &Value, desired: u64) -> u64 {
    let configured = &breaker["thresholdConfiguration"];
    let value = configured["value"].as_u64().unwrap_or(DEFAULT_PERCENT);
    match configured["type"].as_str() {
        Some("COUNT") => value,
        Some("UNBOUNDED_PERCENT") => (desired * value).div_ceil(100).max(1),
        _ => (desired * value).div_ceil(100).clamp(MIN_THRESHOLD, MAX_THRESHOLD),
    }
}

/// Why a deployment is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    TasksFailed,
    /// StopServiceDeployment.
    Requested,
    Alarm,
    /// A lifecycle hook at this stage.
    Hook(&'static str),
}

impl Cause {
    /// Returns the end of `deployment failed: …` in an event.
    fn event(self) -> &'static str {
        match self {
            Self::TasksFailed | Self::Requested => "tasks failed to start",
            Self::Alarm => "alarm detected",
            Self::Hook(_) => "lifecycle hook failed",
        }
    }

    /// Returns `rolloutStateReason` of the deployment that is given up.
    fn rollout_reason(self) -> String {
        match self {
            Self::TasksFailed => "ECS deployment circuit breaker: tasks failed to start.".into(),
            Self::Requested => "ECS deployment stopped: a rollback was requested.".into(),
            Self::Alarm | Self::Hook(_) => format!("ECS deployment failed: {}.", self.event()),
        }
    }

    /// Returns `statusReason`, after "Service deployment rolled back because".
    fn status_reason(self) -> String {
        match self {
            Self::TasksFailed => EXCEEDED.into(),
            Self::Requested => "a rollback was requested.".into(),
            Self::Alarm => "an alarm was detected.".into(),
            Self::Hook(stage) => format!("{stage} lifecycle hook(s) failed."),
        }
    }
}

impl Work<'_> {
    /// Counts the failures of the deployment under way, and gives it up when there are too many.
    pub(super) fn judge(&mut self) {
        let breaker = self.service.configuration()["deploymentCircuitBreaker"].clone();
        let primary = &self.service.deployments[0];
        let (failed, in_progress) = (primary.failed_tasks, primary.rollout == Rollout::InProgress);
        let threshold = threshold(&breaker, self.service.desired);
        let Some(ongoing) = self.service.ongoing() else { return };
        if breaker["enable"] != true || !in_progress {
            return;
        }
        let rolls_back = ongoing.status == "ROLLBACK_IN_PROGRESS";
        if !rolls_back {
            ongoing.failures = failed;
        }
        if failed < threshold {
            return;
        }
        if rolls_back {
            ongoing.end(
                "ROLLBACK_FAILED",
                "Service deployment rollback failed: tasks failed to start.",
                self.now,
            );
            self.fail_primary(Cause::TasksFailed);
            return;
        }
        ongoing.triggered = true;
        if breaker["rollback"] == true {
            self.roll_back(Cause::TasksFailed);
        } else {
            let reason = format!("Service deployment stopped because {EXCEEDED}");
            ongoing.stop(&reason, self.now);
            self.fail_primary(Cause::TasksFailed);
        }
    }

    /// Goes back to the earlier deployment that was completed: in one instant that one is PRIMARY again under its own
    /// id, and the one that is given up is not.
    pub(super) fn roll_back(&mut self, cause: Cause) {
        let now = self.now;
        let candidate =
            self.service.deployments.iter().skip(1).position(|one| one.rollout == Rollout::Completed);
        let Some(candidate) = candidate.map(|index| index + 1) else {
            if let Some(ongoing) = self.service.ongoing() {
                match cause {
                    // ROLLBACK_REQUESTED → SUCCESSFUL | ROLLBACK_IN_PROGRESS | STOPPED
                    Cause::Requested => ongoing.stop(NO_CANDIDATE, now),
                    _ => ongoing.end("ROLLBACK_FAILED", NO_CANDIDATE, now),
                }
            }
            self.fail_primary(cause);
            return;
        };
        self.fail_primary(cause);
        let service = &mut *self.service;
        let mut target = service.deployments.remove(candidate);
        let to = target.number;
        target.rollout = Rollout::InProgress;
        target.failed_tasks = 0;
        target.reason =
            format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", target.id());
        target.updated = now;
        service.restore(to);
        let message = format!("(service {}) rolling back to deployment {}.", service.name, target.id());
        service.deployments.insert(0, target);
        service.events.add(&self.world.ids, now, message);
        (service.failed_launches, service.next_launch, service.steady) = (0, now, false);
        if let Some(ongoing) = service.ongoing() {
            let reason = format!("Service deployment rolled back because {}", cause.status_reason());
            ongoing.status = "ROLLBACK_IN_PROGRESS";
            ongoing.reason = Some(reason.clone());
            ongoing.rollback = Some(Rollback { reason, started: now, to });
            ongoing.updated = now;
            ongoing.turn = None;
            ongoing.stages = ongoing.stages.as_ref().map(Stages::back);
            ongoing.give_up_hooks();
        }
    }

    pub(super) fn fail_primary(&mut self, cause: Cause) {
        let service = &mut *self.service;
        let primary = &mut service.deployments[0];
        primary.fail(&cause.rollout_reason(), self.now);
        if cause == Cause::Requested {
            return;
        }
        let message = format!(
            "(service {}) (deployment {}) deployment failed: {}.",
            service.name,
            primary.id(),
            cause.event()
        );
        service.events.add(&self.world.ids, self.now, message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_of_the_desired_count_between_three_and_two_hundred() {
        let of = |desired| threshold(&json!({ "enable": true }), desired);
        assert_eq!([1, 6, 7, 25, 400, 1_000].map(of), [3, 3, 4, 13, 200, 200]);
    }

    #[test]
    fn a_configured_threshold_is_taken_as_its_type_says() {
        let of = |kind: &str, value: u64, desired| {
            threshold(&json!({ "thresholdConfiguration": { "type": kind, "value": value } }), desired)
        };
        assert_eq!(of("COUNT", 1, 100), 1);
        assert_eq!(of("UNBOUNDED_PERCENT", 10, 4), 1);
        assert_eq!(of("UNBOUNDED_PERCENT", 100, 900), 900);
        assert_eq!(of("BOUNDED_PERCENT", 100, 900), 200);
        assert_eq!(of("BOUNDED_PERCENT", 10, 4), 3);
    }
}
