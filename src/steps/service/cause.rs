//! Why a rollout failed: the service's events, a stopped task of the run's deployment, and the end of its log.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::following::is_since;
use super::rolling::{Explained, Rolling};
use crate::aws_console::log_url;
use crate::container_exit::{SIGKILL, SIGTERM};
use crate::diagnosis::{LastLines, diagnose};
use crate::ports::{Container, DesiredStatus, LogStream, ServiceEvent, ServiceWorld, Task};
use crate::recorder::Reported;
use crate::report::{Cause, LogTail, OfServices};
use crate::steps::task::log::stream::{LogFollower, Read};
use crate::task_definition::{Logs, TaskDefinition};
use crate::untrusted::{lines, phrase};
use crate::verdict::service::Ours;

/// Events that are told of a cause.
const MOST_EVENTS: usize = 5;
/// Pages of a log that are read to find its end.
const MAX_LOG_PAGES: usize = 50;
/// The driver's interval between two flushes: a log that is empty so soon may not be.
const FLUSH: Duration = Duration::from_secs(5);

/// What an event that names a cause says (Amazon ECS service event messages). What a deployment does in any case says
/// none of it.
const CAUSES: &[&str] = &[
    "unable to",
    "failed container health checks",
    "is unhealthy in",
    "deployment failed",
    "are being throttled",
    "number of protected tasks",
    "deployment was stopped",
    "alarm",
];

/// A stop that the scheduler makes in any rollout.
const SCALING: &str = "Scaling activity initiated by";

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Finds the cause of a failed rollout, as far as ECS tells. What cannot be read is left out: the verdict stands
    /// without it.
    pub(super) async fn cause(&self, explained: &Explained<'_>) -> Cause {
        let Explained { rollout, ours, service, .. } = explained;
        let name = &rollout.before.name;
        let seen = self.world().services(&self.terms.cluster, std::slice::from_ref(name)).await;
        let fresh = seen.ok().and_then(|found| found.into_iter().next());
        let events = fresh.as_ref().or(service.as_deref()).map(|service| service.events.as_slice());
        let mut cause =
            Cause { events: naming(events.unwrap_or_default(), ours.created_at), ..Cause::default() };
        let stopped = self.tasks_of(name, DesiredStatus::Stopped).await.unwrap_or_default();
        let task = match of_ours(stopped, ours) {
            Some(task) => task,
            None => {
                let running = self.tasks_of(name, DesiredStatus::Running).await.unwrap_or_default();
                let sick = |task: &Task| task.containers.iter().any(is_unhealthy);
                match of_ours(running.into_iter().filter(sick).collect(), ours) {
                    Some(task) => task,
                    None => return cause,
                }
            }
        };
        let first = rollout.digests.first().map(|(container, _)| container.as_str());
        let container = failed_container(&task, first);
        cause.task_arn = Some(task.arn.clone());
        cause.stop_code = task.stop_code.clone();
        cause.stopped_reason = task.stopped_reason.clone();
        let mut last_lines = LastLines::default();
        if let Some(own) = container {
            cause.container = Some(own.name.clone());
            cause.exit_code = own.exit_code;
            let stream = stream(&rollout.definition, &own.name, &task, &rollout.before.arn);
            cause.log_url = stream.as_ref().map(|stream| log_url(&rollout.before.arn, stream));
            cause.log = self.log(stream, &mut last_lines).await;
        }
        cause.diagnosis = diagnose(&task, container.map_or("", |own| own.name.as_str()), &last_lines);
        cause
    }

    /// Reads the end of a log that nothing writes to any more, up to [`MAX_LOG_PAGES`] pages from its head.
    async fn log(&self, stream: Option<LogStream>, last_lines: &mut LastLines) -> LogTail {
        let mut log = LogTail::default();
        let Some(stream) = stream else {
            log.note = Some("the log of the container is not in CloudWatch Logs".into());
            return log;
        };
        let mut follower = LogFollower::new(stream);
        follower.drain();
        let mut waits = 0;
        for _ in 0..MAX_LOG_PAGES {
            match follower.read(self.world()).await {
                Ok(Read::Events(events)) => {
                    for event in &events {
                        for line in lines(&event.message) {
                            log.push(line);
                            last_lines.push(line);
                        }
                    }
                }
                Ok(Read::End) if log.seen > 0 => return log,
                Ok(Read::End | Read::Absent) if waits < 2 => {
                    waits += 1;
                    sleep(FLUSH).await;
                }
                Ok(Read::End) => return log,
                Ok(Read::Absent) => {
                    log.note = Some("the container has no log".into());
                    return log;
                }
                Err(error) => {
                    log.note = Some(phrase(&format!("{error:#}")));
                    return log;
                }
            }
        }
        log.note = Some("the log is longer than was read".into());
        log
    }
}

/// Returns the events since then that name a cause, the newest first, [`MOST_EVENTS`] at most.
fn naming(events: &[ServiceEvent], since: Option<Timestamp>) -> Vec<String> {
    let of_ours = events.iter().filter(|event| is_since(event.created_at, since));
    let named =
        of_ours.filter(|event| CAUSES.iter().any(|cause| event.message.to_lowercase().contains(cause)));
    named.map(|event| event.message.clone()).take(MOST_EVENTS).collect()
}

/// Returns the task of the run's deployment that stopped last, other than by a rollout's own doing.
fn of_ours(tasks: Vec<Task>, ours: &Ours) -> Option<Task> {
    let own = tasks.into_iter().filter(|task| {
        task.started_by.as_deref() == Some(&ours.id)
            && !task.stopped_reason.as_deref().is_some_and(|reason| reason.starts_with(SCALING))
    });
    own.max_by_key(|task| task.stopped_at.or(task.execution_stopped_at).or(task.created_at))
}

fn is_unhealthy(container: &Container) -> bool {
    container.health.as_deref() == Some("UNHEALTHY")
}

/// Returns the container that is to blame: one that ended by itself, else one that ECS says something of, else
/// `first`, else any.
fn failed_container<'a>(task: &'a Task, first: Option<&str>) -> Option<&'a Container> {
    let all = &task.containers;
    let by_itself =
        |one: &&Container| one.exit_code.is_some_and(|code| !matches!(code, 0 | SIGKILL | SIGTERM));
    let own = first.and_then(|name| task.container(name));
    all.iter()
        .find(by_itself)
        .or_else(|| all.iter().find(|one| one.reason.is_some()))
        .or_else(|| all.iter().find(|one| is_unhealthy(one)))
        .or(own)
        .or_else(|| all.first())
}

/// Returns the log stream of a container of a task; `None` without the awslogs driver. Fargate requires the driver's
/// Region; without it, the service's Region is taken.
fn stream(definition: &TaskDefinition, container: &str, task: &Task, service_arn: &str) -> Option<LogStream> {
    let Logs::Awslogs { region, group, stream_prefix, .. } = definition.logs(container) else { return None };
    let own_region = || service_arn.split(':').nth(3).map(str::to_owned);
    let name = format!("{stream_prefix}/{container}/{}", task.id());
    Some(LogStream { region: region.or_else(own_region)?, group, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(
        name: &str,
        exit_code: Option<i32>,
        reason: Option<&str>,
        health: Option<&str>,
    ) -> Container {
        Container {
            name: name.into(),
            exit_code,
            reason: reason.map(Into::into),
            health: health.map(Into::into),
            ..Container::default()
        }
    }

    #[test]
    fn the_container_that_ended_by_itself_is_to_blame() {
        let quiet = || container("app", Some(143), None, None);
        for (others, named) in [
            (vec![container("proxy", Some(1), None, None)], "proxy"),
            (vec![container("proxy", Some(0), None, None)], "app"),
            (vec![container("proxy", None, Some("CannotPullContainerError"), None)], "proxy"),
            (vec![container("proxy", Some(137), None, Some("UNHEALTHY"))], "proxy"),
            (vec![], "app"),
        ] {
            let task = Task { containers: [vec![quiet()], others].concat(), ..Task::default() };
            assert_eq!(failed_container(&task, Some("app")).map(|one| one.name.as_str()), Some(named));
        }
    }

    #[test]
    fn events_of_the_rollout_that_name_a_cause_are_told_and_no_older_ones() {
        let at = |second: i64| Timestamp::from_second(1_764_032_400 + second).ok();
        let event = |second, message: &str| ServiceEvent {
            created_at: at(second),
            message: message.into(),
            ..ServiceEvent::default()
        };
        let events = [
            event(9, "(service web) has reached a steady state."),
            event(8, "(service web) was unable to place a task. Reason: no capacity."),
            event(7, "(service web) has started 2 tasks: (task a) (task b)."),
            event(6, "(service web) (task a) failed container health checks."),
            event(1, "(service web) was unable to place a task. Reason: yesterday's."),
        ];
        assert_eq!(naming(&events, at(5)), [events[1].message.clone(), events[3].message.clone()]);
    }

    #[test]
    fn a_task_that_the_rollout_itself_has_stopped_is_no_cause() {
        let ours = Ours { id: "ecs-svc/2".into(), ..Ours::default() };
        let task = |arn: &str, by: &str, reason: &str, second| Task {
            arn: arn.into(),
            started_by: Some(by.into()),
            stopped_reason: Some(reason.into()),
            stopped_at: Timestamp::from_second(second).ok(),
            ..Task::default()
        };
        let tasks = vec![
            task("scaled", "ecs-svc/2", "Scaling activity initiated by (deployment ecs-svc/2)", 9),
            task("old", "ecs-svc/1", "Essential container in task exited", 8),
            task("first", "ecs-svc/2", "Essential container in task exited", 6),
            task("second", "ecs-svc/2", "Essential container in task exited", 7),
        ];
        assert_eq!(of_ours(tasks, &ours).map(|task| task.arn), Some("second".into()));
    }
}
