//! Services: put a revision on each of them, watch what becomes of it, and prove it; or take it back.
//!
//! [`roll_out`] updates all services, then follows all of them with one poll. What it sees goes into the rows of the
//! report ([`OfServices`]), and in the end a verdict.
//!
//! - [`update`]: UpdateService, once for each service, whatever happens to its answer.
//! - [`poll`]: one reader for all of them; [`follow`]: from it to the end that ECS says of the run's deployment;
//!   [`listed`] and [`newer`]: the record that it is in, and what has stopped it; [`there`]: one that was there
//!   before.
//! - [`prove`]: what runs; [`cause`]: why it does not; [`stage`] and [`show`]: how far it is.
//! - [`orders`]: orders to go back; [`after`] and [`health`]: what follows when all have a verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use self::rolling::Rolling;
use crate::ports::{RevisionImage, Service, ServiceRevision, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::session::Session;
use crate::verdict::service::Deployable;

mod after;
mod cause;
mod follow;
mod following;
mod health;
mod listed;
mod newer;
mod orders;
mod poll;
mod prove;
mod rolling;
mod show;
mod stage;
mod there;
#[cfg(test)]
mod tests;
mod update;

/// A service, and what it is to run.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    /// As it was seen when the plan was made.
    pub before: Service,
    /// The registered revision that it is to run, as an ARN.
    pub revision: String,
    /// The containers whose image is proved, with the digest that each must have. A container that is there twice may
    /// have either: an image for several platforms has a digest as an index, and another one for the platform.
    pub digests: Vec<(String, String)>,
    /// Containers that it is about as well, and whose digest is not known: with one of them nothing is proved.
    pub unknown: Vec<String>,
    /// How its containers log, by name: for the log of a task that failed.
    pub definition: crate::task_definition::TaskDefinition,
    /// The service has the revision already, and its deployment has failed: a new one has to be forced.
    pub force: bool,
    /// From UpdateService to the verdict.
    pub timeout: Duration,
}

impl Rollout {
    /// Returns the names of the containers of which no digest is known.
    pub(crate) fn unknown(
        definition: &crate::task_definition::TaskDefinition,
        digests: &[(String, String)],
    ) -> Vec<String> {
        let names = definition.container_names().into_iter();
        let is_known = |name: &&str| digests.iter().any(|(container, _)| container == name);
        names.filter(|name| !is_known(name)).map(str::to_owned).collect()
    }
}

/// What is the same for all services of a run.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub cluster: String,
    pub on_cancel: crate::choices::OnCancel,
    pub on_failure: crate::choices::OnFailure,
    pub health: crate::cli::HealthFlags,
    /// A rollout back: a verdict that is done is [`crate::verdict::service::ServiceVerdict::WentBack`].
    pub is_back: bool,
}

/// Puts the revisions on the services, and follows all of them to a verdict, in the report's rows at these places.
///
/// `deployable` is the leave for it: a service that is to run other images is not deployed.
pub(crate) async fn roll_out<W: ServiceWorld, R: Reported + OfServices>(
    deployable: &Deployable,
    rollouts: &[(usize, Rollout)],
    terms: &Terms,
    session: &Session<'_, &W, R>,
) {
    let rolling = Rolling::new(terms, session);
    let all = async {
        join_all(rollouts.iter().map(async |(place, rollout)| {
            Box::pin(rolling.roll(*place, rollout, deployable)).await;
        }))
        .await;
        let rolled: Vec<(usize, &Rollout)> =
            rollouts.iter().map(|(place, rollout)| (*place, rollout)).collect();
        let longest = rolled.iter().map(|(_, rollout)| rollout.timeout).max();
        Box::pin(rolling.settle(&rolled, longest)).await;
    };
    tokio::select! {
        () = all => {}
        () = rolling.poll.run() => {}
    }
    session.recorder.save();
}

/// A deployment that is under way, to be taken back by ECS.
#[derive(Debug, Clone)]
pub(crate) struct Underway {
    pub before: Service,
    /// The service deployment, as an ARN.
    pub deployment: String,
    /// What the plan says that ECS goes back to; absent where ECS did not say it.
    pub to: Option<PlannedTarget>,
    pub timeout: Duration,
}

/// What a service goes back to, as a plan has shown it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedTarget {
    /// The service revision, as an ARN.
    pub revision: Option<String>,
    /// As an ARN.
    pub task_definition: String,
    pub images: Vec<RevisionImage>,
}

impl PlannedTarget {
    /// Returns whether `revision` is this target, or has the same content: task definition and known digests.
    fn is(&self, revision: &ServiceRevision) -> bool {
        let digests = |images: &[RevisionImage]| -> Option<BTreeSet<(String, String)>> {
            images.iter().map(|image| Some((image.container.clone(), image.digest.clone()?))).collect()
        };
        let same_images =
            || digests(&self.images).is_some_and(|ours| Some(ours) == digests(&revision.images));
        self.revision.as_ref() == Some(&revision.arn)
            || (self.task_definition == revision.task_definition && same_images())
    }
}

/// A rollout, and the leave for it.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    pub deployable: Deployable,
    pub rollout: Rollout,
}

/// How a service goes back.
#[derive(Debug, Clone)]
pub(crate) enum WayBack {
    Update(Box<Leave>),
    TakeBack(Box<Underway>),
}

/// Takes services back, all at once, and follows them to a verdict in the report's rows at these places. Some get a
/// revision, as by [`roll_out`]; for the others, ECS is told to go back from what is under way. There only
/// ROLLBACK_SUCCESSFUL is success. Where SUCCESSFUL wins, `again` returns what is to be put on the service instead;
/// when it returns `None`, it gives the verdict.
pub(crate) async fn go_back<W: ServiceWorld, R: Reported + OfServices>(
    ways: &[(usize, WayBack)],
    again: impl AsyncFn(usize) -> Option<Leave>,
    terms: &Terms,
    session: &Session<'_, &W, R>,
) {
    let rolling = Rolling::new(terms, session);
    let one = async |place: usize, way: &WayBack| {
        let leave = match way {
            WayBack::Update(leave) => (**leave).clone(),
            WayBack::TakeBack(underway) => {
                let is_complete = rolling.take_back(place, underway).await;
                if !is_complete || session.interrupt.is_set() {
                    return None;
                }
                again(place).await?
            }
        };
        Box::pin(rolling.roll(place, &leave.rollout, &leave.deployable)).await;
        Some((place, leave.rollout))
    };
    let all = async {
        let rolled = join_all(ways.iter().map(|(place, way)| one(*place, way))).await;
        let rolled: Vec<(usize, &Rollout)> =
            rolled.iter().flatten().map(|(place, rollout)| (*place, rollout)).collect();
        let given = ways.iter().map(|(_, way)| match way {
            WayBack::Update(leave) => leave.rollout.timeout,
            WayBack::TakeBack(underway) => underway.timeout,
        });
        let longest = given.chain(rolled.iter().map(|(_, rollout)| rollout.timeout)).max();
        Box::pin(rolling.settle(&rolled, longest)).await;
    };
    tokio::select! {
        () = all => {}
        () = rolling.poll.run() => {}
    }
    session.recorder.save();
}
