//! Deployment alarms: one that goes off ends the deployment, and they are watched for a while after its last task is
//! healthy.

use std::time::Duration;

use serde_json::{Value, json};

use super::ServiceDeployment;
use super::breaker::Cause;
use super::scheduler::Work;
use super::stages::minutes;
use crate::clock::millis;
use crate::ecs::strings;
use crate::faults::Faults;
use crate::world::World;

/// The bake time of a rolling deployment. AWS takes it from the alarms' periods; it is below five minutes.
const ALARM_BAKE: Duration = Duration::from_secs(3 * 60);

/// What a service deployment sees of the alarms in its configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlarmMonitor {
    names: Vec<String>,
    rolls_back: bool,
    /// One was in ALARM when the deployment began, so that ECS does not look at them.
    ignored: bool,
    triggered: Vec<String>,
    /// Alarms that a fault lets go off, and when.
    due: Vec<(i64, String)>,
}

impl AlarmMonitor {
    pub fn new(world: &World, configuration: &Value, now: i64) -> Self {
        let alarms = &configuration["alarms"];
        if alarms["enable"] != true {
            return Self::default();
        }
        let names = strings(&alarms["alarmNames"]);
        Self {
            ignored: names.iter().any(|name| world.alarms.is_in_alarm(name)),
            rolls_back: alarms["rollback"] == true,
            triggered: Vec::new(),
            due: due(&world.faults, now),
            names,
        }
    }

    fn watches(&self) -> bool {
        !self.names.is_empty() && !self.ignored
    }

    /// Renders `alarms` of a service deployment.
    pub fn render(&self, is_over: bool) -> Value {
        if self.names.is_empty() {
            return json!({ "status": "DISABLED" });
        }
        let status = match () {
            () if self.ignored => "DISABLED",
            () if !self.triggered.is_empty() => "TRIGGERED",
            () if is_over => "MONITORING_COMPLETE",
            () => "MONITORING",
        };
        let mut shown = json!({ "status": status, "alarmNames": self.names });
        if !self.triggered.is_empty() {
            shown["triggeredAlarmNames"] = json!(self.triggered);
        }
        shown
    }
}

fn due(faults: &Faults, now: i64) -> Vec<(i64, String)> {
    faults.on_deployment_alarms().into_iter().map(|(name, after)| (now + millis(after), name)).collect()
}

impl ServiceDeployment {
    /// Returns how long it is watched after its last task is healthy. One that shifts traffic bakes in a stage of its
    /// own.
    fn bake_time(&self) -> Duration {
        let given = minutes(self.configuration["bakeTimeInMinutes"].as_u64().unwrap_or_default());
        match () {
            () if self.stages.is_some() => Duration::ZERO,
            () if self.alarms.watches() && given.is_zero() => ALARM_BAKE,
            () if self.alarms.watches() || self.early_success().is_some() => given,
            () => Duration::ZERO,
        }
    }
}

impl Work<'_> {
    /// Gives the deployment under way up when one of its alarms is in ALARM.
    pub(super) fn watch_alarms(&mut self) {
        let (now, world) = (self.now, self.world);
        let Some(ongoing) = self.service.ongoing() else { return };
        let alarms = &mut ongoing.alarms;
        if !alarms.watches() || !matches!(ongoing.status, "IN_PROGRESS" | "ROLLBACK_REQUESTED") {
            return;
        }
        let due = |name: &String| alarms.due.iter().any(|(at, due)| due == name && *at <= now);
        let on: Vec<String> =
            alarms.names.iter().filter(|name| world.alarms.is_in_alarm(name) || due(name)).cloned().collect();
        if on.is_empty() {
            let next = alarms.due.iter().map(|(at, _)| *at).filter(|at| *at > now).min();
            next.into_iter().for_each(|at| self.again_at(at));
            return;
        }
        alarms.triggered = on;
        if alarms.rolls_back {
            self.roll_back(Cause::Alarm);
        } else {
            ongoing.stop("Service deployment stopped because an alarm was detected.", now);
            self.fail_primary(Cause::Alarm);
        }
    }

    /// Returns whether the bake time of a rolling deployment is over; it begins with the first time that this is
    /// asked.
    pub(super) fn has_baked(&mut self) -> bool {
        let now = self.now;
        let Some(ongoing) = self.service.ongoing() else { return true };
        let bake = millis(self.world.clock.shortened(ongoing.bake_time()));
        let until = *ongoing.baked.get_or_insert(now + bake);
        if now < until {
            self.again_at(until);
        }
        now >= until
    }
}
