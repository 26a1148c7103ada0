//! Faults on purpose: what AWS does on a bad day, as an explicit list or a seeded schedule.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ids::Ids;

/// What happens to one API call.
#[derive(Debug, Clone, PartialEq)]
pub enum Disturbance {
    /// ThrottlingException, "Rate exceeded".
    Throttle,
    /// HTTP 500.
    ServerError,
    /// AccessDeniedException that names the caller, the action and the resource.
    AccessDenied,
    /// ExpiredTokenException.
    ExpiredToken,
    /// The connection ends without a full answer, and the call had no effect.
    DropBefore,
    /// The connection ends without a full answer, but the call had its effect.
    DropAfter,
    /// No answer, ever. The call had no effect.
    Hang,
    /// HTTP 200 with half of a JSON document.
    MalformedBody,
    /// An exception of this name and message (HTTP 400).
    Error { code: String, message: String },
}

/// What happens to one task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskFault {
    /// stopCode TaskFailedToStart with this stoppedReason; no container ever starts.
    FailToStart(String),
    /// The first essential container is killed for its memory after this long: exit code 137, OutOfMemoryError.
    OutOfMemory { after: Duration },
    /// stopCode SpotInterruption after this long.
    SpotInterruption { after: Duration },
    /// The task ends as usual, but no container has an exit code.
    NoExitCode,
    /// Exit codes show at the exit, while desiredStatus is still RUNNING; stopCode and the rest come as late as ever.
    EarlyExitCode,
    /// Containers end as usual, but their exit codes show only with the task's STOPPED.
    LateExitCode,
    /// A container that its restart policy starts again shows as STOPPED with its exit code for this long, then as
    /// RUNNING again. Otherwise ECS shows nothing of it.
    RestartShown { lasts: Duration },
    /// The task stays in this state, such as `PROVISIONING`, until it is stopped.
    StuckIn(String),
    /// DescribeTasks answers MISSING for this many reads after RunTask.
    MissingFor { reads: u32 },
    /// DescribeTasks answers MISSING once the task has stopped.
    Forgotten,
    /// Log events reach CloudWatch Logs this long after they were written.
    LateLogs { by: Duration },
    /// Every second batch of log events is ingested after the one that follows it.
    OutOfOrderLogs,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Call { operation: String, disturbance: Disturbance },
    RunTask { reason: String },
    Task { fault: TaskFault, environment: Option<(String, String)> },
    EmptyPage,
    RepeatedEvents,
    StaleService { from: Duration, lasts: Duration },
    LateServiceDeployment { by: Duration },
    PendingServiceDeployment { by: Duration },
}

/// One fault and how often it strikes: once, from the next opportunity on, unless told otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    kind: Kind,
    skip: u32,
    times: u32,
}

impl Fault {
    /// Disturbs calls of `operation`: `ecs:RunTask`, `logs:*` or `*`.
    pub fn call(operation: &str, disturbance: Disturbance) -> Self {
        Self::once(Kind::Call { operation: operation.into(), disturbance })
    }

    /// RunTask answers 200 with no task and this reason in `failures[]`.
    pub fn run_task(reason: &str) -> Self {
        Self::once(Kind::RunTask { reason: reason.into() })
    }

    /// Strikes a task that is started.
    pub fn task(fault: TaskFault) -> Self {
        Self::once(Kind::Task { fault, environment: None })
    }

    /// FilterLogEvents answers an empty page with a nextToken.
    pub fn empty_page() -> Self {
        Self::once(Kind::EmptyPage)
    }

    /// FilterLogEvents begins a follow-up page with the last event of the page before.
    pub fn repeated_events() -> Self {
        Self::once(Kind::RepeatedEvents)
    }

    /// From so long after an UpdateService on, DescribeServices answers for so long as it did before it. Both on the
    /// sandbox's clock.
    pub fn stale_service(from: Duration, lasts: Duration) -> Self {
        Self::once(Kind::StaleService { from, lasts })
    }

    /// ListServiceDeployments has a new service deployment this much later than it would, on the sandbox's clock.
    pub fn late_service_deployment(by: Duration) -> Self {
        Self::once(Kind::LateServiceDeployment { by })
    }

    /// A new service deployment is PENDING this much longer than it would be, on the sandbox's clock.
    pub fn pending_service_deployment(by: Duration) -> Self {
        Self::once(Kind::PendingServiceDeployment { by })
    }

    /// Only tasks in which a container has `name` = `value` in its environment.
    pub fn for_environment(mut self, name: &str, value: &str) -> Self {
        if let Kind::Task { environment, .. } = &mut self.kind {
            *environment = Some((name.into(), value.into()));
        }
        self
    }

    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Spares the first `skip` opportunities.
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    fn once(kind: Kind) -> Self {
        Self { kind, skip: 0, times: 1 }
    }

    /// Uses up one opportunity, and says whether the fault strikes.
    fn strikes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let left = self.times > 0;
        if left && self.times != u32::MAX {
            self.times -= 1;
        }
        left
    }
}

/// A seeded schedule: each call is throttled or answered with a 500 with these probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weather {
    pub throttle: f64,
    pub server_error: f64,
}

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

    pub fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// What happens to this call of `service:Operation`, if anything.
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

    /// The `failures[].reason` of this RunTask, if it is to fail.
    pub(crate) fn on_run_task(&self) -> Option<String> {
        self.first(|kind| match kind {
            Kind::RunTask { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    /// What happens to a new task with this environment.
    pub(crate) fn on_task(&self, environment: &[(String, String)]) -> Vec<TaskFault> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut struck = Vec::new();
        for fault in list.iter_mut() {
            let Kind::Task { fault: task_fault, environment: wanted } = &fault.kind else { continue };
            let task_fault = task_fault.clone();
            if wanted.as_ref().is_none_or(|pair| environment.contains(pair)) && fault.strikes() {
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

    /// After which time and for how long the state before an UpdateService is read, if it is.
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

#[cfg(test)]
mod tests;
