//! Services as they are right before they are updated: what has changed since the plan was made, and whether another
//! deployment is under way, whose end is waited for where that is wanted.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::observe::{Look, look};
use crate::arn;
use crate::choices::OnDeploying;
use crate::plan::deploy_plan::DeployPlan;
use crate::plan::{ServicePlan, UnderWay};
use crate::ports::{Service, ServiceReads};
use crate::progress::Progress;
use crate::untrusted::phrase;
use crate::words::duration;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a service is not deployed after all.
pub(crate) type Why = String;

/// Looks until no deployment of the services is in the way, for no longer than each service's own deployment may
/// take. A deployment of the revision that the service is to run (`revisions`, as ARNs, in the plan's order) is not
/// in the way.
///
/// Calls `waits` after every look: for each service, what is under way and waited for, or `None`.
///
/// Returns the services as they are now, in the plan's order, or the reasons that keep some of them from being
/// deployed: each with the place of its service.
///
/// # Errors
/// They cannot be looked at.
pub(crate) async fn settled(
    plan: &DeployPlan,
    revisions: &[&str],
    reads: &impl ServiceReads,
    progress: &Progress,
    waits: &dyn Fn(&[Option<UnderWay>]),
) -> Result<Result<Vec<Service>, Vec<(usize, Why)>>> {
    let names: Vec<String> = plan.services.iter().map(|service| service.name().to_owned()).collect();
    let began = Instant::now();
    let mut said = false;
    loop {
        let looks = look(&plan.cluster, &names, reads).await?;
        let waited = began.elapsed();
        let states: Vec<Settled> = plan
            .services
            .iter()
            .zip(revisions)
            .zip(&looks)
            .map(|((service, revision), look)| state(service, revision, look, plan.on_deploying, waited))
            .collect();
        let waited_for: Vec<Option<UnderWay>> = states.iter().map(Settled::waits_for).collect();
        waits(&waited_for);
        let refused: Vec<(usize, Why)> =
            states.iter().enumerate().filter_map(|(at, one)| one.refused(at)).collect();
        if !refused.is_empty() {
            return Ok(Err(refused));
        }
        let Some(under_way) = waited_for.iter().flatten().next() else {
            return Ok(Ok(looks.into_iter().map(|look| look.service).collect()));
        };
        if !std::mem::replace(&mut said, true) {
            progress.step("wait for deployments that are under way");
            progress.note(&format!("{} is waited for (--on-deploying wait)", under_way.words()));
        }
        sleep(PAUSE).await;
    }
}

enum Settled {
    Ready,
    Waits(UnderWay),
    Refused(Why),
}

impl Settled {
    fn waits_for(&self) -> Option<UnderWay> {
        match self {
            Self::Waits(under_way) => Some(under_way.clone()),
            _ => None,
        }
    }

    fn refused(&self, place: usize) -> Option<(usize, Why)> {
        match self {
            Self::Refused(why) => Some((place, why.clone())),
            _ => None,
        }
    }
}

/// Judges whether a service can be updated as it was planned; a pure function.
fn state(
    plan: &ServicePlan,
    revision: &str,
    look: &Look,
    on_deploying: OnDeploying,
    waited: Duration,
) -> Settled {
    let Look { service, under_way, .. } = look;
    // While ECS goes back to this revision, another deployment is under way.
    if service.task_definition.as_deref() == Some(revision)
        && under_way.as_ref().is_none_or(|under_way| under_way.is_of(revision))
    {
        return Settled::Ready;
    }
    let (planned, now) = (&plan.service.task_definition, &service.task_definition);
    match (under_way, on_deploying) {
        (Some(under_way), OnDeploying::Wait) if waited < plan.timeout => Settled::Waits(under_way.clone()),
        (Some(under_way), OnDeploying::Wait) => Settled::Refused(format!(
            "{} was still under way after {} (--deploy-timeout)",
            under_way.words(),
            duration(i64::try_from(waited.as_millis()).unwrap_or(i64::MAX))
        )),
        (Some(under_way), OnDeploying::Fail) => Settled::Refused(format!(
            "{} has begun since the plan was made (--on-deploying fail)",
            under_way.words()
        )),
        _ if planned != now => {
            let name = |arn: &Option<String>| phrase(arn::name(arn.as_deref().unwrap_or("nothing")));
            Settled::Refused(format!(
                "it runs something else since the plan was made: it changed from {} to {}: deploy again",
                name(planned),
                name(now)
            ))
        }
        _ => Settled::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::deploy_plan::tests::service_plan;

    #[test]
    fn what_has_changed_since_the_plan_moves_nothing() {
        let plan = service_plan();
        let under_way = UnderWay {
            deployment: "ecs-svc/9".into(),
            status: "IN_PROGRESS".into(),
            task_definition: plan.service.task_definition.clone(),
        };
        let other = Some("arn:aws:ecs:us-east-1:1:task-definition/web:99".to_owned());
        let (fail, wait, supersede) = (OnDeploying::Fail, OnDeploying::Wait, OnDeploying::Supersede);
        let (none, long) = (Duration::ZERO, plan.timeout);
        let revision = "arn:aws:ecs:us-east-1:1:task-definition/web:4";
        for (changed, is_under_way, on_deploying, waited, expected) in [
            (false, false, fail, none, "ready"),
            (false, true, fail, none, "ecs-svc/9 (IN_PROGRESS)"),
            (false, true, wait, none, "waits"),
            // Its deployment may yet go back.
            (true, true, wait, none, "waits"),
            (false, true, wait, long, "still under way after 30 min"),
            (false, false, wait, long, "ready"),
            (true, false, wait, long, "it runs something else"),
            (true, false, fail, none, "to web:99: deploy again"),
            (false, true, supersede, none, "ready"),
            (true, true, supersede, none, "it runs something else"),
        ] {
            let mut service = plan.service.clone();
            if changed {
                service.task_definition.clone_from(&other);
            }
            let seen = is_under_way.then(|| under_way.clone());
            let look = Look { service, under_way: seen, unrecorded: None };
            let said = match state(&plan, revision, &look, on_deploying, waited) {
                Settled::Ready => "ready".to_owned(),
                Settled::Waits(_) => "waits".to_owned(),
                Settled::Refused(why) => why,
            };
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let service = Service { task_definition: Some(revision.to_owned()), ..plan.service.clone() };
        for (of, on_deploying, is_ready) in [
            (None, fail, false),
            (None, wait, false),
            (Some(revision), fail, true),
            (Some(revision), wait, true),
        ] {
            let under_way = UnderWay { task_definition: of.map(str::to_owned), ..under_way.clone() };
            let look = Look { service: service.clone(), under_way: Some(under_way), unrecorded: None };
            let state = state(&plan, revision, &look, on_deploying, none);
            assert_eq!(matches!(state, Settled::Ready), is_ready, "{of:?} {on_deploying:?}");
        }
    }
}
