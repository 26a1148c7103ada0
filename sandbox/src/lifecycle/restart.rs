//! A container's restart policy.

use std::time::Duration;

use serde_json::Value;

/// `restartAttemptPeriod` when the policy has none.
const ATTEMPT_PERIOD: Duration = Duration::from_mins(5);

/// When a container that has exited is started again, as ContainerRestartPolicy in ECS's API reference says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestartPolicy {
    ignored: Vec<i64>,
    /// On Fargate.
    pub attempt_period: Duration,
}

impl RestartPolicy {
    /// Reads the policy of a container definition; `None` where it is absent or not enabled.
    pub fn of(definition: &Value) -> Option<Self> {
        let policy = &definition["restartPolicy"];
        (policy["enabled"] == true).then(|| Self {
            ignored: policy["ignoredExitCodes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_i64)
                .collect(),
            attempt_period: policy["restartAttemptPeriod"]
                .as_u64()
                .map_or(ATTEMPT_PERIOD, Duration::from_secs),
        })
    }

    /// Returns whether a container that exited with this code starts again. "If a container isn't able to run for
    /// this time period and exits early, it will not be restarted"; amazon-ecs-agent counts it from the last start.
    pub fn restarts(&self, exit_code: Option<i32>, ran: Duration, attempt_period: Duration) -> bool {
        exit_code.is_some_and(|code| !self.ignored.contains(&code.into())) && ran >= attempt_period
    }
}
