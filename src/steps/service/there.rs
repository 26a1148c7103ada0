//! There: the service has the revision already, by a deployment that was there before.

use tokio::time::sleep_until;

use super::Rollout;
use super::following::{End, Following, Origin};
use super::listed::Listed;
use super::rolling::{Rolling, unlooked};
use super::stage;
use crate::arn;
use crate::ports::{Deployment, Lookup, ServiceDeployment, ServiceDeploymentBrief, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::untrusted::phrase;
use crate::verdict::service::{Course, Evidence, Ours, ServiceVerdict, course, why};
use crate::words::counted;

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Judges a service for which no new deployment of the revision was begun: its PRIMARY one is followed where it
    /// is under way, and proved where it is complete. While ECS goes back to it from another deployment, the end of
    /// that one counts.
    pub(super) async fn there(
        &self,
        index: usize,
        rollout: &Rollout,
        ours: Ours,
        deployment: &Deployment,
        called: bool,
    ) -> ServiceVerdict {
        let is_complete = match deployment.rollout.as_deref() {
            Some("COMPLETED") => true,
            Some("IN_PROGRESS") => false,
            state => {
                let state = state.map_or_else(|| "without a state".to_owned(), phrase);
                let call = if called { "UpdateService has begun no deployment: the" } else { "the" };
                return ServiceVerdict::Unproved {
                    why: format!(
                        "{call} service's PRIMARY deployment is of this revision already, and {state}"
                    ),
                };
            }
        };
        let mut following = self.following(index, rollout, ours.clone(), Origin::Others);
        let evidence = match self.another(&following).await {
            Ok(Some(another)) => match self.end_of_another(&mut following, &another).await {
                Some(verdict) => return verdict,
                None => Evidence::ServiceDeployment,
            },
            // It does what a deployment of this run would do.
            _ if !is_complete => return self.watch(index, rollout, ours, Origin::Others).await,
            _ => self.evidence_of(&following).await,
        };
        self.row(index, |row| row.evidence = Some(evidence));
        let proving = self.prove(&mut following, evidence);
        match self.session.interrupt.unless(async { Ok(proving.await) }).await {
            // Its time to start tasks is long over: missing tasks are not tasks that still start.
            Ok(End::Is(ServiceVerdict::Deployed(proof)))
                if proof.tasks() < proof.wanted() && !rollout.before.rules.early_success =>
            {
                ServiceVerdict::Unproved {
                    why: format!(
                        "the service has this revision already, and runs {} of {} of it",
                        proof.tasks(),
                        counted(proof.wanted(), "wanted task")
                    ),
                }
            }
            Ok(End::Is(ServiceVerdict::Deployed(proof))) => ServiceVerdict::Unchanged(proof),
            Ok(End::Is(verdict)) => verdict,
            Ok(_) => ServiceVerdict::Unproved { why: "another deployment was started meanwhile".into() },
            Err(_) => unlooked(),
        }
    }

    /// Returns [`Evidence::ServiceDeployment`] where the service's own record says that this deployment was
    /// successful, and is the last; else [`Evidence::Classic`].
    async fn evidence_of(&self, following: &Following<'_, W>) -> Evidence {
        match self.listed(following).await {
            Ok(Lookup::Found(Some(Listed { brief, newer: None }))) if brief.status.name() == "SUCCESSFUL" => {
                Evidence::ServiceDeployment
            }
            _ => Evidence::Classic,
        }
    }

    /// Follows another deployment, which ECS leaves for the one that was there before. `None` when it has: then its
    /// tasks are to be looked at.
    async fn end_of_another(
        &self,
        f: &mut Following<'_, W>,
        another: &ServiceDeploymentBrief,
    ) -> Option<ServiceVerdict> {
        let what = format!(
            "deployment {} of it is {}, and its end is waited for",
            phrase(arn::name(&another.arn)),
            phrase(another.status.name())
        );
        self.tell(f.index, f.name(), f.ecs_now(), what);
        f.followed.look_at(Some(another.arn.clone()));
        let deadline = f.began + f.rollout.timeout;
        loop {
            let sight = f.followed.sight();
            if let Some(why) = sight.unread.or(sight.unseen) {
                return Some(ServiceVerdict::Unseen { why });
            }
            let seen = sight.deployment.as_deref();
            match seen.map(|seen| (seen, course(seen))) {
                Some((_, Course::WentBack)) => return None,
                Some((seen, Course::RollbackFailed)) => {
                    return Some(ServiceVerdict::RollbackFailed { why: why(seen, false) });
                }
                Some((seen, Course::Landed)) => return self.another_landed(f, seen).await,
                Some((seen, Course::Failed | Course::Stopped)) => {
                    return Some(ServiceVerdict::Unproved {
                        why: format!(
                            "another deployment of the service is {}, so what it runs is not known: {}",
                            phrase(seen.status.name()),
                            why(seen, false)
                        ),
                    });
                }
                Some((_, Course::UnderWay | Course::GoesBack)) | None => {}
            }
            tokio::select! {
                () = f.followed.changed() => {}
                () = sleep_until(deadline) => {
                    let stage = stage::stage(seen, None, &f.ours);
                    return Some(ServiceVerdict::TimedOut {
                        after_ms: i64::try_from(f.rollout.timeout.as_millis()).unwrap_or(i64::MAX),
                        why: format!("another deployment of the service is {}", stage::waits(&stage, seen, None)),
                    });
                }
                () = self.session.interrupt.wait() => return Some(self.cancelled(f).await),
            }
        }
    }
    /// Judges another deployment that has landed. `None` when it is of the same revision: then its tasks are to be
    /// looked at.
    async fn another_landed(
        &self,
        f: &mut Following<'_, W>,
        seen: &ServiceDeployment,
    ) -> Option<ServiceVerdict> {
        let target = seen.target.as_ref().map(|target| target.arn.clone());
        let content = self.content(f, target.clone()).await;
        if content.as_deref() != Some(arn::name(&f.rollout.revision)) {
            return Some(Following::<W>::superseded_by(&content.unwrap_or_default()));
        }
        let id = format!("ecs-svc/{}", arn::name(&target.unwrap_or_default()));
        let ours = Ours { id, created_at: seen.created_at, ..f.ours.clone() };
        self.follow_newer(f, ours, Some(seen.arn.clone()));
        None
    }
}
