//! UpdateService: once for each service, whatever happens to its answer.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep, timeout_at};

use super::Rollout;
use super::following::Origin;
use super::rolling::Rolling;
use crate::backoff::jittered;
use crate::failure::{Failure, is_throttled, is_transient};
use crate::ports::{Deployment, Lookup, Service, ServiceWorld, UpdateService};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::untrusted::phrase;
use crate::verdict::service::{Ours, ServiceVerdict};

/// A call that is under way when the run is interrupted gets this long for its answer: it may have begun a
/// deployment.
const ANSWER_AFTER_INTERRUPT: Duration = Duration::from_secs(3);
/// The wait after a throttled call, doubled each time up to the longest.
const FIRST_THROTTLED_WAIT: Duration = Duration::from_secs(1);
const LONGEST_THROTTLED_WAIT: Duration = Duration::from_secs(20);
/// How long the run looks for what a call without an answer has done: a look may show the service as it was before.
const LOOKS_AFTER_SILENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Calls, at most, that got no answer and had no visible effect.
const MAX_SILENT_CALLS: u32 = 3;

/// The result of an update.
pub(super) enum Begun {
    /// A deployment of the revision, which was not there before.
    Started(Ours),
    /// The service has the revision already, by this deployment, which was there before. `called` says whether
    /// UpdateService was sent.
    There {
        ours: Ours,
        deployment: Deployment,
        called: bool,
    },
    Not(ServiceVerdict),
}

/// What looks after a silent call have shown.
enum Looked {
    Started(Ours),
    Nothing,
    Blind(String),
}

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Puts the revision on the service. One service after the other, as fast as ECS answers; after a refusal none is
    /// begun any more, except for a way back.
    pub(super) async fn begin(&self, rollout: &Rollout, origin: Origin) -> Begun {
        let request = UpdateService {
            cluster: self.terms.cluster.clone(),
            service: rollout.before.name.clone(),
            task_definition: rollout.revision.clone(),
            force: rollout.force,
        };
        if !rollout.force
            && rollout.before.task_definition.as_ref() == Some(&rollout.revision)
            && let Some(begun) = self.already_there(rollout).await
        {
            return begun;
        }
        let deadline = Instant::now() + rollout.timeout;
        let (mut wait, mut silent) = (FIRST_THROTTLED_WAIT, 0);
        loop {
            let turn = self.turn.lock().await;
            if let Some(verdict) = self.hindrance(origin) {
                return Begun::Not(verdict);
            }
            let answer = self.send(&request).await;
            let error = match answer {
                Some(Ok(service)) => return answered(rollout, &service),
                None => {
                    return Begun::Not(ServiceVerdict::Unproved {
                        why: "the run was interrupted while UpdateService had no answer: a deployment may be under way"
                            .into(),
                    });
                }
                Some(Err(error)) => error,
            };
            if !is_transient(&error) {
                let failure = Failure::from_error(&error);
                self.refused.replace(Some(rollout.before.name.clone()));
                return Begun::Not(ServiceVerdict::Refused { why: failure.sentence() });
            }
            drop(turn);
            if is_throttled(&error) {
                if Instant::now() + wait >= deadline {
                    return Begun::Not(ServiceVerdict::Refused {
                        why: Failure::from_error(&error).sentence(),
                    });
                }
                self.pause(jittered(wait)).await;
                wait = (wait * 2).min(LONGEST_THROTTLED_WAIT);
                continue;
            }
            silent += 1;
            match self.look_after(rollout).await {
                Looked::Started(ours) => {
                    let name = phrase(&rollout.before.name);
                    self.session.recorder.note(format!(
                        "service {name}: UpdateService got no answer, and was carried out: deployment {} is there",
                        phrase(&ours.id)
                    ));
                    return Begun::Started(ours);
                }
                Looked::Nothing if silent < MAX_SILENT_CALLS => {}
                Looked::Nothing => {
                    return Begun::Not(ServiceVerdict::Unproved {
                        why: format!(
                            "UpdateService got no answer {silent} times ({}); ECS shows no deployment of it",
                            phrase(&format!("{error:#}"))
                        ),
                    });
                }
                Looked::Blind(why) => {
                    return Begun::Not(ServiceVerdict::Unproved {
                        why: format!(
                            "UpdateService got no answer ({}), and whether it was carried out cannot be told: {why}",
                            phrase(&format!("{error:#}"))
                        ),
                    });
                }
            }
        }
    }

    /// Returns why no deployment may be begun any more; `None` while one may.
    fn hindrance(&self, origin: Origin) -> Option<ServiceVerdict> {
        match &*self.refused.borrow() {
            Some(other) if origin != Origin::WayBack => {
                let why = format!("not begun, because ECS refused the update of service {}", phrase(other));
                Some(ServiceVerdict::Refused { why })
            }
            _ if self.session.interrupt.is_set() => {
                let why = "the run was interrupted before it was begun".to_owned();
                Some(ServiceVerdict::NotDeployed { why })
            }
            _ => None,
        }
    }

    /// Calls UpdateService; `None` when the run was interrupted meanwhile, and the answer did not come soon after.
    async fn send(&self, request: &UpdateService) -> Option<Result<Service>> {
        let interrupted = async {
            self.session.interrupt.wait().await;
            sleep(ANSWER_AFTER_INTERRUPT).await;
        };
        tokio::select! {
            answer = self.world().update_service(request) => Some(answer),
            () = interrupted => None,
        }
    }

    /// Waits, and returns at once when the run is interrupted.
    pub(super) async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.session.interrupt.wait() => {}
        }
    }

    /// Looks again at a service that had the revision when the plan was made: if it still has it, there is nothing to
    /// call.
    async fn already_there(&self, rollout: &Rollout) -> Option<Begun> {
        let name = std::slice::from_ref(&rollout.before.name);
        let seen = self.world().services(&self.terms.cluster, name).await.ok()?.into_iter().next()?;
        let primary =
            seen.primary().filter(|one| one.task_definition.as_ref() == Some(&rollout.revision))?.clone();
        let ours = ours(rollout, &primary, &seen);
        Some(Begun::There { ours, deployment: primary, called: false })
    }

    /// Looks for what a call without an answer has done, in both of ECS's views.
    async fn look_after(&self, rollout: &Rollout) -> Looked {
        let until = Instant::now() + LOOKS_AFTER_SILENCE;
        let (mut looks, mut trouble) = (0, String::new());
        loop {
            match timeout_at(until, self.look_once(rollout)).await {
                Ok(Ok(Some(ours))) => return Looked::Started(ours),
                Ok(Ok(None)) => looks += 1,
                Ok(Err(error)) => trouble = phrase(&Failure::from_error(&error).sentence()),
                Err(_) => {}
            }
            if Instant::now() + BETWEEN_LOOKS >= until || self.session.interrupt.is_set() {
                break;
            }
            self.pause(BETWEEN_LOOKS).await;
        }
        if self.session.interrupt.is_set() {
            return Looked::Blind("the run was interrupted".into());
        }
        // One look is not enough: it may show what was before.
        if looks > 1 { Looked::Nothing } else { Looked::Blind(trouble) }
    }

    async fn look_once(&self, rollout: &Rollout) -> Result<Option<Ours>> {
        let Rollout { before, revision, .. } = rollout;
        let (cluster, name) = (&self.terms.cluster, &before.name);
        let seen = self.world().services(cluster, std::slice::from_ref(name)).await?;
        let is_new = |id: &str| before.deployment(id).is_none();
        if let Some(service) = seen.first()
            && let Some(one) = service
                .deployments
                .iter()
                .find(|one| is_new(&one.id) && one.task_definition.as_ref() == Some(revision))
        {
            return Ok(Some(ours(rollout, one, service)));
        }
        let newest = before.deployments.iter().filter_map(|one| one.created_at).max();
        let Ok(Lookup::Found(listed)) = self.world().service_deployments(cluster, name, newest).await else {
            return Ok(None);
        };
        for brief in listed {
            let Some(target) = brief.target else { continue };
            let id = format!("ecs-svc/{}", crate::arn::name(&target));
            if !is_new(&id) {
                continue;
            }
            if let Ok(Lookup::Found(revisions)) =
                self.world().service_revisions(std::slice::from_ref(&target)).await
                && revisions.iter().any(|one| one.arn == target && one.task_definition == *revision)
            {
                let one = Deployment { id, created_at: brief.created_at, ..Deployment::default() };
                return Ok(Some(ours(rollout, &one, before)));
            }
        }
        Ok(None)
    }
}

/// Reads the answer of UpdateService: its PRIMARY deployment is that of this run, unless it was there before.
fn answered(rollout: &Rollout, service: &Service) -> Begun {
    let unproved = |why: &str| Begun::Not(ServiceVerdict::Unproved { why: why.to_owned() });
    let Some(primary) = service.primary() else {
        return unproved("UpdateService has answered without a PRIMARY deployment");
    };
    if primary.task_definition.as_ref() != Some(&rollout.revision) {
        return unproved("UpdateService has answered, and the PRIMARY deployment is of another revision");
    }
    let ours = ours(rollout, primary, service);
    match rollout.before.deployment(&primary.id) {
        None => Begun::Started(ours),
        Some(_) => Begun::There { ours, deployment: primary.clone(), called: true },
    }
}

fn ours(rollout: &Rollout, deployment: &Deployment, seen: &Service) -> Ours {
    let ids =
        |service: &Service| service.deployments.iter().map(|one| one.id.clone()).collect::<BTreeSet<_>>();
    let mut earlier = ids(&rollout.before);
    earlier.extend(ids(seen));
    earlier.remove(&deployment.id);
    Ours {
        id: deployment.id.clone(),
        task_definition: rollout.revision.clone(),
        created_at: deployment.created_at,
        earlier,
    }
}
