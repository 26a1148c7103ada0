//! Orders to go back: when the run is interrupted, and as `rollback` gives them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Underway;
use super::following::{Following, Origin};
use super::poll::Followed;
use super::rolling::Rolling;
use super::stage;
use crate::arn;
use crate::choices::OnCancel;
use crate::failure::{Failure, is_transient};
use crate::ports::{DeploymentStatus, Lookup, ServiceDeployment, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::untrusted::phrase;
use crate::verdict::service::{Course, Evidence, Ours, ServiceVerdict, course, failed_hook, why};

/// The order to go back when the run is interrupted, looks included: GitHub's runner leaves 7.5 s between SIGINT and
/// SIGTERM.
const ORDER_DEADLINE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(500);
/// Orders that ECS refuses: the deployment may have ended, or moved on, since it was looked at.
const MAX_REFUSALS: u32 = 3;
/// An order that was taken shows after a second or two; after so long it is given again.
const ORDER_GRACE: Duration = Duration::from_secs(60);

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Does what `--on-cancel` says of a deployment that this run has begun, when the run is interrupted. Only this
    /// and `rollback` ever tell ECS to go back.
    pub(super) async fn cancelled(&self, f: &mut Following<'_, W>) -> ServiceVerdict {
        let name = phrase(f.name());
        if self.terms.on_cancel != OnCancel::Rollback || f.origin != Origin::Ours {
            let how = f.arn.as_ref().filter(|_| f.origin != Origin::WayBack).map(|arn| {
                format!("; to go back: `aws ecs stop-service-deployment --service-deployment-arn {arn}`")
            });
            self.session.recorder.note(format!(
                "the deployment {} of service {name} goes on, and nothing follows it{}",
                phrase(&f.ours.id),
                how.unwrap_or_default()
            ));
            return ServiceVerdict::Cancelled { rolled_back: false };
        }
        let ordered = timeout(ORDER_DEADLINE, self.order_back(f)).await;
        let why = match ordered {
            Ok(Ok(())) => return ServiceVerdict::Cancelled { rolled_back: true },
            Ok(Err(why)) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        self.session.recorder.note(format!("service {name} was not told to go back: {}", phrase(&why)));
        ServiceVerdict::Cancelled { rolled_back: false }
    }

    async fn order_back(&self, f: &mut Following<'_, W>) -> Result<(), String> {
        let arn = loop {
            if let Some(arn) = &f.arn {
                break arn.clone();
            }
            match self.listed(f).await {
                Ok(Lookup::Found(Some(listed))) => f.arn = Some(listed.brief.arn),
                Ok(Lookup::Denied(error)) => return Err(format!("{error:#}")),
                Err(error) if !is_transient(&error) => return Err(format!("{error:#}")),
                _ => sleep(AGAIN).await,
            }
        };
        let mut hook = f.deployment.as_ref().and_then(|seen| seen.pause()).map(|hook| hook.id.clone());
        let mut refusals = 0;
        loop {
            let error = match self.order(&arn, hook.as_deref()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !is_transient(&error) {
                refusals += 1;
                if refusals >= MAX_REFUSALS {
                    return Err(format!("{error:#}"));
                }
            }
            if let Ok(Lookup::Found(found)) =
                self.world().describe_service_deployments(std::slice::from_ref(&arn)).await
                && let Some(seen) = found.first()
            {
                match &seen.status {
                    DeploymentStatus::RollbackRequested
                    | DeploymentStatus::RollbackInProgress
                    | DeploymentStatus::RollbackSuccessful => return Ok(()),
                    status if status.is_over() => return Err(format!("it was {} before", status.name())),
                    _ => hook = seen.pause().map(|hook| hook.id.clone()),
                }
            }
            sleep(AGAIN).await;
        }
    }

    async fn order(&self, arn: &str, hook: Option<&str>) -> anyhow::Result<()> {
        match hook {
            Some(hook) => self.world().roll_back_paused_service_deployment(arn, hook).await,
            None => self.world().roll_back_service_deployment(arn).await,
        }
    }

    /// Takes a deployment back that is under way, and follows it to its end. Returns whether it was complete before
    /// ECS could go back: there is no verdict then.
    pub(super) async fn take_back(&self, index: usize, underway: &Underway) -> bool {
        let name = &underway.before.name;
        let deployment = underway.deployment.clone();
        self.row(index, move |row| {
            row.started_at.get_or_insert_with(Timestamp::now);
            row.deployment = Some(deployment);
            row.evidence = Some(Evidence::ServiceDeployment);
        });
        let mut followed = self.poll.follow(name);
        followed.look_at(Some(underway.deployment.clone()));
        let mut back =
            Back { underway, ordered: None, refusals: 0, was_asked: false, told: None, seen: None };
        let deadline = Instant::now() + underway.timeout;
        let verdict = tokio::select! {
            biased;
            verdict = self.go_back(index, &mut followed, &mut back) => verdict,
            () = self.session.interrupt.wait() => {
                Some(ServiceVerdict::Cancelled { rolled_back: back.ordered.is_some() })
            }
            () = sleep_until(deadline) => Some(back.timed_out()),
        };
        match verdict {
            Some(verdict) => {
                self.conclude(index, name, verdict);
                false
            }
            None => {
                self.tell(index, name, Timestamp::now(), "it was complete before ECS could go back".into());
                self.row(index, |row| row.verdict = None);
                true
            }
        }
    }

    async fn go_back(
        &self,
        index: usize,
        followed: &mut Followed<'_, W>,
        back: &mut Back<'_>,
    ) -> Option<ServiceVerdict> {
        let name = &back.underway.before.name;
        loop {
            let sight = followed.sight();
            if let Some(why) = sight.unread.or(sight.unseen) {
                return Some(ServiceVerdict::Unseen { why });
            }
            if sight.absent_since.is_some_and(|since| since.elapsed() >= ORDER_GRACE) {
                let why = "ECS does not know the service deployment any more".into();
                return Some(ServiceVerdict::Unproved { why });
            }
            if let Some(seen) = sight.deployment {
                back.was_asked |= seen.status == DeploymentStatus::RollbackRequested;
                self.show_back(index, back, &seen, sight.service.as_deref());
                match course(&seen) {
                    Course::Landed => return None,
                    Course::WentBack => return Some(self.went_back(name, back, &seen).await),
                    Course::RollbackFailed => {
                        return Some(ServiceVerdict::RollbackFailed { why: why(&seen, back.was_asked) });
                    }
                    Course::Failed => {
                        return Some(ServiceVerdict::Failed { why: why(&seen, back.was_asked) });
                    }
                    Course::Stopped => return Some(self.stopped_instead(name, &seen).await),
                    Course::GoesBack => {}
                    Course::UnderWay => {
                        let is_ending = matches!(
                            seen.status,
                            DeploymentStatus::StopRequested | DeploymentStatus::RollbackRequested
                        );
                        let is_due = back.ordered.is_none_or(|at: Instant| at.elapsed() >= ORDER_GRACE);
                        if !is_ending
                            && is_due
                            && let Some(verdict) = self.order_again(index, back, &seen).await
                        {
                            return Some(verdict);
                        }
                    }
                }
                back.seen = Some((*seen).clone());
            }
            followed.changed().await;
        }
    }

    /// Gives the order to go back. A refusal is not an answer yet: the deployment may have ended, which the next look
    /// tells. Returns a verdict after [`MAX_REFUSALS`].
    async fn order_again(
        &self,
        index: usize,
        back: &mut Back<'_>,
        seen: &ServiceDeployment,
    ) -> Option<ServiceVerdict> {
        let hook = seen.pause().map(|hook| hook.id.as_str());
        match self.order(&seen.arn, hook).await {
            Ok(()) => {
                back.ordered = Some(Instant::now());
                let what = "ECS was told to go back to what ran before".to_owned();
                self.tell(index, &back.underway.before.name, Timestamp::now(), what);
                None
            }
            Err(error) if is_transient(&error) => None,
            Err(error) => {
                back.refusals += 1;
                (back.refusals >= MAX_REFUSALS)
                    .then(|| ServiceVerdict::Unseen { why: Failure::from_error(&error).sentence() })
            }
        }
    }

    /// Proves what runs after ROLLBACK_SUCCESSFUL: it is what ECS names as the target of its rollback.
    async fn went_back(&self, name: &str, back: &Back<'_>, seen: &ServiceDeployment) -> ServiceVerdict {
        let to = seen.rollback.as_ref().and_then(|rollback| rollback.to.clone());
        let Some(to) = to.or_else(|| seen.sources.first().map(|source| source.arn.clone())) else {
            return ServiceVerdict::Unproved { why: "ECS has gone back, and does not say to what".into() };
        };
        let revision = match self.world().service_revisions(std::slice::from_ref(&to)).await {
            Ok(Lookup::Found(found)) => found.into_iter().find(|one| one.arn == to),
            Ok(Lookup::Absent) => None,
            Ok(Lookup::Denied(error)) | Err(error) => {
                return ServiceVerdict::Unseen { why: Failure::from_error(&error).sentence() };
            }
        };
        let Some(revision) = revision else {
            return ServiceVerdict::Unproved {
                why: format!(
                    "ECS has gone back, and does not say what service revision {} is",
                    phrase(arn::name(&to))
                ),
            };
        };
        // A deployment that came between may have changed what ECS goes back to.
        if let Some(planned) = back.underway.to.as_ref().filter(|planned| !planned.is(&revision)) {
            return ServiceVerdict::Unproved {
                why: format!(
                    "ECS has gone back to service revision {} ({}), and the plan was to go back to {}",
                    phrase(arn::name(&to)),
                    phrase(arn::name(&revision.task_definition)),
                    phrase(arn::name(&planned.task_definition))
                ),
            };
        }
        let earlier = back.underway.before.deployments.iter().map(|one| one.id.clone());
        let ours = Ours {
            id: format!("ecs-svc/{}", arn::name(&to)),
            task_definition: revision.task_definition.clone(),
            created_at: None,
            earlier: earlier.collect(),
        };
        match self.prove_back(name, &ours, &revision.images).await {
            ServiceVerdict::Deployed(proof) => ServiceVerdict::WentBack(proof),
            verdict => verdict,
        }
    }

    /// Returns the verdict on a deployment that was STOPPED, so that ECS has not gone back.
    async fn stopped_instead(&self, name: &str, seen: &ServiceDeployment) -> ServiceVerdict {
        match self.newest_after(name, seen).await {
            Some((_, revision)) => {
                ServiceVerdict::Superseded { by: arn::name(&revision.task_definition).into() }
            }
            None => match failed_hook(seen) {
                Some(why) => ServiceVerdict::Failed { why },
                None => ServiceVerdict::Unproved {
                    why: format!("ECS has stopped the deployment instead of going back: {}", why(seen, true)),
                },
            },
        }
    }

    fn show_back(
        &self,
        index: usize,
        back: &mut Back<'_>,
        seen: &ServiceDeployment,
        service: Option<&crate::ports::Service>,
    ) {
        let primary = back.underway.before.primary().map(|one| one.id.clone()).unwrap_or_default();
        let now = stage::stage(Some(seen), service, &Ours { id: primary, ..Ours::default() });
        let news = stage::news(back.told.as_ref(), &now);
        back.told = Some(now.clone());
        let finished = seen.finished_at.or(seen.stopped_at);
        self.row(index, move |row| {
            row.stage = Some(now);
            if finished.is_some() && row.finished_at.is_none() {
                row.finished_at = finished;
                row.seen_at = Some(Timestamp::now());
            }
        });
        let at = finished.or(seen.updated_at).unwrap_or_else(Timestamp::now);
        for what in news {
            self.tell(index, &back.underway.before.name, at, what);
        }
    }
}

/// A deployment that is taken back, as it was last seen.
struct Back<'a> {
    underway: &'a Underway,
    /// When ECS took the order.
    ordered: Option<Instant>,
    refusals: u32,
    was_asked: bool,
    told: Option<crate::report::Stage>,
    seen: Option<ServiceDeployment>,
}

impl Back<'_> {
    fn timed_out(&self) -> ServiceVerdict {
        if let Some(seen) = &self.seen
            && course(seen) == Course::GoesBack
        {
            let to = seen.rollback.as_ref().and_then(|rollback| rollback.to.as_deref());
            return ServiceVerdict::RolledBack {
                why: why(seen, self.was_asked),
                to: to.map(|to| arn::name(to).to_owned()),
                over: false,
            };
        }
        let stage = self.told.clone().unwrap_or_default();
        ServiceVerdict::TimedOut {
            after_ms: i64::try_from(self.underway.timeout.as_millis()).unwrap_or(i64::MAX),
            why: stage::waits(&stage, self.seen.as_ref(), None),
        }
    }
}
