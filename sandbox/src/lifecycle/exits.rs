//! Exits, which DescribeTasks shows later than they happen.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::ecs::Task;
use crate::engine::Exit;
use crate::faults::TaskFault;

/// The end of one container.
#[derive(Debug, Clone)]
pub(super) struct ContainerExit {
    /// Its place in the task definition.
    pub index: usize,
    pub essential: bool,
    pub exit: Exit,
}

/// What DescribeTasks shows of a container from some moment on.
enum Sight {
    Exited(ContainerExit),
    RunsAgain(usize),
}

/// When an exit code is shown, once its container is seen to have ended.
#[derive(Clone, Copy, PartialEq)]
enum Code {
    WithTheExit,
    WhenTheTaskIsStopped,
    Never,
}

/// What has happened to a task's containers and is not shown yet.
pub(super) struct Unseen {
    /// One for all of a task's containers, so that they are seen to end in the order in which they end.
    pub delay: Duration,
    /// How long a restarted container is seen as STOPPED.
    restarts: Option<Duration>,
    early: bool,
    code: Code,
    /// By the time from which it is shown.
    sights: VecDeque<(Instant, Sight)>,
    /// Exit codes that are shown when the task is STOPPED.
    pub withheld: Vec<ContainerExit>,
}

impl Unseen {
    pub fn new(delay: Duration, faults: &[TaskFault]) -> Self {
        let code = if faults.contains(&TaskFault::NoExitCode) {
            Code::Never
        } else if faults.contains(&TaskFault::LateExitCode) {
            Code::WhenTheTaskIsStopped
        } else {
            Code::WithTheExit
        };
        Self {
            delay,
            restarts: faults.iter().find_map(|fault| match fault {
                TaskFault::RestartShown { lasts } => Some(*lasts),
                _ => None,
            }),
            early: faults.contains(&TaskFault::EarlyExitCode),
            code,
            sights: VecDeque::new(),
            withheld: Vec::new(),
        }
    }

    pub fn exited(&mut self, at: Instant, exit: ContainerExit) {
        self.insert(self.due(at), Sight::Exited(exit));
    }

    /// Notes that a container has exited and runs again. amazon-ecs-agent tells ECS of neither.
    pub fn restarted(&mut self, at: Instant, exit: ContainerExit) {
        let Some(lasts) = self.restarts else { return };
        let (due, index) = (self.due(at), exit.index);
        self.insert(due, Sight::Exited(exit));
        self.insert(due + lasts, Sight::RunsAgain(index));
    }

    /// Returns when there is more to be shown.
    pub fn next(&self) -> Option<Instant> {
        self.sights.front().map(|(due, _)| *due)
    }

    /// Shows what is due at `now`, which is `clock_now` on the sandbox's clock.
    pub fn show(&mut self, task: &mut Task, now: Instant, clock_now: i64) {
        while let Some((_, sight)) = self.sights.pop_front_if(|(due, _)| *due <= now) {
            match sight {
                Sight::Exited(exit) => {
                    task.containers[exit.index].last_status = "STOPPED";
                    match self.code {
                        Code::WithTheExit => exit.show_code(task, clock_now),
                        Code::WhenTheTaskIsStopped => self.withheld.push(exit),
                        Code::Never => task.containers[exit.index].reason = exit.exit.reason,
                    }
                }
                Sight::RunsAgain(index) => {
                    self.withheld.retain(|exit| exit.index != index);
                    task.times.exit_shown = None;
                    let container = &mut task.containers[index];
                    container.last_status = "RUNNING";
                    container.exit_code = None;
                    container.reason = None;
                }
            }
        }
    }

    fn due(&self, at: Instant) -> Instant {
        if self.early { at } else { at + self.delay }
    }

    fn insert(&mut self, due: Instant, sight: Sight) {
        let place = self.sights.partition_point(|(other, _)| *other <= due);
        self.sights.insert(place, (due, sight));
    }
}

impl ContainerExit {
    pub fn show_code(self, task: &mut Task, clock_now: i64) {
        if self.essential && self.exit.code.is_some() {
            task.times.exit_shown.get_or_insert(clock_now);
        }
        let container = &mut task.containers[self.index];
        container.exit_code = self.exit.code;
        container.reason = self.exit.reason;
    }
}
