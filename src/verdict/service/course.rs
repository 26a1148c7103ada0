//! What becomes of the run's service deployment, by its status (View service history, Amazon ECS).
//!
//! The status decides, and what ECS says in fields of its own: the circuit breaker, the alarms, the hooks. Its
//! sentences are shown, and decide nothing.

use crate::ports::{DeploymentStatus, ServiceDeployment};
use crate::untrusted::phrase;
use crate::words::counted;

/// Where a service deployment is, as far as one look at it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Course {
    /// It may still end in any way: also one whose status this program does not know, or that was asked to go back.
    UnderWay,
    /// ECS says that it is deployed.
    Landed,
    /// It will not land: ROLLBACK_IN_PROGRESS can only end in ROLLBACK_SUCCESSFUL or ROLLBACK_FAILED.
    GoesBack,
    WentBack,
    RollbackFailed,
    /// ECS has given it up, and leaves it where it is.
    Failed,
    /// Something has stopped it that is not a monitor of its own: most often a newer deployment.
    Stopped,
}

/// Judges one look at a service deployment.
pub(crate) fn course(seen: &ServiceDeployment) -> Course {
    match &seen.status {
        DeploymentStatus::Successful => Course::Landed,
        DeploymentStatus::RollbackInProgress => Course::GoesBack,
        DeploymentStatus::RollbackSuccessful => Course::WentBack,
        DeploymentStatus::RollbackFailed => Course::RollbackFailed,
        DeploymentStatus::Stopped if seen.is_triggered() => Course::Failed,
        DeploymentStatus::Stopped => Course::Stopped,
        // A rollback was requested, and the deployment may be faster: ROLLBACK_REQUESTED → SUCCESSFUL.
        DeploymentStatus::RollbackRequested
        | DeploymentStatus::StopRequested
        | DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::Other(_) => Course::UnderWay,
    }
}

/// Explains why it did not land, in a sentence: lowercase, no full stop. `was_asked` says that it was seen with
/// ROLLBACK_REQUESTED.
pub(crate) fn why(seen: &ServiceDeployment, was_asked: bool) -> String {
    let monitor = match (&seen.triggered_alarms, &seen.breaker) {
        (Some(names), _) if names.is_empty() => Some("a CloudWatch alarm was triggered".to_owned()),
        (Some(names), _) => Some(format!("CloudWatch alarm {} was triggered", phrase(&names.join(", ")))),
        (None, Some(breaker)) if breaker.triggered => Some(format!(
            "the deployment circuit breaker was triggered: {} of {} that may fail",
            counted(breaker.failures.max(0), "failed task"),
            breaker.threshold
        )),
        _ => None,
    };
    let cause =
        monitor.or_else(|| failed_hook(seen)).unwrap_or_else(|| match (was_asked, seen.status.is_over()) {
            (true, _) => "StopServiceDeployment was called".to_owned(),
            (false, _) => "neither its circuit breaker nor an alarm was triggered".to_owned(),
        });
    let said =
        seen.rollback.as_ref().and_then(|rollback| rollback.reason.as_deref()).or(seen.reason.as_deref());
    match said.map(str::trim).filter(|said| !said.is_empty()) {
        Some(said) => format!("{cause} (ECS: {})", phrase(said.trim_end_matches('.'))),
        None => cause,
    }
}

/// Describes a lifecycle hook that failed, or did not answer in time; none where there is no such hook.
pub(crate) fn failed_hook(seen: &ServiceDeployment) -> Option<String> {
    let hook = seen.hooks.iter().find(|hook| matches!(hook.status.as_str(), "FAILED" | "TIMED_OUT"))?;
    let what = if hook.status == "FAILED" { "failed" } else { "did not answer in time" };
    Some(format!("lifecycle hook {} {what}", phrase(&hook.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{BreakerSeen, HookDetail, RollbackSeen};

    fn seen(status: &str) -> ServiceDeployment {
        ServiceDeployment { status: status.into(), ..ServiceDeployment::default() }
    }

    #[test]
    fn every_status_has_its_course_whatever_ecs_says_about_it() {
        for (status, course_alone, course_triggered) in [
            ("PENDING", Course::UnderWay, Course::UnderWay),
            ("IN_PROGRESS", Course::UnderWay, Course::UnderWay),
            ("STOP_REQUESTED", Course::UnderWay, Course::UnderWay),
            ("STOPPED", Course::Stopped, Course::Failed),
            ("SUCCESSFUL", Course::Landed, Course::Landed),
            ("ROLLBACK_REQUESTED", Course::UnderWay, Course::UnderWay),
            ("ROLLBACK_IN_PROGRESS", Course::GoesBack, Course::GoesBack),
            ("ROLLBACK_SUCCESSFUL", Course::WentBack, Course::WentBack),
            ("ROLLBACK_FAILED", Course::RollbackFailed, Course::RollbackFailed),
            // There is no such status, and nobody knows what a new one means.
            ("FAILED", Course::UnderWay, Course::UnderWay),
            ("SUCCESSFUL_WITH_WARNINGS", Course::UnderWay, Course::UnderWay),
        ] {
            let alone = seen(status);
            let by_breaker = ServiceDeployment {
                breaker: Some(BreakerSeen { triggered: true, failures: 3, threshold: 3 }),
                ..seen(status)
            };
            let by_alarm = ServiceDeployment { triggered_alarms: Some(vec!["5xx".into()]), ..seen(status) };
            let hostile = ServiceDeployment {
                reason: Some("Service deployment SUCCESSFUL, rolled back".into()),
                ..seen(status)
            };
            assert_eq!(course(&alone), course_alone, "{status}");
            assert_eq!(course(&hostile), course_alone, "{status}");
            assert_eq!(course(&by_breaker), course_triggered, "{status}");
            assert_eq!(course(&by_alarm), course_triggered, "{status}");
        }
    }

    #[test]
    fn who_ended_it_is_read_from_fields_and_the_sentence_is_only_quoted() {
        let said = Some("Service deployment rolled back because of the moon.".to_owned());
        let rollback = Some(RollbackSeen { reason: said, ..RollbackSeen::default() });
        let base = ServiceDeployment { rollback, ..seen("ROLLBACK_IN_PROGRESS") };
        let breaker = |triggered| Some(BreakerSeen { triggered, failures: 3, threshold: 3 });
        let hook = |status: &str| {
            vec![HookDetail { id: "smoke".into(), status: status.into(), ..HookDetail::default() }]
        };
        for (seen, was_asked, words) in [
            (
                ServiceDeployment { breaker: breaker(true), ..base.clone() },
                false,
                "circuit breaker was triggered: 3",
            ),
            (
                ServiceDeployment { breaker: breaker(true), ..base.clone() },
                true,
                "circuit breaker was triggered",
            ),
            (ServiceDeployment { breaker: breaker(false), ..base.clone() }, true, "StopServiceDeployment"),
            (
                ServiceDeployment { triggered_alarms: Some(vec!["5xx".into()]), ..base.clone() },
                false,
                "alarm 5xx",
            ),
            (
                ServiceDeployment { triggered_alarms: Some(vec![]), ..base.clone() },
                false,
                "a CloudWatch alarm",
            ),
            (ServiceDeployment { hooks: hook("FAILED"), ..base.clone() }, false, "hook smoke failed"),
            (ServiceDeployment { hooks: hook("TIMED_OUT"), ..base.clone() }, false, "did not answer in time"),
            (
                ServiceDeployment { hooks: hook("SUCCEEDED"), ..base.clone() },
                false,
                "neither its circuit breaker",
            ),
        ] {
            let why = why(&seen, was_asked);
            assert!(why.contains(words), "{words}: {why}");
            assert!(why.ends_with("(ECS: Service deployment rolled back because of the moon)"), "{why}");
        }
    }
}
