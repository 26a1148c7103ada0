//! After all verdicts: the health of what is done, and what `--on-failure` says of it.

use std::time::Duration;

use futures::future::join_all;

use super::Rollout;
use super::following::Origin;
use super::health::healthy;
use super::prove::recorded_digests;
use super::rolling::Rolling;
use super::update::Begun;
use crate::arn;
use crate::choices::OnFailure;
use crate::ports::{Lookup, Service, ServiceWorld};
use crate::recorder::Reported;
use crate::report::{OfServices, ServiceReport};
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;
use crate::verdict::service::ServiceVerdict;

/// How often the run looks at the service before it is taken back, and the pause between two looks: a look may show
/// what was before.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Asks for the health of services that are all done. Takes back those that this run has deployed, when one is
    /// not done or not healthy and `--on-failure rollback` says so. `longest` is what the run gives the slowest of
    /// its deployments.
    pub(super) async fn settle(&self, rollouts: &[(usize, &Rollout)], longest: Option<Duration>) {
        let verdicts = self.verdicts(rollouts);
        let all_done = self.are_all_done();
        let unhealthy = if all_done { self.unhealthy(longest).await } else { None };
        if (all_done && unhealthy.is_none())
            || self.terms.on_failure == OnFailure::Keep
            || self.terms.is_back
            || self.session.interrupt.is_set()
        {
            return;
        }
        let is_ours = |verdict: &Option<ServiceVerdict>| {
            matches!(verdict, Some(ServiceVerdict::Deployed(_) | ServiceVerdict::NoTasksWanted))
        };
        let done = rollouts.iter().zip(&verdicts).filter(|(_, verdict)| is_ours(verdict));
        let why = unhealthy.as_deref();
        join_all(done.map(|((index, rollout), _)| self.undo(*index, rollout, why))).await;
    }

    /// Returns whether all services of the whole run are done: one that goes back by ECS alone has a verdict as well.
    fn are_all_done(&self) -> bool {
        let is_done = |row: &ServiceReport| row.verdict.as_ref().is_some_and(ServiceVerdict::is_done);
        self.session.recorder.update(|report| report.services().iter().all(is_done))
    }

    fn verdicts(&self, rollouts: &[(usize, &Rollout)]) -> Vec<Option<ServiceVerdict>> {
        let places: Vec<usize> = rollouts.iter().map(|(place, _)| *place).collect();
        self.session.recorder.update(|report| {
            let rows = report.services();
            places.iter().map(|place| rows.get(*place).and_then(|row| row.verdict.clone())).collect()
        })
    }

    /// Returns why the health address does not confirm the services of the run; `None` where it does, or is not
    /// asked.
    async fn unhealthy(&self, longest: Option<Duration>) -> Option<String> {
        let flags = &self.terms.health;
        let url = flags.health_url.as_deref()?;
        self.session.progress.step("health");
        // A deployment that gets less time than that has no more time for its health.
        let patience = longest.unwrap_or(Duration::MAX);
        let health = match self.session.interrupt.is_set() {
            true => Err("its health was not asked: the run was interrupted".to_owned()),
            false => tokio::select! {
                health = healthy(self.world(), url, flags, patience) => health,
                () = self.session.interrupt.wait() => Err("the run was interrupted before its health was known".into()),
            },
        };
        let said = match &health {
            Ok(said) => said.clone(),
            Err(why) => why.clone(),
        };
        self.session.progress.note(&format!("health: {said}"));
        let names: Vec<String> = self
            .session
            .recorder
            .update(|report| report.services().iter().map(|row| row.service.clone()).collect());
        for (index, name) in names.iter().enumerate() {
            let said = said.clone();
            self.row(index, move |row| row.health = Some(said));
            if let Err(why) = &health {
                self.conclude(index, name, ServiceVerdict::Unhealthy { why: why.clone() });
            }
        }
        health.err()
    }

    /// Takes a service back to what it ran before: its deployment is complete, so ECS has nothing to roll back any
    /// more.
    async fn undo(&self, index: usize, rollout: &Rollout, unhealthy: Option<&str>) {
        let name = phrase(&rollout.before.name);
        let reason = unhealthy.unwrap_or("another service is not deployed");
        let Some(before) =
            rollout.before.task_definition.clone().filter(|before| *before != rollout.revision)
        else {
            self.session
                .recorder
                .note(format!("service {name}: there is nothing to go back to (--on-failure rollback)"));
            return;
        };
        let to = arn::name(&before).to_owned();
        let back = match self.as_deployed(index, rollout).await {
            Ok(Some(now)) => {
                let back = self.back_rollout(index, rollout, now, before).await;
                self.put_back(index, &back, reason).await
            }
            Ok(None) => {
                self.session.recorder.note(format!(
                    "service {name} is not taken back (--on-failure rollback): it was deployed again since"
                ));
                return;
            }
            Err(error) => Err(ServiceVerdict::NotDeployed { why: format!("{error:#}") }),
        };
        let (why, is_going) = outcome(reason, &to, &back);
        let verdict = match (unhealthy, is_going) {
            (Some(_), _) => ServiceVerdict::Unhealthy { why },
            (None, true) => {
                let over = back.is_ok_and(|verdict| verdict.is_done());
                ServiceVerdict::RolledBack { why, over, to: Some(to) }
            }
            (None, false) => ServiceVerdict::Unproved { why },
        };
        self.conclude(index, &rollout.before.name, verdict);
    }

    /// Sends the update, and follows it. An error is the verdict when ECS is not known to have taken the update.
    async fn put_back(
        &self,
        index: usize,
        back: &Rollout,
        reason: &str,
    ) -> Result<ServiceVerdict, ServiceVerdict> {
        match self.begin(back, Origin::WayBack).await {
            Begun::Started(ours) => {
                self.session.recorder.note(format!(
                    "service {} is taken back to {} (--on-failure rollback): {}",
                    phrase(&back.before.name),
                    phrase(arn::name(&back.revision)),
                    phrase(reason)
                ));
                Ok(self.watch(index, back, ours, Origin::WayBack).await)
            }
            Begun::There { .. } => {
                Err(ServiceVerdict::NotDeployed { why: "UpdateService has begun no deployment".into() })
            }
            Begun::Not(verdict) => Err(verdict),
        }
    }

    /// Returns the service as it is now; `None` where the deployment of this run is not its PRIMARY one any more.
    async fn as_deployed(&self, index: usize, rollout: &Rollout) -> anyhow::Result<Option<Service>> {
        let Some(landed) = self.landed.borrow().get(&index).cloned() else { return Ok(None) };
        let names = std::slice::from_ref(&rollout.before.name);
        for look in 1.. {
            let now = self.world().services(&self.terms.cluster, names).await?.into_iter().next();
            let Some(now) = now else { anyhow::bail!("DescribeServices does not show the service") };
            let primary = now.primary().map(|primary| &primary.id);
            if primary == Some(&landed) && now.task_definition.as_ref() == Some(&rollout.revision) {
                return Ok(Some(now));
            }
            // A look that shows an earlier PRIMARY deployment is old.
            let is_old = primary.is_some_and(|id| rollout.before.deployment(id).is_some());
            if !is_old || look == LOOKS {
                break;
            }
            self.pause(BETWEEN_LOOKS).await;
        }
        Ok(None)
    }

    /// Makes a rollout of what the service ran before. The digests are those that ECS has on record.
    async fn back_rollout(&self, index: usize, rollout: &Rollout, now: Service, before: String) -> Rollout {
        let digests = self.digests_before(index, rollout).await;
        let definition = match self.world().describe_task_definition(&before).await {
            Ok(Some(document)) => TaskDefinition::from_json(document, &before).ok(),
            _ => None,
        };
        let definition = definition.unwrap_or_else(|| rollout.definition.clone());
        Rollout {
            before: now,
            revision: before,
            unknown: Rollout::unknown(&definition, &digests),
            digests,
            definition,
            force: false,
            timeout: rollout.timeout,
        }
    }

    /// Reads the digests that ran before, from the service revision that ECS names as the source of the run's
    /// deployment.
    async fn digests_before(&self, index: usize, rollout: &Rollout) -> Vec<(String, String)> {
        let deployment = self
            .session
            .recorder
            .update(|report| report.services().get(index).and_then(|row| row.deployment.clone()));
        let Some(deployment) = deployment else { return Vec::new() };
        let Ok(Lookup::Found(found)) = self.world().describe_service_deployments(&[deployment]).await else {
            return Vec::new();
        };
        let number = rollout.before.primary().map(|one| one.number().to_owned()).unwrap_or_default();
        let sources = found.into_iter().flat_map(|one| one.sources).map(|source| source.arn);
        let Some(source) = sources.into_iter().find(|source| arn::name(source) == number) else {
            return Vec::new();
        };
        match self.world().service_revisions(&[source]).await {
            Ok(Lookup::Found(found)) => {
                found.iter().flat_map(|revision| recorded_digests(&revision.images)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Says in a sentence what became of a way back, and whether it has arrived, or is under way as far as is known.
fn outcome(reason: &str, to: &str, back: &Result<ServiceVerdict, ServiceVerdict>) -> (String, bool) {
    let to = phrase(to);
    match back {
        Ok(done) if done.is_done() => (format!("{reason}; taken back to {to}: {}", done.explain()), true),
        Ok(other) => {
            let is_going = matches!(
                other,
                ServiceVerdict::TimedOut { .. }
                    | ServiceVerdict::Paused { .. }
                    | ServiceVerdict::Cancelled { .. }
                    | ServiceVerdict::Unseen { .. }
            );
            (format!("{reason}; taking it back to {to} is {}: {}", other.word(), other.explain()), is_going)
        }
        Err(not) => {
            let so = match not {
                ServiceVerdict::NotDeployed { .. } | ServiceVerdict::Refused { .. } => "and was not",
                _ => "and whether it was is not known",
            };
            let why = not.explain();
            (format!("{reason}; it was to be taken back to {to} (--on-failure rollback), {so}: {why}"), false)
        }
    }
}
