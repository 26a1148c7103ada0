//! Container health checks: their results are shown, their commands are not run.

use std::time::Duration;

use serde_json::Value;

use crate::engine::{Health, Script};

/// `healthCheck` of a container definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct HealthCheck {
    interval: Duration,
    retries: u32,
    start_period: Duration,
}

impl HealthCheck {
    /// Reads a container definition's health check. Defaults are those of HealthCheck in ECS's API reference.
    pub fn of(definition: &Value) -> Option<Self> {
        let check = definition["healthCheck"].as_object()?;
        let number = |member: &str, default| check.get(member).and_then(Value::as_u64).unwrap_or(default);
        Some(Self {
            interval: Duration::from_secs(number("interval", 30)),
            retries: u32::try_from(number("retries", 3)).unwrap_or(u32::MAX),
            start_period: Duration::from_secs(number("startPeriod", 0)),
        })
    }

    /// Returns what it reports and how long after the start, on Fargate. A script may say it; otherwise it is HEALTHY
    /// after one interval.
    pub fn reports(self, script: Option<&Script>) -> Vec<(Duration, &'static str)> {
        let failed = self.start_period + self.interval * self.retries;
        match script.map_or(&[][..], Script::health) {
            [] => vec![(self.interval, "HEALTHY")],
            said => said
                .iter()
                .map(|health| match health {
                    Health::HealthyAfter(time) => (*time, "HEALTHY"),
                    Health::UnhealthyAfter(time) => (*time, "UNHEALTHY"),
                    Health::Never => (failed, "UNHEALTHY"),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_check_that_never_succeeds_fails_after_its_retries() {
        let given =
            json!({ "healthCheck": { "command": [], "interval": 10, "retries": 2, "startPeriod": 15 } });
        let check = HealthCheck::of(&given).unwrap();
        assert_eq!(check.reports(Some(&Script::new().never_healthy())), [(seconds(35), "UNHEALTHY")]);
        assert_eq!(check.reports(Some(&Script::new())), [(seconds(10), "HEALTHY")]);
        let check = HealthCheck::of(&json!({ "healthCheck": { "command": [] } })).unwrap();
        assert_eq!(check.reports(Some(&Script::new().never_healthy())), [(seconds(90), "UNHEALTHY")]);
        assert!(HealthCheck::of(&json!({})).is_none());
    }
}
