//! Lifecycle hooks of target type PAUSE: a deployment waits at a stage for ContinueServiceDeployment.

use serde_json::{Value, json};

use super::Service;
use super::stages::minutes;
use crate::clock::{Clock, millis, timestamp};

/// `timeoutInMinutes` of a hook that has none: 24 hours.
const HOOK_TIMEOUT: u64 = 1440;

/// A hook that a service deployment has come to: an entry of `lifecycleHookDetails[]`.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub id: String,
    /// AWAITING_ACTION, then SUCCEEDED, FAILED or TIMED_OUT.
    pub status: &'static str,
    pub expires: i64,
    /// CONTINUE or ROLLBACK.
    pub timeout_action: String,
}

impl Hook {
    pub fn waits(&self) -> bool {
        self.status == "AWAITING_ACTION"
    }

    /// Returns whether it ends the deployment.
    pub fn rolls_back(&self) -> bool {
        self.status == "FAILED" || (self.status == "TIMED_OUT" && self.timeout_action == "ROLLBACK")
    }

    pub fn render(&self) -> Value {
        json!({
            "hookId": self.id,
            "targetType": "PAUSE",
            "status": self.status,
            "expiresAt": timestamp(self.expires),
            "timeoutAction": self.timeout_action,
        })
    }
}

/// Makes the hooks that a deployment of this configuration reaches at a stage.
pub(super) fn at(
    stage: &str,
    configuration: &Value,
    service: &Service,
    clock: &Clock,
    now: i64,
) -> Vec<Hook> {
    let hooks = configuration["lifecycleHooks"].as_array().into_iter().flatten();
    let here =
        |hook: &&Value| hook["lifecycleStages"].as_array().is_some_and(|all| all.contains(&json!(stage)));
    hooks
        .filter(here)
        .map(|hook| {
            let timeout = &hook["timeoutConfiguration"];
            let patience = minutes(timeout["timeoutInMinutes"].as_u64().unwrap_or(HOOK_TIMEOUT));
            Hook {
                id: service.dice.hex(22),
                status: "AWAITING_ACTION",
                expires: now + millis(clock.shortened(patience)),
                timeout_action: timeout["action"].as_str().unwrap_or("ROLLBACK").to_owned(),
            }
        })
        .collect()
}
