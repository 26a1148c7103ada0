//! What becomes of the run's deployment by DescribeServices alone: where the record of service deployments is denied
//! or empty.
//!
//! After a rollback the service is as stable as after a deployment, so it is the deployment's id that counts: the
//! run's own, one that was there before, or a foreign one.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::ports::{Deployment, Service};
use crate::untrusted::phrase;

/// The run's deployment: the PRIMARY one that UpdateService has answered with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ours {
    /// `ecs-svc/<digits>`.
    pub id: String,
    /// The revision that it puts on the service, as an ARN.
    pub task_definition: String,
    pub created_at: Option<Timestamp>,
    /// The ids that were there before it.
    pub earlier: BTreeSet<String>,
}

/// Where it is, as far as one look at the service tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClassicCourse {
    /// Also where the look shows the service as it was before.
    UnderWay,
    /// It is PRIMARY and COMPLETED.
    Landed,
    /// It has failed, and is still PRIMARY.
    Failed { why: String },
    /// It has failed, and an earlier one is PRIMARY again: with this task definition. `over` says that it is
    /// COMPLETED.
    WentBack { why: String, to: Option<String>, over: bool },
    /// A newer deployment, which this run did not start, is PRIMARY.
    Superseded { id: String, task_definition: Option<String>, created_at: Option<Timestamp> },
}

/// Judges one look at a service.
pub(crate) fn classic(service: &Service, ours: &Ours) -> ClassicCourse {
    let Some(primary) = service.primary() else { return ClassicCourse::UnderWay };
    let own = service.deployment(&ours.id);
    let failed = own.filter(|own| own.rollout.as_deref() == Some("FAILED"));
    let why = || {
        let reason = own.and_then(|own| own.reason.as_deref()).map(|reason| reason.trim_end_matches('.'));
        phrase(
            reason
                .filter(|reason| !reason.is_empty())
                .unwrap_or("ECS says that this run's deployment has failed"),
        )
    };
    if primary.id == ours.id {
        return match primary.rollout.as_deref() {
            Some("COMPLETED") => ClassicCourse::Landed,
            Some("FAILED") => ClassicCourse::Failed { why: why() },
            _ => ClassicCourse::UnderWay,
        };
    }
    if ours.earlier.contains(&primary.id) {
        // Its own deployment may be missing in an old look; the event, or the deployment's state, is about that one.
        return if failed.is_some() || failed_event(service, ours) {
            let over = primary.rollout.as_deref() == Some("COMPLETED");
            ClassicCourse::WentBack { why: why(), to: primary.task_definition.clone(), over }
        } else {
            ClassicCourse::UnderWay
        };
    }
    if failed.is_some() {
        return ClassicCourse::Failed { why: why() };
    }
    if is_older(primary, ours) {
        return ClassicCourse::UnderWay;
    }
    ClassicCourse::Superseded {
        id: primary.id.clone(),
        task_definition: primary.task_definition.clone(),
        created_at: primary.created_at,
    }
}

/// Tells whether the PRIMARY deployment, unseen before, began before the run's own, by ECS's clock: it is an old
/// look.
fn is_older(primary: &Deployment, ours: &Ours) -> bool {
    primary.created_at.zip(ours.created_at).is_some_and(|(theirs, own)| theirs < own)
}

/// Tells whether there is an event `(service S) (deployment ecs-svc/…) deployment failed: …` of the run's deployment.
fn failed_event(service: &Service, ours: &Ours) -> bool {
    let named = format!("(deployment {}) deployment failed", ours.id);
    service.events.iter().any(|event| event.message.contains(&named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ServiceEvent;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(1_764_032_400 + second).ok()
    }

    fn one(id: &str, status: &str, rollout: &str, second: i64) -> Deployment {
        Deployment {
            id: format!("ecs-svc/{id}"),
            status: status.into(),
            rollout: (!rollout.is_empty()).then(|| rollout.into()),
            task_definition: Some(format!("td-{id}")),
            created_at: at(second),
            ..Deployment::default()
        }
    }

    fn judged(deployments: &[Deployment], events: &[&str]) -> ClassicCourse {
        let ours = Ours {
            id: "ecs-svc/2".into(),
            task_definition: "td-2".into(),
            created_at: at(100),
            earlier: ["ecs-svc/1".to_owned()].into(),
        };
        let events =
            events.iter().map(|text| ServiceEvent { message: (*text).into(), ..ServiceEvent::default() });
        classic(
            &Service { deployments: deployments.to_vec(), events: events.collect(), ..Service::default() },
            &ours,
        )
    }

    #[test]
    fn ours_counts_and_not_whatever_is_primary() {
        let failed = "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.";
        let of_another = "(service web) (deployment ecs-svc/22) deployment failed: tasks failed to start.";
        let went_back = |over| ClassicCourse::WentBack {
            why: "ECS says that this run's deployment has failed".into(),
            to: Some("td-1".into()),
            over,
        };
        let foreign = ClassicCourse::Superseded {
            id: "ecs-svc/3".into(),
            task_definition: Some("td-3".into()),
            created_at: at(200),
        };
        for (deployments, events, expected) in [
            (
                vec![one("2", "PRIMARY", "IN_PROGRESS", 100), one("1", "ACTIVE", "COMPLETED", 0)],
                vec![],
                ClassicCourse::UnderWay,
            ),
            (vec![one("2", "PRIMARY", "COMPLETED", 100)], vec![], ClassicCourse::Landed),
            // A Classic Load Balancer has no rolloutState, so nothing says that it has landed.
            (vec![one("2", "PRIMARY", "", 100)], vec![], ClassicCourse::UnderWay),
            (
                vec![one("2", "PRIMARY", "FAILED", 100)],
                vec![failed],
                ClassicCourse::Failed { why: "ECS says that this run's deployment has failed".into() },
            ),
            // As it was before the update: not one word about this run's.
            (vec![one("1", "PRIMARY", "COMPLETED", 0)], vec![], ClassicCourse::UnderWay),
            (vec![one("1", "PRIMARY", "COMPLETED", 0)], vec![of_another], ClassicCourse::UnderWay),
            (vec![one("1", "PRIMARY", "COMPLETED", 0)], vec![failed], went_back(true)),
            (vec![one("1", "PRIMARY", "IN_PROGRESS", 0)], vec![failed], went_back(false)),
            (
                vec![one("1", "PRIMARY", "IN_PROGRESS", 0), one("2", "ACTIVE", "FAILED", 100)],
                vec![],
                went_back(false),
            ),
            (
                vec![one("1", "PRIMARY", "IN_PROGRESS", 0), one("2", "ACTIVE", "IN_PROGRESS", 100)],
                vec![],
                ClassicCourse::UnderWay,
            ),
            (
                vec![one("3", "PRIMARY", "IN_PROGRESS", 200), one("2", "ACTIVE", "IN_PROGRESS", 100)],
                vec![],
                foreign.clone(),
            ),
            (vec![one("3", "PRIMARY", "COMPLETED", 200)], vec![], foreign),
            // An old look at a deployment that nobody had seen: it began before this run's.
            (vec![one("3", "PRIMARY", "COMPLETED", 50)], vec![], ClassicCourse::UnderWay),
            (vec![], vec![failed], ClassicCourse::UnderWay),
        ] {
            assert_eq!(judged(&deployments, &events), expected, "{deployments:?} {events:?}");
        }
    }
}
