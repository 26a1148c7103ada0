//! Faults on purpose: what AWS does on a bad day, as an explicit list or a seeded schedule.

mod schedule;

use std::time::Duration;

pub use schedule::Faults;

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
    /// Every second DescribeTasks shows the task as an earlier one did, up to this long ago on the sandbox's clock.
    StaleReads { by: Duration },
    /// DescribeTasks shows containers whose image has `named` in its name with the digest `shown`. For an index, AWS
    /// may show its own digest or that of its image for the platform: which one is not documented.
    ImageShownAs { named: String, shown: String },
    /// Log events reach CloudWatch Logs this long after they were written.
    LateLogs { by: Duration },
    /// Every second batch of log events is ingested after the one that follows it.
    OutOfOrderLogs,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Call { operation: String, disturbance: Disturbance },
    RunTask { reason: String },
    Task { fault: TaskFault, environment: Option<(String, String)>, image: Option<String> },
    EmptyPage,
    RepeatedEvents,
    StaleService { from: Duration, lasts: Duration },
    LateServiceDeployment { by: Duration },
    PendingServiceDeployment { by: Duration },
    Alarm { name: String, after: Duration },
    LateStop,
}

/// One fault and how often it strikes: once, from the next opportunity on, unless set otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    kind: Kind,
    skip: u32,
    times: u32,
    struck: u32,
}

impl Fault {
    /// Disturbs calls of `operation`: `ecs:RunTask`, `logs:*` or `*`.
    pub fn call(operation: &str, disturbance: Disturbance) -> Self {
        Self::once(Kind::Call { operation: operation.into(), disturbance })
    }

    /// Makes RunTask answer 200 with no task and this reason in `failures[]`.
    pub fn run_task(reason: &str) -> Self {
        Self::once(Kind::RunTask { reason: reason.into() })
    }

    /// Strikes a task that is started.
    pub fn task(fault: TaskFault) -> Self {
        Self::once(Kind::Task { fault, environment: None, image: None })
    }

    /// Makes FilterLogEvents answer an empty page with a nextToken.
    pub fn empty_page() -> Self {
        Self::once(Kind::EmptyPage)
    }

    /// Makes FilterLogEvents begin a follow-up page with the last event of the page before.
    pub fn repeated_events() -> Self {
        Self::once(Kind::RepeatedEvents)
    }

    /// Makes DescribeServices, from `from` after an UpdateService on and for `lasts`, answer as it did before it.
    /// Both are on the sandbox's clock.
    pub fn stale_service(from: Duration, lasts: Duration) -> Self {
        Self::once(Kind::StaleService { from, lasts })
    }

    /// Makes ListServiceDeployments have a new service deployment this much later, on the sandbox's clock.
    pub fn late_service_deployment(by: Duration) -> Self {
        Self::once(Kind::LateServiceDeployment { by })
    }

    /// Keeps a new service deployment PENDING for this much longer, on the sandbox's clock.
    pub fn pending_service_deployment(by: Duration) -> Self {
        Self::once(Kind::PendingServiceDeployment { by })
    }

    /// Sets off a CloudWatch alarm so long after the next deployment that watches alarms has begun, on the sandbox's
    /// clock. Unlike [`crate::Sandbox::set_alarm`], it is not in ALARM for any other deployment.
    pub fn alarm(name: &str, after: Duration) -> Self {
        Self::once(Kind::Alarm { name: name.into(), after })
    }

    /// Makes StopServiceDeployment too late: the deployment is ROLLBACK_REQUESTED, and goes on to its end all the
    /// same.
    pub fn late_stop() -> Self {
        Self::once(Kind::LateStop)
    }

    /// Strikes only tasks in which a container has `name` = `value` in its environment.
    pub fn for_environment(mut self, name: &str, value: &str) -> Self {
        if let Kind::Task { environment, .. } = &mut self.kind {
            *environment = Some((name.into(), value.into()));
        }
        self
    }

    /// Strikes only tasks in which a container's image has this in its name: a tag, a digest, a repository.
    pub fn for_image(mut self, part: &str) -> Self {
        if let Kind::Task { image, .. } = &mut self.kind {
            *image = Some(part.into());
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
        Self { kind, skip: 0, times: 1, struck: 0 }
    }

    /// Uses up one opportunity, and says whether the fault strikes.
    fn strikes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let left = self.times > 0;
        self.struck += u32::from(left);
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

#[cfg(test)]
mod tests;
