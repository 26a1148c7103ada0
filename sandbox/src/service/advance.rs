//! A deployment's way through its stages.

use std::time::Duration;

use super::breaker::Cause;
use super::hooks::{self, Hook};
use super::scheduler::Work;
use super::stages::{Lasts, PRE_SCALE_UP, RECONCILE_SERVICE, SCALE_UP, Step};
use crate::clock::millis;

/// How long a stage takes that nothing waits in: between these two.
const SHORTLY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));

impl Work<'_> {
    /// Goes on to the next stages, as far as their hooks, their times and the tasks let it.
    pub(super) fn advance(&mut self) {
        while let Some(step) = self.step() {
            self.begin(step);
            if self.is_ended_by_a_hook() {
                // From here on it is another way: the way back.
                self.roll_back(Cause::Hook(step.stage));
                continue;
            }
            if self.waits_at_hooks() || !self.time_is_up(step) || !self.is_done(step) {
                return;
            }
            if let Some(stages) = self.service.ongoing().and_then(|ongoing| ongoing.stages.as_mut()) {
                stages.next();
            }
        }
    }

    /// Returns the present step of the service deployment under way.
    fn step(&mut self) -> Option<Step> {
        let ongoing = self.service.ongoing()?;
        let moves = matches!(ongoing.status, "IN_PROGRESS" | "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS");
        ongoing.stages.as_ref().filter(|_| moves)?.step()
    }

    fn begin(&mut self, step: Step) {
        let Some(ongoing) = self.service.ongoing() else { return };
        let (configuration, rolls_back) =
            (ongoing.configuration.clone(), ongoing.status == "ROLLBACK_IN_PROGRESS");
        if ongoing.stages.as_ref().is_none_or(|stages| stages.begun) {
            return;
        }
        // What a hook was to guard is given up in a rollback.
        let hooks = if rolls_back {
            Vec::new()
        } else {
            hooks::at(step.stage, &configuration, self.service, &self.world.clock, self.now)
        };
        let now = self.now;
        let Some(ongoing) = self.service.ongoing() else { return };
        ongoing.updated = now;
        ongoing.at_hooks = ongoing.hooks.len();
        ongoing.hooks.extend(hooks);
        if let Some(stages) = ongoing.stages.as_mut() {
            stages.begin(step);
        }
    }

    /// Returns whether one of the present step's hooks was answered with a rollback, or timed out with that action.
    fn is_ended_by_a_hook(&mut self) -> bool {
        let now = self.now;
        let here = self.hooks_here();
        for hook in here.iter_mut().filter(|hook| hook.waits() && hook.expires <= now) {
            hook.status = "TIMED_OUT";
        }
        here.iter().any(Hook::rolls_back)
    }

    fn waits_at_hooks(&mut self) -> bool {
        let expires = self.hooks_here().iter().filter(|hook| hook.waits()).map(|hook| hook.expires).min();
        if let Some(expires) = expires {
            self.again_at(expires);
        }
        expires.is_some()
    }

    /// Returns the hooks of the present step. A rollback passes by its deployment's hooks.
    fn hooks_here(&mut self) -> &mut [Hook] {
        match self.service.ongoing() {
            Some(ongoing) if ongoing.status != "ROLLBACK_IN_PROGRESS" => {
                ongoing.hooks.get_mut(ongoing.at_hooks..).unwrap_or_default()
            }
            _ => &mut [],
        }
    }

    fn time_is_up(&mut self, step: Step) -> bool {
        let now = self.now;
        let until = self.service.ongoing().and_then(|one| one.stages.as_ref()?.until);
        let until = until.unwrap_or_else(|| {
            let lasts = match step.lasts {
                Lasts::Shortly => {
                    let (least, most) = SHORTLY;
                    self.world.clock.phase(least + (most - least).mul_f64(self.service.dice.fraction()))
                }
                Lasts::Bake(time) => self.world.clock.shortened(time),
            };
            now + millis(lasts)
        });
        if let Some(stages) = self.service.ongoing().and_then(|one| one.stages.as_mut()) {
            stages.until = Some(until);
        }
        if now < until {
            self.again_at(until);
        }
        now >= until
    }

    /// Returns whether everything has happened that the next step needs.
    fn is_done(&mut self, step: Step) -> bool {
        let Some(primary) = self.service.deployments.first().map(|one| one.number) else { return false };
        let serving = self.service.ongoing().and_then(|one| one.serving);
        match step.stage {
            RECONCILE_SERVICE => {
                let mut open = self.service.members.iter().filter(|one| !one.ending);
                open.all(|one| one.deployment == primary || Some(one.deployment) == serving)
            }
            SCALE_UP => self.service.is_healthy(primary),
            // The last; what ends it ends the deployment.
            super::stages::CLEAN_UP => false,
            _ => true,
        }
    }

    /// Keeps the tasks that a stage is to have: those of the revision that serves until CLEAN_UP, and those of the
    /// new revision from SCALE_UP on.
    pub(super) fn act_in_stage(&mut self, primary: u64) {
        let Some(ongoing) = self.service.ongoing() else { return };
        let (serving, rolls_back) = (ongoing.serving, ongoing.status == "ROLLBACK_IN_PROGRESS");
        let Some(stages) = &ongoing.stages else { return };
        let (stage, cleans_up) = (stages.step().map(|step| step.stage), stages.cleans_up());
        let scales_up = !matches!(stage, Some(RECONCILE_SERVICE | PRE_SCALE_UP));
        if scales_up {
            self.keep(primary);
        }
        if cleans_up {
            self.scale_in(|deployment| deployment != primary, u64::MAX);
            return;
        }
        if stage == Some(RECONCILE_SERVICE) {
            self.scale_in(|deployment| deployment != primary && Some(deployment) != serving, u64::MAX);
        }
        if let Some(serving) = serving
            && !rolls_back
        {
            self.keep(serving);
        }
    }
}
