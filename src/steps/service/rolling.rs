//! One service's way: begun, followed, proved, explained.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{timeout, timeout_at};

use super::following::{End, Following, Origin};
use super::poll::Poll;
use super::update::Begun;
use super::{Rollout, Terms};
use crate::ports::ServiceWorld;
use crate::recorder::Reported;
use crate::report::{Moment, OfServices, ServiceReport};
use crate::session::Session;
use crate::untrusted::phrase;
use crate::verdict::service::{Deployable, Ours, ServiceVerdict};

/// How long the run waits for the end of a rollback: it starts tasks as a deployment does, and may do so for ever.
const ROLLBACK_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long finding a cause may take: events and stopped tasks are at hand, the end of a log comes some seconds late.
const CAUSE_PATIENCE: Duration = Duration::from_secs(30);

/// The rollout of a run's services.
pub(super) struct Rolling<'a, W, R> {
    pub terms: &'a Terms,
    pub session: &'a Session<'a, &'a W, R>,
    pub poll: Poll<'a, W>,
    /// Held by the service for which UpdateService is sent now.
    pub turn: Mutex<()>,
    /// The service whose update ECS has refused.
    pub refused: RefCell<Option<String>>,
    /// The run's deployment by which a service, by its row, is deployed: `ecs-svc/<digits>`.
    pub landed: RefCell<BTreeMap<usize, String>>,
}

impl<'a, W: ServiceWorld, R: Reported + OfServices> Rolling<'a, W, R> {
    pub(super) fn new(terms: &'a Terms, session: &'a Session<'a, &'a W, R>) -> Self {
        let poll = Poll::new(session.world, &terms.cluster);
        let (refused, landed) = (RefCell::default(), RefCell::default());
        Self { terms, session, poll, turn: Mutex::new(()), refused, landed }
    }

    pub(super) fn world(&self) -> &'a W {
        self.session.world
    }

    /// Changes a service's row.
    pub(super) fn row(&self, index: usize, change: impl FnOnce(&mut ServiceReport) + Send) {
        self.session.recorder.update(|report| {
            if let Some(row) = report.services().get_mut(index) {
                change(row);
            }
        });
    }

    /// Tells a person what has happened to a service, and keeps it in the row's timeline.
    pub(super) fn tell(&self, index: usize, service: &str, at: Timestamp, what: String) {
        self.session.progress.note(&format!("service {}: {what}", phrase(service)));
        self.row(index, move |row| {
            let place = row.timeline.partition_point(|moment| moment.at <= at);
            row.timeline.insert(place, Moment { at, what });
        });
        self.session.recorder.save_if_due();
    }

    /// Ends a service's row with the verdict; of a rollout back, a proof is [`ServiceVerdict::WentBack`].
    pub(super) fn conclude(&self, index: usize, service: &str, verdict: ServiceVerdict) {
        let verdict = match verdict {
            ServiceVerdict::Deployed(proof) | ServiceVerdict::Unchanged(proof) if self.terms.is_back => {
                ServiceVerdict::WentBack(proof)
            }
            verdict => verdict,
        };
        let said = format!("service {}: {}: {}", phrase(service), verdict.word(), verdict.explain());
        self.session.progress.note(&said);
        self.row(index, move |row| {
            row.verdict = Some(verdict);
            row.ended_at = Some(Timestamp::now());
        });
        self.session.recorder.save_if_due();
    }

    /// Takes a service from its update to its verdict, in the row of this index. The types have asked for leave
    /// already; whether it is for these images is asked here.
    pub(super) async fn roll(&self, index: usize, rollout: &Rollout, leave: &Deployable) {
        if !leave.is_of(&rollout.digests) {
            let why = match self.terms.is_back {
                true => "its images are not those that are recorded of what ran before",
                false => "its image is not the one that has migrated the databases",
            };
            let verdict = ServiceVerdict::NotDeployed { why: why.to_owned() };
            return self.conclude(index, &rollout.before.name, verdict);
        }
        self.row(index, |row| {
            row.started_at.get_or_insert_with(Timestamp::now);
        });
        let verdict = match self.begin(rollout, Origin::Ours).await {
            Begun::Started(ours) => self.watch(index, rollout, ours, Origin::Ours).await,
            Begun::There { ours, deployment, called } => {
                self.there(index, rollout, ours, &deployment, called).await
            }
            Begun::Not(verdict) => verdict,
        };
        self.conclude(index, &rollout.before.name, verdict);
    }

    pub(super) fn following<'f>(
        &'f self,
        index: usize,
        rollout: &'f Rollout,
        ours: Ours,
        origin: Origin,
    ) -> Following<'f, W> {
        let followed = self.poll.follow(&rollout.before.name);
        Following::new(index, rollout, followed, ours, origin)
    }

    /// Follows the deployment to a verdict, until the rollout's timeout or the interrupt.
    pub(super) async fn watch(
        &self,
        index: usize,
        rollout: &Rollout,
        ours: Ours,
        origin: Origin,
    ) -> ServiceVerdict {
        let mut following = self.following(index, rollout, ours, origin);
        let f = &mut following;
        let at = f.ours.created_at.unwrap_or_else(Timestamp::now);
        let revision = crate::arn::name(&rollout.revision).to_owned();
        let begun = format!("deployment {} of {} begins", phrase(&f.ours.id), phrase(&revision));
        self.tell(index, f.name(), at, begun);
        loop {
            let deadline = f.began + rollout.timeout;
            let end = tokio::select! {
                biased;
                end = timeout_at(deadline, self.follow(f)) => end,
                () = self.session.interrupt.wait() => return self.cancelled(f).await,
            };
            let verdict = match end {
                Err(_) => f.timed_out(),
                Ok(End::GoesBack { why, to }) => return self.goes_back(f, why, to).await,
                Ok(End::Is(verdict)) => verdict,
                Ok(End::Landed(evidence)) => {
                    let proving = self.prove(f, evidence);
                    match self.session.interrupt.unless(async { Ok(proving.await) }).await {
                        // A newer deployment of the same revision: that one is followed.
                        Ok(End::Landed(_)) => continue,
                        Ok(End::Is(verdict)) => verdict,
                        Ok(End::GoesBack { why, to }) => return self.goes_back(f, why, to).await,
                        Err(_) => unlooked(),
                    }
                }
            };
            if verdict.is_done() && f.origin != Origin::Others {
                self.landed.borrow_mut().insert(index, f.ours.id.clone());
            }
            if f.wants_cause(&verdict) {
                self.row(index, {
                    let verdict = verdict.clone();
                    move |row| row.verdict = Some(verdict)
                });
                self.find_cause(f).await;
            }
            return verdict;
        }
    }

    /// Says at once that the deployment has not landed, which is certain. What runs in the end is seen when ECS has
    /// gone back.
    async fn goes_back(&self, f: &mut Following<'_, W>, why: String, to: Option<String>) -> ServiceVerdict {
        let verdict = ServiceVerdict::RolledBack { why: why.clone(), to: to.clone(), over: false };
        let (index, said) = (f.index, format!("rolled back: {}", verdict.explain()));
        let at = f.rolled_back_at();
        self.row(index, {
            let verdict = verdict.clone();
            move |row| row.verdict = Some(verdict)
        });
        self.tell(index, f.name(), at, said);
        self.session.recorder.save();
        let explained = f.explained();
        let (ended, cause) = tokio::select! {
            both = join(timeout(ROLLBACK_PATIENCE, self.end_of_rollback(f)), timeout(CAUSE_PATIENCE, self.cause(&explained))) => both,
            () = self.session.interrupt.wait() => return verdict,
        };
        if let Ok(cause) = cause {
            self.row(index, move |row| row.cause = Some(cause));
        }
        match ended {
            Ok(End::Is(ServiceVerdict::RolledBack { over, .. })) => {
                ServiceVerdict::RolledBack { why, to, over }
            }
            Ok(End::Is(verdict)) => verdict,
            _ => verdict,
        }
    }

    async fn find_cause(&self, f: &Following<'_, W>) {
        let explained = f.explained();
        let cause = tokio::select! {
            cause = timeout(CAUSE_PATIENCE, self.cause(&explained)) => cause,
            () = self.session.interrupt.wait() => return,
        };
        if let Ok(cause) = cause {
            self.row(f.index, move |row| row.cause = Some(cause));
        }
    }
}

/// Returns the verdict of a run that was interrupted when ECS had said that the service is deployed.
pub(super) fn unlooked() -> ServiceVerdict {
    ServiceVerdict::Unproved {
        why: "ECS has completed the deployment; the run was interrupted before its tasks were looked at"
            .into(),
    }
}

/// A deployment that is to be explained, as it was last seen.
pub(super) struct Explained<'a> {
    pub rollout: &'a Rollout,
    pub ours: Ours,
    pub service: Option<Arc<crate::ports::Service>>,
}
