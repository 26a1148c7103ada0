//! Keeps a service's tasks running: looks whenever one of them, or the service, has changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Key, Service};
use crate::ecs::State;
use crate::ids::{self, Ids};
use crate::region::Region;
use crate::world::World;

/// From a change until the scheduler acts on it: between these two.
const REACTION: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// Keeps a service running until it is INACTIVE or the sandbox stops.
pub(crate) fn spawn(world: &Arc<World>, region: &Arc<Region>, key: Key, wake: Arc<Notify>) {
    world.spawn(keep(world.clone(), region.clone(), key, wake));
}

async fn keep(world: Arc<World>, region: Arc<Region>, key: Key, wake: Arc<Notify>) {
    // Not the service's own: how often it is woken is a matter of this machine, and must not change its deployments.
    let dice = Ids::seeded(ids::mixed(world.options.seed, &key.1));
    while let Some(Looked { again }) = step(&world, &region, &key) {
        let at = |time: i64| {
            Instant::now() + Duration::from_millis((time - world.clock.now()).max(1).unsigned_abs())
        };
        let again = again.map(at);
        tokio::select! {
            () = wake.notified() => {
                // What happens meanwhile is seen together.
                let (least, most) = REACTION;
                let reaction = world.clock.phase(least + (most - least).mul_f64(dice.fraction()));
                let reacts = Instant::now() + reaction;
                sleep_until(again.map_or(reacts, |again| again.min(reacts))).await;
            }
            () = until(again) => {}
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Looked {
    /// When there is something to do without a change.
    again: Option<i64>,
}

/// Does all that is to be done now; `None` when the service is gone or INACTIVE.
fn step(world: &Arc<World>, region: &Arc<Region>, key: &Key) -> Option<Looked> {
    let mut state = region.ecs.state();
    let mut service = state.services.remove(key)?;
    let now = world.clock.now();
    let mut work = Work { world, region, state: &mut state, service: &mut service, now, due: None };
    work.observe();
    work.turn();
    if work.service.status == "ACTIVE" {
        work.watch_alarms();
        work.judge();
        work.advance();
        work.act();
    }
    work.settle();
    let looked = (work.service.status != "INACTIVE").then_some(Looked { again: work.due });
    state.services.insert(key.clone(), service);
    looked
}

/// One look at a service, with what it may change.
pub(super) struct Work<'a> {
    pub world: &'a Arc<World>,
    pub region: &'a Arc<Region>,
    pub state: &'a mut State,
    pub service: &'a mut Service,
    pub now: i64,
    pub(super) due: Option<i64>,
}

impl Work<'_> {
    /// Looks again at this time, if nothing else comes before.
    pub(super) fn again_at(&mut self, time: i64) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }

    pub(super) fn event(&mut self, what: &str) {
        let message = format!("(service {}) {what}", self.service.name);
        self.service.events.add(&self.world.ids, self.now, message);
    }
}
