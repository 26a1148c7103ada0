//! Keeps a service's tasks running: looks whenever one of them, or the service, has changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::events::tasks;
use super::rollout::{Bounds, Moves, Tally, moves};
use super::{Key, Member, Rollout, Service};
use crate::clock::millis;
use crate::ecs::{self, State, Stop};
use crate::ids::{self, Ids};
use crate::region::Region;
use crate::world::World;

/// From a change until the scheduler acts on it: between these two.
const REACTION: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));
/// A task without health checks is healthy once it has run for so long.
const HEALTHY_AFTER: Duration = Duration::from_secs(40);
/// The pause after the second failed launch in a row; it doubles with each that follows, up to the longest that AWS
/// tells of.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(27 * 60);

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

/// Does all that is to be done now; None when the service is no more.
fn step(world: &Arc<World>, region: &Arc<Region>, key: &Key) -> Option<Looked> {
    let mut state = region.ecs.state();
    let mut service = state.services.remove(key)?;
    let now = world.clock.now();
    let mut work = Work { world, region, state: &mut state, service: &mut service, now, due: None };
    work.observe();
    work.turn();
    if work.service.status == "ACTIVE" {
        work.judge();
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
    due: Option<i64>,
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

    /// Sees what has become of the tasks.
    fn observe(&mut self) {
        let window = millis(self.world.clock.shortened(HEALTHY_AFTER));
        let mut members = std::mem::take(&mut self.service.members);
        let (mut sick, mut failed, mut well) = (Vec::new(), Vec::new(), Vec::new());
        members.retain_mut(|member| {
            let Some(task) = self.state.task(&member.task_id) else { return false };
            if !member.ending && (task.is_stopped() || task.desired_status == "STOPPED") {
                member.ending = true;
                // StopTask is no failure of the task's.
                if !member.healthy && task.stop_code != Some("UserInitiated") {
                    failed.push(member.deployment);
                }
            }
            if task.is_stopped() {
                return false;
            }
            if let (false, Some(started)) = (member.ending, task.times.started) {
                let checked = task.health();
                let is_well = match checked {
                    "HEALTHY" => true,
                    "UNHEALTHY" => false,
                    _ if task.has_health_check() => false,
                    _ => self.now >= started + window,
                };
                if checked == "UNHEALTHY" {
                    member.ending = true;
                    sick.push(member.task_id.clone());
                    failed.push(member.deployment);
                } else if is_well && !member.healthy {
                    member.healthy = true;
                    let digests = task.containers.iter().map(|one| one.image_digest.clone()).collect();
                    well.push((member.deployment, digests));
                } else if !is_well && !task.has_health_check() {
                    let then = started + window;
                    self.due = Some(self.due.map_or(then, |due| due.min(then)));
                }
            }
            true
        });
        self.service.members = members;
        for task_id in sick {
            self.event(&format!("(task {task_id}) failed container health checks."));
            self.stop(&[task_id], "Task failed container health checks");
        }
        for deployment in failed {
            self.launch_failed(deployment);
        }
        for (deployment, digests) in well {
            self.task_is_well(deployment, digests);
        }
    }

    fn task_is_well(&mut self, deployment: u64, digests: Vec<Option<String>>) {
        let service = &mut *self.service;
        let resets = service.configuration()["deploymentCircuitBreaker"]["resetOnHealthyTask"] != false;
        if let Some(revision) = service.revisions.get_mut(&deployment) {
            revision.digests = digests;
        }
        if service.deployments[0].number == deployment {
            (service.failed_launches, service.next_launch) = (0, self.now);
        }
        if let Some(one) = service.deployments.iter_mut().find(|one| one.number == deployment)
            && resets
        {
            one.failed_tasks = 0;
        }
    }

    /// Counts a task that did not get to be healthy, and pauses the longer the more there are in a row.
    fn launch_failed(&mut self, deployment: u64) {
        let service = &mut *self.service;
        service.steady = false;
        if let Some(one) = service.deployments.iter_mut().find(|one| one.number == deployment) {
            one.failed_tasks += 1;
            one.updated = self.now;
        }
        if service.deployments.first().is_none_or(|primary| primary.number != deployment) {
            return;
        }
        service.failed_launches += 1;
        let failures = service.failed_launches;
        if failures < 2 {
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << (failures - 2).min(16)).min(LONGEST_PAUSE);
        service.next_launch = self.now + millis(self.world.clock.shortened(pause));
        if failures == 2 {
            self.event(
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting \
                 section of the Amazon ECS Developer Guide.",
            );
        }
    }

    /// Starts and stops tasks as the rollout's arithmetic says.
    fn act(&mut self) {
        let Some(primary) = self.service.deployments.first() else { return };
        let (number, failed, said) = (primary.number, primary.rollout == Rollout::Failed, primary.stuck);
        let waits = self.service.ongoing().is_some_and(|one| one.status == "PENDING");
        if failed || waits {
            return;
        }
        let count = |of_primary: bool, only_healthy: bool| {
            let open = self.service.members.iter().filter(|one| !one.ending);
            let open = open.filter(|one| (one.deployment == number) == of_primary);
            open.filter(|one| one.healthy || !only_healthy).count() as u64
        };
        let tally = Tally {
            primary: count(true, false),
            primary_healthy: count(true, true),
            old: count(false, false),
            old_healthy: count(false, true),
        };
        let Moves { start, stop_primary, stop_old, stuck } =
            moves(Bounds::new(self.service.desired, self.service.configuration()), tally);
        if stuck && !said {
            self.event(
                "was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            );
            self.service.deployments[0].stuck = true;
        }
        self.scale_in(number, true, stop_primary);
        self.scale_in(number, false, stop_old);
        if start == 0 {
        } else if self.now < self.service.next_launch {
            self.again_at(self.service.next_launch);
        } else {
            self.start(start);
        }
    }

    /// Stops so many tasks of the PRIMARY deployment or of all others, those first that are not healthy.
    fn scale_in(&mut self, primary: u64, of_primary: bool, count: u64) {
        if count == 0 {
            return;
        }
        let mut open: Vec<&mut Member> = self
            .service
            .members
            .iter_mut()
            .filter(|one| !one.ending && (one.deployment == primary) == of_primary)
            .collect();
        open.sort_by_key(|one| one.healthy);
        let mut stopped: Vec<(String, u64)> = Vec::new();
        for member in open.into_iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            member.ending = true;
            stopped.push((member.task_id.clone(), member.deployment));
        }
        self.service.steady = false;
        for (task_id, deployment) in &stopped {
            let reason = format!("Scaling activity initiated by (deployment ecs-svc/{deployment})");
            self.stop(std::slice::from_ref(task_id), &reason);
        }
        let named = tasks(stopped.iter().map(|(task_id, _)| task_id.as_str()));
        self.event(&format!("has stopped {} running tasks:{named}.", stopped.len()));
    }

    pub(super) fn stop(&mut self, task_ids: &[String], reason: &str) {
        for task_id in task_ids {
            if let Some(task) = self.state.task_mut(task_id) {
                task.ask_to_stop(Stop { code: "ServiceSchedulerInitiated", reason: reason.into() });
            }
        }
    }

    fn start(&mut self, count: u64) {
        let mut started = Vec::new();
        for _ in 0..count {
            match ecs::launch_for_service(self.world, self.region, self.state, self.service) {
                Ok(task_id) => started.push(task_id),
                Err(reason) => {
                    self.event(&format!("was unable to place a task. Reason: {reason}."));
                    self.launch_failed(self.service.deployments[0].number);
                    let pause = millis(self.world.clock.shortened(FIRST_PAUSE));
                    self.service.next_launch = self.service.next_launch.max(self.now + pause);
                    self.again_at(self.service.next_launch);
                    break;
                }
            }
        }
        if started.is_empty() {
            return;
        }
        self.service.steady = false;
        let named = tasks(started.iter().map(String::as_str));
        self.event(&format!("has started {} tasks:{named}.", started.len()));
        let deployment = self.service.deployments[0].number;
        self.service.members.extend(started.into_iter().map(|task_id| Member {
            task_id,
            deployment,
            healthy: false,
            ending: false,
        }));
    }
}
