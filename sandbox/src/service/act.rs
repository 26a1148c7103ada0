//! Starts and stops tasks.

use super::events::tasks;
use super::observe::FIRST_PAUSE;
use super::rollout::{Bounds, Moves, Tally, moves, spare};
use super::scheduler::Work;
use super::{Member, Rollout};
use crate::clock::millis;
use crate::ecs::{self, Stop};

impl Work<'_> {
    /// Starts and stops tasks as the rollout's arithmetic says.
    pub(super) fn act(&mut self) {
        let Some(primary) = self.service.deployments.first() else { return };
        let (number, failed, said) = (primary.number, primary.rollout == Rollout::Failed, primary.stuck);
        let waits = self.service.ongoing().is_some_and(|one| one.status == "PENDING");
        if failed || waits {
            return;
        }
        if self.service.ongoing().is_some_and(|one| one.stages.is_some()) {
            self.act_in_stage(number);
        } else {
            self.roll(number, said);
        }
    }

    /// Starts and stops tasks as the arithmetic of a rolling update says.
    fn roll(&mut self, number: u64, said: bool) {
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
        let bounds = Bounds::new(self.service.desired, self.service.configuration());
        let Moves { start, stop_primary, mut stop_old, stuck } = moves(bounds, tally);
        let early = self.service.ongoing().and_then(|one| one.early_success());
        if early.is_some_and(|one| !one.deferred && one.is_met(bounds.desired, tally.primary_healthy)) {
            stop_old = stop_old.max(spare(bounds, tally));
        }
        if stuck && !said {
            self.event(
                "was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            );
            self.service.deployments[0].stuck = true;
        }
        self.scale_in(|deployment| deployment == number, stop_primary);
        self.scale_in(|deployment| deployment != number, stop_old);
        self.start(number, start);
    }

    /// Keeps as many tasks of a deployment as the service is to have.
    pub(super) fn keep(&mut self, deployment: u64) {
        let open = self.service.open(deployment).count() as u64;
        let desired = self.service.desired;
        self.scale_in(|one| one == deployment, open.saturating_sub(desired));
        self.start(deployment, desired.saturating_sub(open));
    }

    /// Stops so many tasks of these deployments, those first that are not healthy.
    pub(super) fn scale_in(&mut self, of: impl Fn(u64) -> bool, count: u64) {
        let members = self.service.members.iter_mut();
        let mut open: Vec<&mut Member> = members.filter(|one| !one.ending && of(one.deployment)).collect();
        if count == 0 || open.is_empty() {
            return;
        }
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

    /// Starts so many tasks of a deployment, unless launches pause.
    fn start(&mut self, deployment: u64, count: u64) {
        if count > 0 && self.now < self.service.next_launch {
            self.again_at(self.service.next_launch);
            return;
        }
        let mut started = Vec::new();
        for _ in 0..count {
            match ecs::launch_for_service(self.world, self.region, self.state, self.service, deployment) {
                Ok(task_id) => started.push(task_id),
                Err(reason) => {
                    self.event(&format!("was unable to place a task. Reason: {reason}."));
                    self.launch_failed(deployment);
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
        self.service.members.extend(started.into_iter().map(|task_id| Member {
            task_id,
            deployment,
            healthy: false,
            ending: false,
        }));
    }
}
