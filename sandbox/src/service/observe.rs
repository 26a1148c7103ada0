//! What has become of the tasks: healthy, failed, gone.

use std::time::Duration;

use super::scheduler::Work;
use crate::clock::millis;

/// A task without health checks is healthy once it has run for so long.
const HEALTHY_AFTER: Duration = Duration::from_secs(40);
/// The pause after the second failed launch in a row; it doubles with each that follows, up to the longest that AWS
/// names.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(27 * 60);

impl Work<'_> {
    /// Sees what has become of the tasks.
    pub(super) fn observe(&mut self) {
        let window = millis(self.world.clock.shortened(HEALTHY_AFTER));
        let mut members = std::mem::take(&mut self.service.members);
        let (mut sick, mut failed, mut well) = (Vec::new(), Vec::new(), Vec::new());
        members.retain_mut(|member| {
            let Some(task) = self.state.task(&member.task_id) else { return false };
            if !member.ending && (task.is_stopped() || task.desired_status == "STOPPED") {
                member.ending = true;
                // StopTask is not a failure of the task's.
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
    pub(super) fn launch_failed(&mut self, deployment: u64) {
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
}
