//! The containers of a running task: in which order they start, and when the task is over.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::prepare::{Prepared, Source};
use super::{DEACTIVATING, Ending, Life, STOPPING};
use crate::ecs::Stop;
use crate::engine::{Exit, Signal, Started};
use crate::faults::TaskFault;
use crate::logs;

/// Where a container stands.
enum Standing {
    Waiting(Box<Prepared>),
    Running { signals: UnboundedSender<Signal>, stop_timeout: Duration },
    Ended(Option<i32>),
}

struct Containers {
    /// By name, with their place in the task definition and whether they are essential.
    standings: HashMap<String, (usize, bool, Standing)>,
    order: Vec<String>,
    exits: JoinSet<(String, Exit)>,
}

/// What may come from outside while containers run.
enum Event {
    Exited(String, Exit),
    Stopped(Stop),
    OutOfMemory,
}

/// Runs the containers until the task is over and all of them have ended.
pub(super) async fn run(life: &mut Life, prepared: Vec<Prepared>) -> Ending {
    let faults = life.read(|task| task.faults.clone()).unwrap_or_default();
    let mut containers = Containers {
        order: prepared.iter().map(|one| one.name.clone()).collect(),
        standings: prepared
            .into_iter()
            .map(|one| (one.name.clone(), (one.index, one.essential, Standing::Waiting(Box::new(one)))))
            .collect(),
        exits: JoinSet::new(),
    };
    let ending = until_over(life, &mut containers, &faults).await;
    life.announce(&ending);
    containers.stop_all(life).await;
    ending
}

async fn until_over(life: &mut Life, containers: &mut Containers, faults: &[TaskFault]) -> Ending {
    let after = |pick: fn(&TaskFault) -> Option<Duration>| {
        let delay = faults.iter().find_map(pick);
        async move {
            match delay {
                Some(delay) => sleep(delay).await,
                None => std::future::pending().await,
            }
        }
    };
    let mut interruption = std::pin::pin!(after(|fault| match fault {
        TaskFault::SpotInterruption { after } => Some(*after),
        _ => None,
    }));
    let mut memory = std::pin::pin!(after(|fault| match fault {
        TaskFault::OutOfMemory { after } => Some(*after),
        _ => None,
    }));
    let mut memory_is_out = false;
    loop {
        if let Err(reason) = containers.start_ready(life, faults).await {
            return Ending::FailedToStart(reason);
        }
        let event = tokio::select! {
            Some(Ok((name, exit))) = containers.exits.join_next() => Event::Exited(name, exit),
            stop = life.stopped() => Event::Stopped(stop),
            () = &mut interruption => Event::Stopped(Stop {
                code: "SpotInterruption",
                reason: "Your Spot Task was interrupted.".into(),
            }),
            () = &mut memory, if !memory_is_out => Event::OutOfMemory,
            else => return Ending::FailedToStart("Task failed to start".into()),
        };
        match event {
            Event::Stopped(stop) => return Ending::Stopped(stop),
            Event::OutOfMemory => {
                memory_is_out = true;
                containers.kill_first_essential();
            }
            Event::Exited(name, exit) => {
                let exit = if memory_is_out && containers.is_essential(&name) {
                    Exit::out_of_memory()
                } else {
                    exit
                };
                let essential = containers.ended(life, &name, exit);
                if essential || containers.all_ended() {
                    return Ending::EssentialContainerExited;
                }
            }
        }
    }
}

impl Containers {
    /// Starts every container whose dependencies are met.
    async fn start_ready(&mut self, life: &Life, faults: &[TaskFault]) -> Result<(), String> {
        while let Some(name) = self.order.iter().find(|name| self.is_ready(name)).cloned() {
            let Some((index, _, standing)) = self.standings.get_mut(&name) else { break };
            let index = *index;
            let Standing::Waiting(prepared) = std::mem::replace(standing, Standing::Ended(None)) else {
                break;
            };
            self.start(life, index, *prepared, faults).await?;
        }
        let unmet = self.order.iter().find_map(|name| self.impossible(name));
        if let Some((name, dependency)) = unmet {
            return Err(format!("Container {name} depends on {dependency}, which did not end successfully"));
        }
        let started = !self
            .standings
            .values()
            .any(|(_, essential, standing)| *essential && matches!(standing, Standing::Waiting(_)));
        if started {
            let now = life.world.clock.now();
            life.change(|task| {
                if task.times.started.is_none() {
                    task.times.started = Some(now);
                    task.last_status = "RUNNING";
                }
            });
        }
        Ok(())
    }

    async fn start(
        &mut self,
        life: &Life,
        index: usize,
        prepared: Prepared,
        faults: &[TaskFault],
    ) -> Result<(), String> {
        let Prepared { name, launch, source, logs, stop_timeout, .. } = prepared;
        let runtime_id = format!("{}-{}", life.task_id, index);
        let started = match source {
            Source::Script(script) => script.start(runtime_id, life.world.clock.clone()),
            Source::Image => life.world.runtime.start(launch).await,
        };
        let Started { runtime_id, mut output, signals, exit } = started.map_err(|why| {
            life.change(|task| {
                task.containers[index].reason = Some(format!("CannotStartContainerError: {why}"))
            });
            "Task failed to start".to_owned()
        })?;
        life.change(|task| {
            task.containers[index].runtime_id = Some(runtime_id);
            task.containers[index].last_status = "RUNNING";
        });
        let (world, region, faults) = (life.world.clone(), life.region.clone(), faults.to_vec());
        let key = name.clone();
        self.exits.spawn(async move {
            match logs {
                Some(to) => logs::ship(world, region, to, output, faults).await,
                None => while output.recv().await.is_some() {},
            }
            (key, exit.await.unwrap_or_default())
        });
        if let Some((_, _, standing)) = self.standings.get_mut(&name) {
            *standing = Standing::Running { signals, stop_timeout };
        }
        Ok(())
    }

    fn is_ready(&self, name: &str) -> bool {
        match self.standings.get(name) {
            Some((_, _, Standing::Waiting(prepared))) => {
                prepared.depends_on.iter().all(|(other, condition)| self.meets(other, condition))
            }
            _ => false,
        }
    }

    /// HEALTHY counts as START: the sandbox runs no health checks.
    fn meets(&self, name: &str, condition: &str) -> bool {
        match self.standings.get(name).map(|(_, _, standing)| standing) {
            Some(Standing::Ended(code)) => condition != "SUCCESS" || *code == Some(0),
            Some(Standing::Running { .. }) => matches!(condition, "START" | "HEALTHY"),
            Some(Standing::Waiting(_)) | None => false,
        }
    }

    /// The dependency that a waiting container waits for in vain.
    fn impossible(&self, name: &str) -> Option<(String, String)> {
        let Some((_, _, Standing::Waiting(prepared))) = self.standings.get(name) else { return None };
        let in_vain = |other: &String, condition: &str| match self.standings.get(other) {
            None => true,
            Some((_, _, Standing::Ended(code))) => condition == "SUCCESS" && *code != Some(0),
            Some(_) => false,
        };
        let dependency = prepared.depends_on.iter().find(|(other, condition)| in_vain(other, condition))?;
        Some((name.to_owned(), dependency.0.clone()))
    }

    fn is_essential(&self, name: &str) -> bool {
        self.standings.get(name).is_some_and(|(_, essential, _)| *essential)
    }

    fn all_ended(&self) -> bool {
        self.standings.values().all(|(_, _, standing)| matches!(standing, Standing::Ended(_)))
    }

    /// Notes the end of a container; whether it was an essential one.
    fn ended(&mut self, life: &Life, name: &str, exit: Exit) -> bool {
        let Some((index, essential, standing)) = self.standings.get_mut(name) else { return false };
        *standing = Standing::Ended(exit.code);
        let (index, essential) = (*index, *essential);
        life.change(|task| {
            let container = &mut task.containers[index];
            container.last_status = "STOPPED";
            container.exit_code = exit.code;
            container.reason = exit.reason;
        });
        essential
    }

    fn kill_first_essential(&self) {
        let essential = self.order.iter().find_map(|name| match self.standings.get(name) {
            Some((_, true, Standing::Running { signals, .. })) => Some(signals),
            _ => None,
        });
        if let Some(signals) = essential {
            // A container that is just ending no longer listens.
            let _ = signals.send(Signal::Kill);
        }
    }

    /// SIGTERM to all that run, SIGKILL to each that has not ended when its time is up.
    async fn stop_all(mut self, life: &Life) {
        life.change(|task| task.last_status = "DEACTIVATING");
        sleep(life.duration(DEACTIVATING)).await;
        life.change(|task| task.last_status = "STOPPING");
        let mut deadlines = JoinSet::new();
        for (_, _, standing) in self.standings.values() {
            if let Standing::Running { signals, stop_timeout } = standing {
                let (signals, patience) = (signals.clone(), life.world.clock.stop_timeout(*stop_timeout));
                let _ = signals.send(Signal::Terminate);
                deadlines.spawn(async move {
                    sleep(patience).await;
                    let _ = signals.send(Signal::Kill);
                });
            }
        }
        while let Some(ended) = self.exits.join_next().await {
            if let Ok((name, exit)) = ended {
                self.ended(life, &name, exit);
            }
        }
        sleep(life.duration(STOPPING)).await;
    }
}
