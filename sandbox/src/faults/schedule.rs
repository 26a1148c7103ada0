//! Which faults are still to come, and what they strike.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Disturbance, Fault, Kind, TaskFault, Weather};
use crate::ids::Ids;

/// The faults that are still to come.
#[derive(Debug)]
pub struct Faults {
    list: Mutex<Vec<Fault>>,
    weather: Mutex<Weather>,
    dice: Ids,
}

impl Faults {
    pub fn seeded(seed: u64) -> Self {
        Self { list: Mutex::default(), weather: Mutex::default(), dice: Ids::seeded(seed ^ 0xFA17) }
    }

    pub fn push(&self, fault: Fault) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub fn clear(&self) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.set_weather(Weather::default());
    }

    /// Returns how often each fault has struck, in the order in which they were pushed.
    pub fn struck(&self) -> Vec<u32> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().map(|fault| fault.struck).collect()
    }

    pub fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Returns what happens to this call of `service:Operation`, if anything.
    pub(crate) fn on_call(&self, operation: &str) -> Option<Disturbance> {
        let listed = self.first(|kind| match kind {
            Kind::Call { operation: pattern, disturbance } if matches(pattern, operation) => {
                Some(disturbance.clone())
            }
            _ => None,
        });
        listed.or_else(|| {
            let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
            if weather == Weather::default() {
                return None;
            }
            let roll = self.dice.fraction();
            match roll {
                _ if roll < weather.throttle => Some(Disturbance::Throttle),
                _ if roll < weather.throttle + weather.server_error => Some(Disturbance::ServerError),
                _ => None,
            }
        })
    }

    /// Returns the `failures[].reason` of this RunTask, if it is to fail.
    pub(crate) fn on_run_task(&self) -> Option<String> {
        self.first(|kind| match kind {
            Kind::RunTask { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    /// Returns what happens to a new task with this environment and these images.
    pub(crate) fn on_task(&self, environment: &[(String, String)], images: &[&str]) -> Vec<TaskFault> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut struck = Vec::new();
        for fault in list.iter_mut() {
            let Kind::Task { fault: task_fault, environment: wanted, image } = &fault.kind else { continue };
            let task_fault = task_fault.clone();
            let is_meant = wanted.as_ref().is_none_or(|pair| environment.contains(pair))
                && image.as_ref().is_none_or(|part| images.iter().any(|image| image.contains(part)));
            if is_meant && fault.strikes() {
                struck.push(task_fault);
            }
        }
        struck
    }

    pub(crate) fn on_filter_empty_page(&self) -> bool {
        self.first(|kind| matches!(kind, Kind::EmptyPage).then_some(())).is_some()
    }

    pub(crate) fn on_filter_repeated_events(&self) -> bool {
        self.first(|kind| matches!(kind, Kind::RepeatedEvents).then_some(())).is_some()
    }

    /// Returns after which time and for how long the state before an UpdateService is read, if it is.
    pub(crate) fn on_update_service(&self) -> Option<(Duration, Duration)> {
        self.first(|kind| match kind {
            Kind::StaleService { from, lasts } => Some((*from, *lasts)),
            _ => None,
        })
    }

    pub(crate) fn on_listed_deployment(&self) -> Option<Duration> {
        self.first(|kind| match kind {
            Kind::LateServiceDeployment { by } => Some(*by),
            _ => None,
        })
    }

    pub(crate) fn on_pending_deployment(&self) -> Option<Duration> {
        self.first(|kind| match kind {
            Kind::PendingServiceDeployment { by } => Some(*by),
            _ => None,
        })
    }

    pub(crate) fn on_stop(&self) -> bool {
        self.first(|kind| matches!(kind, Kind::LateStop).then_some(())).is_some()
    }

    /// Returns the alarms that go off during a new deployment, and after which time.
    pub(crate) fn on_deployment_alarms(&self) -> Vec<(String, Duration)> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let each = list.iter_mut().filter_map(|fault| {
            let Kind::Alarm { name, after } = &fault.kind else { return None };
            let alarm = (name.clone(), *after);
            fault.strikes().then_some(alarm)
        });
        each.collect()
    }

    fn first<T>(&self, pick: impl Fn(&Kind) -> Option<T>) -> Option<T> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in list.iter_mut() {
            if let Some(picked) = pick(&fault.kind)
                && fault.strikes()
            {
                return Some(picked);
            }
        }
        None
    }
}

fn matches(pattern: &str, operation: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => operation.starts_with(prefix),
        None => pattern == operation,
    }
}
