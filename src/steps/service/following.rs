//! What is followed of one service, and what was seen of it so far.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Rollout;
use super::poll::{Followed, Sight};
use super::rolling::Explained;
use super::stage;
use crate::ports::{Service, ServiceDeployment, ServiceReads};
use crate::report::Stage;
use crate::untrusted::phrase;
use crate::verdict::service::{Evidence, Ours, Pace, ServiceVerdict};

/// From UpdateService to the first ListServiceDeployments: ECS creates a service deployment a second or two after it.
const FIRST_SEARCH: Duration = Duration::from_secs(2);

/// How the watch of a deployment ends.
pub(super) enum End {
    /// ECS says that it is deployed.
    Landed(Evidence),
    /// ECS goes back to what ran before.
    GoesBack {
        why: String,
        to: Option<String>,
    },
    Is(ServiceVerdict),
}

/// When the run's service deployment is looked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    At(Instant),
    Over,
}

/// What has begun a deployment that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// UpdateService of this run.
    Ours,
    /// The same, to put back what ran before: from there, nothing goes back to what that was to get away from.
    WayBack,
    /// It was there before, or another run or user has begun it since: of the same revision as well.
    Others,
}

pub(super) struct Following<'a, W> {
    pub index: usize,
    pub rollout: &'a Rollout,
    pub followed: Followed<'a, W>,
    pub ours: Ours,
    pub origin: Origin,
    /// When UpdateService had answered.
    pub began: Instant,
    /// The run's service deployment, as an ARN.
    pub arn: Option<String>,
    pub search: Search,
    /// Since when it is searched for.
    pub searched_since: Instant,
    /// Why DescribeServices alone is followed.
    pub weaker: Option<String>,
    /// It was seen with ROLLBACK_REQUESTED.
    pub was_asked: bool,
    pub deployment: Option<Arc<ServiceDeployment>>,
    pub service: Option<Arc<Service>>,
    /// What was told last.
    pub told: Option<Stage>,
    pub changed: Instant,
    /// When the bake time began, as it was seen.
    pub bakes_since: Option<Instant>,
}

impl<'a, W: ServiceReads> Following<'a, W> {
    pub(super) fn new(
        index: usize,
        rollout: &'a Rollout,
        followed: Followed<'a, W>,
        ours: Ours,
        origin: Origin,
    ) -> Self {
        let now = Instant::now();
        Self {
            index,
            rollout,
            followed,
            ours,
            origin,
            began: now,
            arn: None,
            search: Search::At(now + FIRST_SEARCH),
            searched_since: now,
            weaker: None,
            was_asked: false,
            deployment: None,
            service: None,
            told: None,
            changed: now,
            bakes_since: None,
        }
    }

    pub(super) fn name(&self) -> &'a str {
        &self.rollout.before.name
    }

    /// Takes what the poll has seen.
    pub(super) fn take(&mut self) -> Sight {
        let sight = self.followed.sight();
        if let Some(seen) = &sight.deployment {
            self.was_asked |= seen.status.name() == "ROLLBACK_REQUESTED";
            self.deployment = Some(Arc::clone(seen));
        }
        if let Some(service) = &sight.service {
            self.service = Some(Arc::clone(service));
        }
        sight
    }

    /// Follows another deployment of the same revision from now on.
    pub(super) fn turn_to(&mut self, ours: Ours, arn: Option<String>) {
        let old = std::mem::replace(&mut self.ours, ours);
        self.origin = Origin::Others;
        self.ours.earlier.extend(old.earlier);
        self.ours.earlier.insert(old.id);
        self.ours.earlier.remove(&self.ours.id);
        self.deployment = None;
        self.was_asked = false;
        self.weaker = None;
        self.followed.by_service_alone(false);
        self.followed.look_at(arn.clone());
        let now = Instant::now();
        self.searched_since = now;
        self.search = if arn.is_some() { Search::Over } else { Search::At(now + FIRST_SEARCH) };
        self.arn = arn;
    }

    /// Returns the time by ECS's clock: what UpdateService said, and what has passed since. This machine's clock may
    /// be wrong.
    pub(super) fn ecs_now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or_default();
        let now = self.ours.created_at.and_then(|created| created.checked_add(passed).ok());
        now.unwrap_or_else(Timestamp::now)
    }

    pub(super) fn rolled_back_at(&self) -> Timestamp {
        let seen = self.deployment.as_ref().and_then(|seen| seen.rollback.as_ref()?.started_at);
        seen.unwrap_or_else(|| self.ecs_now())
    }

    /// Returns how far the deployment is, as it was last seen.
    pub(super) fn stage(&self) -> Stage {
        let seen = self.deployment.as_deref().filter(|_| self.weaker.is_none());
        stage::stage(seen, self.service.as_deref(), &self.ours)
    }

    pub(super) fn pace(&self) -> Pace {
        let Some(seen) = &self.deployment else {
            let zero = Duration::ZERO;
            return Pace { since_start: zero, since_change: zero, until_announced: None };
        };
        let bake =
            self.bakes_since.map(|since| (since + seen.rules.bake).saturating_duration_since(Instant::now()));
        let expires = seen.pause().and_then(|hook| hook.expires_at);
        let expires =
            expires.map(|at| Duration::try_from(at.duration_since(self.ecs_now())).unwrap_or_default());
        Pace {
            since_start: self.began.elapsed(),
            since_change: self.changed.elapsed(),
            until_announced: bake.into_iter().chain(expires).min(),
        }
    }

    /// Returns the verdict at the deadline of the run. A lifecycle hook's pause is not a delay of ECS: until it
    /// expires, a person may continue the deployment, so the run waits until its deadline, and then says so.
    pub(super) fn timed_out(&self) -> ServiceVerdict {
        if let Some(hook) = self.deployment.as_ref().and_then(|seen| seen.pause()) {
            return ServiceVerdict::Paused {
                hook: hook.id.clone(),
                expires_at: hook.expires_at,
                timeout_action: hook.timeout_action.clone(),
            };
        }
        let after_ms = i64::try_from(self.rollout.timeout.as_millis()).unwrap_or(i64::MAX);
        let why = stage::waits(&self.stage(), self.deployment.as_deref(), self.newest_event());
        ServiceVerdict::TimedOut { after_ms, why }
    }

    fn newest_event(&self) -> Option<&str> {
        let service = self.service.as_ref()?;
        let newest =
            service.events.first().filter(|event| is_since(event.created_at, self.ours.created_at))?;
        Some(&newest.message)
    }

    /// Returns whether events and stopped tasks may say why this verdict came.
    pub(super) fn wants_cause(&self, verdict: &ServiceVerdict) -> bool {
        matches!(
            verdict,
            ServiceVerdict::Failed { .. }
                | ServiceVerdict::TimedOut { .. }
                | ServiceVerdict::Unhealthy { .. }
                | ServiceVerdict::RollbackFailed { .. }
        )
    }

    pub(super) fn explained(&self) -> Explained<'a> {
        Explained { rollout: self.rollout, ours: self.ours.clone(), service: self.service.clone() }
    }

    /// Returns what a deployment of the service runs, `family:revision`, by its id or the ARN of its service
    /// revision; `None` when it is not among those seen.
    pub(super) fn content_of(&self, id_or_arn: &str) -> Option<String> {
        let number = crate::arn::name(id_or_arn);
        let now = self.service.as_deref().into_iter().chain([&self.rollout.before]);
        let mut all = now.flat_map(|service| &service.deployments);
        let one = all.find(|one| one.number() == number)?;
        Some(crate::arn::name(one.task_definition.as_deref()?).to_owned())
    }

    /// Makes the verdict that a deployment of this task definition has superseded that of the run.
    pub(super) fn superseded_by(task_definition: &str) -> ServiceVerdict {
        ServiceVerdict::Superseded { by: phrase(crate::arn::name(task_definition)) }
    }
}

/// Returns whether one time of ECS is not before another; true also when ECS does not tell one of them.
pub(super) fn is_since(at: Option<Timestamp>, since: Option<Timestamp>) -> bool {
    at.zip(since).is_none_or(|(at, since)| at >= since)
}
