//! What ends by itself: requested stops, rollouts that have arrived, services that are deleted.

use super::breaker::Cause;
use super::scheduler::Work;
use super::{Counts, Deployment, Member, Rollout, Service, Turn};
use crate::ecs::State;

impl Work<'_> {
    /// Does what is due for service deployments.
    pub(super) fn turn(&mut self) {
        let now = self.now;
        let mut turns = Vec::new();
        let mut due = Vec::new();
        for (index, one) in self.service.history.iter_mut().enumerate() {
            if one.status == "PENDING" && one.starts <= now {
                one.status = "IN_PROGRESS";
                one.started = Some(one.starts);
                one.updated = one.starts;
            } else if one.status == "PENDING" {
                due.push(one.starts);
            }
            match one.turn {
                Some((at, turn)) if at <= now => {
                    one.turn = None;
                    turns.push((index, turn));
                }
                Some((at, _)) => due.push(at),
                None => {}
            }
        }
        due.into_iter().for_each(|at| self.again_at(at));
        for (index, turn) in turns {
            match turn {
                Turn::RolledBack => self.roll_back(Cause::Requested),
                Turn::Superseded => {
                    let one = &mut self.service.history[index];
                    let reason = "Service deployment stopped because a newer service deployment was started.";
                    if one.status == "ROLLBACK_IN_PROGRESS" {
                        one.end("ROLLBACK_FAILED", reason, now);
                    } else {
                        one.stop(reason, now);
                    }
                }
            }
        }
        self.keep_snapshots();
    }

    pub(super) fn settle(&mut self) {
        match self.service.status {
            "ACTIVE" => self.arrive(),
            _ if self.service.members.iter().all(|one| self.is_stopping(one)) => {
                self.service.status = "INACTIVE";
                self.service.deployments.clear();
                self.service.history.clear();
            }
            _ => {}
        }
        self.keep_snapshots();
    }

    /// Returns whether a task is stopping: "After all tasks have transitioned to either STOPPING or STOPPED status,
    /// the service status moves from DRAINING to INACTIVE."
    fn is_stopping(&self, member: &Member) -> bool {
        let ends = |status: &str| matches!(status, "STOPPING" | "DEPROVISIONING" | "STOPPED");
        self.state.task(&member.task_id).is_none_or(|task| ends(task.last_status))
    }

    /// Keeps the counts of a service deployment that has ended as they were.
    fn keep_snapshots(&mut self) {
        for index in 0..self.service.history.len() {
            let one = &self.service.history[index];
            if one.is_over() && one.snapshot.is_none() {
                let revisions: Vec<u64> =
                    std::iter::once(one.target).chain(one.sources.iter().copied()).collect();
                let counts =
                    revisions.into_iter().map(|number| counts(self.state, self.service, number)).collect();
                self.service.history[index].snapshot = Some((self.service.desired, counts));
            }
        }
    }

    /// Ends a rollout whose tasks are all healthy: first the service deployment, then, once no older task is left,
    /// the deployment itself.
    fn arrive(&mut self) {
        let now = self.now;
        let Some(primary) = self.service.deployments.first().map(|primary| primary.number) else { return };
        let is_old = |member: &Member| member.deployment != primary;
        let old_open = self.service.members.iter().any(|one| is_old(one) && !one.ending);
        let old = self.service.members.iter().any(is_old);
        let arrived = self.service.is_healthy(primary) && !old_open;
        let healthy = self.service.open(primary).filter(|one| one.healthy).count() as u64;
        let desired = self.service.desired;
        let is_new = self.service.deployments[0].rollout == Rollout::InProgress;
        if is_new && let Some(ongoing) = self.service.ongoing() {
            // "CLEAN_UP: the blue service revision has completely scaled down to 0 running tasks."
            let cleaned_up = ongoing.stages.as_ref().is_none_or(|stages| stages.cleans_up() && !old);
            let early = ongoing
                .early_success()
                .is_some_and(|criteria| criteria.is_met(desired, healthy) && (criteria.deferred || !old));
            let open = matches!(ongoing.status, "IN_PROGRESS" | "ROLLBACK_REQUESTED");
            if open
                && cleaned_up
                && (arrived || early)
                && self.has_baked()
                && let Some(ongoing) = self.service.ongoing()
            {
                ongoing.end("SUCCESSFUL", "", now);
            }
        }
        let lands = self.service.ongoing().is_none_or(|one| one.status == "ROLLBACK_IN_PROGRESS");
        if is_new && lands && arrived && !old {
            self.complete();
        }
        self.drop_empty();
        let complete = self.service.deployments[0].rollout == Rollout::Completed;
        if complete && arrived && !old && !self.service.steady {
            self.service.steady = true;
            self.event("has reached a steady state.");
        }
    }

    fn complete(&mut self) {
        let now = self.now;
        let primary = &mut self.service.deployments[0];
        let id = primary.id();
        primary.rollout = Rollout::Completed;
        primary.reason = format!("ECS deployment {id} completed.");
        primary.updated = now;
        self.event(&format!("(deployment {id}) deployment completed."));
        if let Some(ongoing) = self.service.ongoing()
            && ongoing.status == "ROLLBACK_IN_PROGRESS"
        {
            let reason = ongoing.reason.clone().unwrap_or_default();
            ongoing.end("ROLLBACK_SUCCESSFUL", &reason, now);
        }
        self.service.deployments.truncate(1);
        self.service.steady = false;
    }

    /// Drops deployments without tasks: one that never was completed leaves with its last task; one that was
    /// completed stays, so that a rollback can return to it, until another one is completed.
    fn drop_empty(&mut self) {
        let members = &self.service.members;
        let mut first = true;
        self.service.deployments.retain(|one: &Deployment| {
            std::mem::take(&mut first)
                || one.rollout == Rollout::Completed
                || members.iter().any(|member| member.deployment == one.number)
        });
    }
}

/// Counts the tasks of a deployment as they are now.
pub(crate) fn counts(state: &State, service: &Service, number: u64) -> Counts {
    let mut counts = Counts::default();
    for member in service.members.iter().filter(|one| one.deployment == number) {
        match state.task(&member.task_id) {
            Some(task) if task.desired_status == "STOPPED" => {}
            Some(task) if task.last_status == "RUNNING" => counts.running += 1,
            Some(_) => counts.pending += 1,
            None => {}
        }
    }
    counts
}
