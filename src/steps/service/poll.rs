//! Poll: one reader for all services of a run. DescribeServiceDeployments and DescribeServices each ask for all of
//! them at once, and neither waits for the other.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::failure::{Failure, is_transient};
use crate::ports::{Lookup, Service, ServiceDeployment, ServiceReads};

/// The pause between two DescribeServiceDeployments: half of it, on average, is how late an end is seen.
const DEPLOYMENTS: Duration = Duration::from_secs(1);
/// The pause between two DescribeServices: counts and events. Where they alone are followed, it is [`DEPLOYMENTS`].
const SERVICES: Duration = Duration::from_secs(5);

/// What was last seen of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    pub deployment: Option<Arc<ServiceDeployment>>,
    /// Since when DescribeServiceDeployments answers without it.
    pub absent_since: Option<Instant>,
    /// Why DescribeServiceDeployments is of no use any more.
    pub unread: Option<String>,
    pub service: Option<Arc<Service>>,
    /// Since when DescribeServices answers without it.
    pub gone_since: Option<Instant>,
    /// Why DescribeServices is of no use any more.
    pub unseen: Option<String>,
}

pub(super) struct Poll<'a, W> {
    world: &'a W,
    cluster: &'a str,
    watched: RefCell<Vec<Watched>>,
    /// Wakes for the two readers: another service is to be looked at, or one is to be looked at otherwise.
    more: [Notify; 2],
}

struct Watched {
    service: String,
    /// Its service deployment, as an ARN, once it is found.
    deployment: Option<String>,
    sight: watch::Sender<Sight>,
    every: [Duration; 2],
    last: [Option<Instant>; 2],
}

/// The two reads.
#[derive(Clone, Copy)]
enum Of {
    Deployments = 0,
    Services = 1,
}

/// A service's place in the poll. It is looked at until this is dropped.
pub(super) struct Followed<'a, W> {
    poll: &'a Poll<'a, W>,
    place: usize,
    sight: watch::Receiver<Sight>,
}

impl<'a, W: ServiceReads> Poll<'a, W> {
    pub(super) fn new(world: &'a W, cluster: &'a str) -> Self {
        Self { world, cluster, watched: RefCell::default(), more: [Notify::new(), Notify::new()] }
    }

    pub(super) fn follow(&'a self, service: &str) -> Followed<'a, W> {
        let (sender, sight) = watch::channel(Sight::default());
        let mut watched = self.watched.borrow_mut();
        watched.push(Watched {
            service: service.to_owned(),
            deployment: None,
            sight: sender,
            every: [DEPLOYMENTS, SERVICES],
            last: [None, None],
        });
        self.more[Of::Services as usize].notify_one();
        Followed { poll: self, place: watched.len() - 1, sight }
    }

    /// Reads both until the future is dropped.
    pub(super) async fn run(&self) {
        join(self.read(Of::Deployments), self.read(Of::Services)).await;
    }

    async fn read(&self, of: Of) {
        let mut last: Option<Instant> = None;
        loop {
            let more = self.more[of as usize].notified();
            let Some(due) = self.due(of) else {
                more.await;
                continue;
            };
            // Those that come in between are looked at with the others.
            let due = last.map_or(due, |last| due.max(last + DEPLOYMENTS));
            if due > Instant::now() {
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = more => continue,
                }
            }
            last = Some(Instant::now());
            match of {
                Of::Deployments => self.look_at_deployments().await,
                Of::Services => self.look_at_services().await,
            }
        }
    }

    /// Returns when the next look is due; `None` while there is nothing to look at.
    fn due(&self, of: Of) -> Option<Instant> {
        let watched = self.watched.borrow();
        let mine = watched.iter().filter(|one| one.is_of(of));
        mine.map(|one| one.last[of as usize].map_or_else(Instant::now, |last| last + one.every[of as usize]))
            .min()
    }

    async fn look_at_deployments(&self) {
        let arns = self.asked(Of::Deployments, |one| one.deployment.clone().unwrap_or_default());
        let answer = self.world.describe_service_deployments(&arns).await;
        let (found, unread) = match answer {
            Ok(Lookup::Found(found)) => (Some(found), None),
            Ok(Lookup::Absent) => (Some(Vec::new()), None),
            Ok(Lookup::Denied(error)) => (None, Some(Failure::from_error(&error).sentence())),
            Err(error) if is_transient(&error) => return,
            Err(error) => (None, Some(Failure::from_error(&error).sentence())),
        };
        let mut found: Vec<_> = found.unwrap_or_default().into_iter().map(Arc::new).collect();
        self.tell(Of::Deployments, &arns, |one, sight| {
            let own = found.iter().position(|seen| Some(&seen.arn) == one.deployment.as_ref());
            match (&unread, own) {
                (Some(why), _) => sight.unread = Some(why.clone()),
                (None, Some(own)) => {
                    sight.deployment = Some(found.swap_remove(own));
                    sight.absent_since = None;
                }
                (None, None) => drop(sight.absent_since.get_or_insert_with(Instant::now)),
            }
        });
    }

    async fn look_at_services(&self) {
        let names = self.asked(Of::Services, |one| one.service.clone());
        let answer = self.world.services(self.cluster, &names).await;
        let (found, unseen) = match answer {
            Ok(found) => (found, None),
            Err(error) if is_transient(&error) => return,
            Err(error) => (Vec::new(), Some(Failure::from_error(&error).sentence())),
        };
        let found: Vec<_> = found.into_iter().map(Arc::new).collect();
        self.tell(Of::Services, &names, |one, sight| {
            let own = found.iter().find(|seen| seen.name == one.service);
            match (&unseen, own) {
                (Some(why), _) => sight.unseen = Some(why.clone()),
                (None, Some(own)) => {
                    sight.service = Some(Arc::clone(own));
                    sight.gone_since = None;
                }
                (None, None) => drop(sight.gone_since.get_or_insert_with(Instant::now)),
            }
        });
    }

    /// Lists all that are asked for, whether their time has come or not: the call is the same.
    fn asked(&self, of: Of, name: impl Fn(&Watched) -> String) -> Vec<String> {
        let now = Instant::now();
        let mut watched = self.watched.borrow_mut();
        let mine = watched.iter_mut().filter(|one| one.is_of(of));
        let names = mine.map(|one| {
            one.last[of as usize] = Some(now);
            name(one)
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn tell(&self, of: Of, asked: &[String], mut change: impl FnMut(&Watched, &mut Sight)) {
        let watched = self.watched.borrow();
        for one in watched.iter().filter(|one| one.is_of(of)) {
            let name = match of {
                Of::Deployments => one.deployment.as_ref(),
                Of::Services => Some(&one.service),
            };
            if name.is_some_and(|name| asked.contains(name)) {
                one.sight.send_modify(|sight| change(one, sight));
            }
        }
    }

    fn change(&self, place: usize, of: Of, change: impl FnOnce(&mut Watched)) {
        if let Some(one) = self.watched.borrow_mut().get_mut(place) {
            change(one);
        }
        self.more[of as usize].notify_one();
    }
}

impl Watched {
    fn is_of(&self, of: Of) -> bool {
        self.sight.receiver_count() > 0
            && match of {
                Of::Deployments => self.deployment.is_some() && self.sight.borrow().unread.is_none(),
                Of::Services => self.sight.borrow().unseen.is_none(),
            }
    }
}

impl<W: ServiceReads> Followed<'_, W> {
    /// Returns what was last seen, which counts as looked at.
    pub(super) fn sight(&mut self) -> Sight {
        self.sight.borrow_and_update().clone()
    }

    /// Waits for the next look.
    pub(super) async fn changed(&mut self) {
        if self.sight.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Looks at this service deployment from now on; with `None`, at none any more.
    pub(super) fn look_at(&self, deployment: Option<String>) {
        self.poll.change(self.place, Of::Deployments, |one| {
            if one.deployment != deployment {
                one.last[Of::Deployments as usize] = None;
                one.sight.send_modify(|sight| (sight.deployment, sight.absent_since) = (None, None));
            }
            one.deployment = deployment;
        });
    }

    pub(super) fn look_every(&self, pause: Duration) {
        self.poll.change(self.place, Of::Deployments, |one| one.every[Of::Deployments as usize] = pause);
    }

    /// Looks at the service itself as closely as at a service deployment, or no longer.
    pub(super) fn by_service_alone(&self, alone: bool) {
        let pause = if alone { DEPLOYMENTS } else { SERVICES };
        self.poll.change(self.place, Of::Services, |one| one.every[Of::Services as usize] = pause);
    }
}
