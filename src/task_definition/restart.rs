//! Whether ECS starts a container again.

use serde_json::{Map, Value};

/// Whether ECS starts a container again that has ended (ContainerRestartPolicy).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Restart {
    #[default]
    Never,
    /// After any exit code but these (`ignoredExitCodes`), if it has run for long enough (`restartAttemptPeriod`).
    AfterAllBut(Vec<i32>),
}

impl Restart {
    /// Reads a container definition's `restartPolicy`.
    pub(super) fn of(container: &Map<String, Value>) -> Self {
        let Some(policy) = container.get("restartPolicy").filter(|policy| policy["enabled"] == true) else {
            return Self::Never;
        };
        let ignored = policy["ignoredExitCodes"].as_array().into_iter().flatten();
        Self::AfterAllBut(ignored.filter_map(|code| code.as_i64()?.try_into().ok()).collect())
    }

    /// Tells whether it may be started again when it has ended with this exit code.
    pub fn may_follow(&self, exit_code: i32) -> bool {
        match self {
            Self::Never => false,
            Self::AfterAllBut(ignored) => !ignored.contains(&exit_code),
        }
    }
}
