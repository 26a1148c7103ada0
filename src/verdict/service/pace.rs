//! How often a deployment is looked at: each second while something may happen, less often while it bakes or pauses
//! for hours.

use std::time::Duration;

use crate::ports::{ServiceDeployment, Strategy};

/// The time between two looks: a change is noticed that late.
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(10);
/// How long a long strategy is followed closely after its start, and after each change.
const LIVELY: Duration = Duration::from_secs(5 * 60);
/// How long before an announced end it is followed closely, and after that end until ECS has gone on.
const NEAR: Duration = Duration::from_secs(30);

/// What is known of time, by the watch's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub since_start: Duration,
    /// The time since status, stage, traffic or hooks were seen to change.
    pub since_change: Duration,
    /// How long until ECS goes on by itself, such as at the end of the bake time: zero when that time has passed,
    /// none when nothing is announced.
    pub until_announced: Option<Duration>,
}

/// Returns how long to wait until the next look.
pub(crate) fn pace(seen: &ServiceDeployment, times: Pace) -> Duration {
    let is_long = seen.rules.strategy != Strategy::Rolling || seen.pause().is_some();
    let is_lively = times.since_start < LIVELY || times.since_change < LIVELY;
    let is_near = times.until_announced.is_some_and(|until| until < NEAR);
    if is_long && !is_lively && !is_near { SLOW } else { FAST }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{DeploymentRules, HookDetail};

    #[test]
    fn only_what_takes_hours_is_looked_at_less_often() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let rolling = ServiceDeployment::default();
        let paused = ServiceDeployment {
            hooks: vec![HookDetail { status: "AWAITING_ACTION".into(), ..HookDetail::default() }],
            ..ServiceDeployment::default()
        };
        let rules = DeploymentRules { strategy: Strategy::BlueGreen, ..DeploymentRules::default() };
        let blue_green = ServiceDeployment { rules, ..ServiceDeployment::default() };
        for (seen, start, change, announced, expected) in [
            (&rolling, 600, 600, None, FAST),
            (&blue_green, 1, 1, None, FAST),
            (&blue_green, 60, 60, None, SLOW),
            (&blue_green, 60, 4, None, FAST),
            (&blue_green, 60, 60, Some(60), SLOW),
            (&blue_green, 60, 60, Some(0), FAST),
            (&paused, 60, 60, None, SLOW),
            (&paused, 60, 2, None, FAST),
        ] {
            let times = Pace {
                since_start: minutes(start),
                since_change: minutes(change),
                until_announced: announced.map(minutes),
            };
            assert_eq!(pace(seen, times), expected, "{times:?}");
        }
    }
}
