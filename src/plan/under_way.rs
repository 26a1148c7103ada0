//! Pure: whether a deployment of a service is under way.

use crate::arn;
use crate::ports::{Deployment, Service, ServiceDeploymentBrief};
use crate::untrusted::phrase;

/// A deployment that is not over, as far as ECS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The id of the service deployment, or `ecs-svc/…`.
    pub deployment: String,
    /// In the words of ECS.
    pub status: String,
    /// The revision that is deployed, as an ARN; absent where that is not the PRIMARY deployment's, as while ECS goes
    /// back.
    pub task_definition: Option<String>,
}

impl UnderWay {
    /// Looks in both views: `recorded` are the service's deployments, where they can be read. DescribeServices alone
    /// shows IN_PROGRESS for a while after the end, as long as earlier tasks drain.
    pub(crate) fn of(service: &Service, recorded: Option<&[ServiceDeploymentBrief]>) -> Option<Self> {
        let primary = service.primary();
        let of_primary = |status: &str| {
            let primary = primary?;
            let (deployment, status) = (primary.id.clone(), status.to_owned());
            Some(Self { deployment, status, task_definition: primary.task_definition.clone() })
        };
        if let Some(brief) = recorded.into_iter().flatten().find(|brief| !brief.status.is_over()) {
            let target = brief.target.as_deref().map(arn::name);
            let deployed = primary.filter(|primary| target == Some(primary.number()));
            return Some(Self {
                deployment: arn::name(&brief.arn).to_owned(),
                status: brief.status.name().to_owned(),
                task_definition: deployed.and_then(|primary| primary.task_definition.clone()),
            });
        }
        if let Some(primary) = primary.filter(|primary| is_gone_back_to(service, primary)) {
            let (deployment, status) = (primary.id.clone(), "IN_PROGRESS, as ECS goes back to it".to_owned());
            return Some(Self { deployment, status, task_definition: None });
        }
        match primary.map(|primary| primary.rollout.as_deref()) {
            Some(Some("IN_PROGRESS")) => of_primary("IN_PROGRESS"),
            // ECS has given it up: the earlier tasks stay, and nothing moves.
            Some(Some("FAILED")) => None,
            // With early success, earlier tasks may stay for two weeks.
            _ if service.deployments.len() > 1 && !service.rules.early_success => {
                of_primary("with tasks of another one")
            }
            _ => None,
        }
    }

    /// Returns whether it is of this revision, an ARN: then a run that deploys the same need not wait for it.
    pub(crate) fn is_of(&self, revision: &str) -> bool {
        self.task_definition.as_deref() == Some(revision)
    }

    /// Describes it as `deployment ecs-svc/1 (IN_PROGRESS) of web:4`.
    pub fn words(&self) -> String {
        let of = self.task_definition.as_deref().map(|arn| format!(" of {}", phrase(arn::name(arn))));
        format!(
            "deployment {} ({}){}",
            phrase(&self.deployment),
            phrase(&self.status),
            of.unwrap_or_default()
        )
    }
}

/// Returns whether ECS goes back to this deployment from a newer one: it makes the old one PRIMARY again, by its old
/// id.
fn is_gone_back_to(service: &Service, primary: &Deployment) -> bool {
    let is_newer = |one: &Deployment| one.created_at > primary.created_at && primary.created_at.is_some();
    primary.rollout.as_deref() == Some("IN_PROGRESS") && service.deployments.iter().any(is_newer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{DeploymentRules, DeploymentStatus};

    fn deployment(status: &str, rollout: Option<&str>) -> Deployment {
        Deployment {
            id: format!("ecs-svc/{status}"),
            status: status.into(),
            rollout: rollout.map(str::to_owned),
            task_definition: Some("arn:aws:ecs:us-east-1:1:task-definition/web:4".into()),
            ..Deployment::default()
        }
    }

    #[test]
    fn either_view_may_say_that_something_is_under_way() {
        let (ours, other) = (|rollout| deployment("PRIMARY", rollout), deployment("ACTIVE", None));
        let brief = |status: &str| ServiceDeploymentBrief {
            arn: "arn:aws:ecs:us-east-1:1:service-deployment/c/web/abc".into(),
            status: DeploymentStatus::from(status),
            target: Some("arn:aws:ecs:us-east-1:1:service-revision/c/web/PRIMARY".into()),
            ..ServiceDeploymentBrief::default()
        };
        for (deployments, recorded, early_success, said) in [
            (vec![ours(Some("COMPLETED"))], Some(vec![brief("SUCCESSFUL")]), false, None),
            (vec![ours(Some("COMPLETED"))], None, false, None),
            (vec![ours(None)], None, false, None),
            (vec![], Some(vec![]), false, None),
            (
                vec![ours(Some("IN_PROGRESS"))],
                None,
                false,
                Some("deployment ecs-svc/PRIMARY (IN_PROGRESS) of web:4"),
            ),
            (
                vec![ours(Some("COMPLETED"))],
                Some(vec![brief("SUCCESSFUL"), brief("PENDING")]),
                false,
                Some("deployment abc (PENDING) of web:4"),
            ),
            (vec![ours(Some("FAILED"))], Some(vec![brief("ROLLBACK_IN_PROGRESS")]), false, Some("abc")),
            (vec![ours(Some("FAILED")), other.clone()], Some(vec![brief("STOPPED")]), false, None),
            (vec![ours(Some("COMPLETED")), other.clone()], None, false, Some("with tasks of another one")),
            (vec![ours(None), other.clone()], None, false, Some("with tasks of another one")),
            (vec![ours(Some("COMPLETED")), other.clone()], None, true, None),
        ] {
            let rules = DeploymentRules { early_success, ..DeploymentRules::default() };
            let service = Service { deployments, rules, ..Service::default() };
            let words = UnderWay::of(&service, recorded.as_deref()).map(|one| one.words());
            match said {
                None => assert_eq!(words, None),
                Some(said) => assert!(words.as_ref().is_some_and(|words| words.contains(said)), "{words:?}"),
            }
        }
    }

    #[test]
    fn what_ecs_goes_back_from_is_not_of_the_revision_that_is_primary_again() {
        let at = |second: i64| jiff::Timestamp::from_second(second).ok();
        let old = Deployment { created_at: at(1), ..deployment("PRIMARY", Some("IN_PROGRESS")) };
        let new = Deployment { created_at: at(2), ..deployment("ACTIVE", Some("FAILED")) };
        let service = Service { deployments: vec![old, new], ..Service::default() };
        let brief = ServiceDeploymentBrief {
            arn: "arn:aws:ecs:us-east-1:1:service-deployment/c/web/abc".into(),
            status: DeploymentStatus::RollbackInProgress,
            target: Some("arn:aws:ecs:us-east-1:1:service-revision/c/web/ACTIVE".into()),
            ..ServiceDeploymentBrief::default()
        };
        for (recorded, words) in [
            (Some(vec![brief]), "deployment abc (ROLLBACK_IN_PROGRESS)"),
            (None, "deployment ecs-svc/PRIMARY (IN_PROGRESS, as ECS goes back to it)"),
        ] {
            let under_way = UnderWay::of(&service, recorded.as_deref()).expect("one");
            assert!(!under_way.is_of("arn:aws:ecs:us-east-1:1:task-definition/web:4"));
            assert_eq!(under_way.words(), words);
        }
    }
}
