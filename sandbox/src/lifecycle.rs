//! A task's life: PROVISIONING → PENDING → ACTIVATING → RUNNING → DEACTIVATING → STOPPING → DEPROVISIONING → STOPPED.

mod containers;
mod exits;
mod health;
mod prepare;
mod restart;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ecs::{Stop, Task};
use crate::faults::TaskFault;
use crate::ids::Ids;
use crate::region::Region;
use crate::world::World;

/// How long Fargate stays in a state: anything between the two.
#[derive(Debug, Clone, Copy)]
struct Phase(Duration, Duration);

const fn seconds(least: u64, most: u64) -> Phase {
    Phase(Duration::from_secs(least), Duration::from_secs(most))
}

/// From RunTask to the container's start 30 to 60 s go by; the image pull of ACTIVATING is most of it.
const PROVISIONING: Phase = seconds(10, 20);
const PENDING: Phase = seconds(2, 5);
const ACTIVATING: Phase = seconds(18, 35);
/// From a container's exit until DescribeTasks shows it: the task state change event of a Fargate task had
/// executionStoppedAt 21:13:24, and stoppingAt 21:13:34.8 together with the stopCode and the exit code. STOPPED comes
/// 10 to 30 s after the exit.
const EXIT_SHOWN: Phase = seconds(5, 10);
const DEACTIVATING: Phase = seconds(1, 2);
const STOPPING: Phase = seconds(1, 2);
const DEPROVISIONING: Phase = seconds(8, 15);

/// Why a task ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// The containers could not all be started: `stoppedReason`.
    FailedToStart(String),
    EssentialContainerExited,
    Stopped(Stop),
}

/// Lets a task live until it is STOPPED or the sandbox stops.
pub fn spawn(world: &Arc<World>, region: &Arc<Region>, task_id: String, stop: watch::Receiver<Option<Stop>>) {
    world.spawn(live(world.clone(), region.clone(), task_id, stop));
}

async fn live(world: Arc<World>, region: Arc<Region>, task_id: String, stop: watch::Receiver<Option<Stop>>) {
    // A task's own dice: what other tasks do meanwhile, and in which order, changes nothing in its phases.
    let chance = region.ecs.state().task(&task_id).map_or(0, |task| task.chance);
    let mut life = Life { world, region, task_id, stop, dice: Ids::seeded(chance) };
    let withheld = match life.start().await {
        Ok(prepared) => containers::run(&mut life, prepared).await,
        Err(ending) => {
            let now = life.world.clock.now();
            life.change(|task| announce(task, &ending, now));
            Vec::new()
        }
    };
    life.end(withheld).await;
}

struct Life {
    world: Arc<World>,
    region: Arc<Region>,
    task_id: String,
    stop: watch::Receiver<Option<Stop>>,
    dice: Ids,
}

impl Life {
    async fn start(&mut self) -> Result<Vec<prepare::Prepared>, Ending> {
        self.phase("PROVISIONING", PROVISIONING).await?;
        self.phase("PENDING", PENDING).await?;
        let now = self.world.clock.now();
        self.change(|task| {
            task.times.connectivity = Some(now);
            task.times.pull_started = Some(now);
        });
        let faults = self.read(|task| task.faults.clone()).unwrap_or_default();
        if let Some(TaskFault::FailToStart(reason)) =
            faults.iter().find(|fault| matches!(fault, TaskFault::FailToStart(_)))
        {
            return Err(Ending::FailedToStart(reason.clone()));
        }
        self.phase("ACTIVATING", ACTIVATING).await?;
        let (world, region, task_id) = (self.world.clone(), self.region.clone(), self.task_id.clone());
        let preparing = prepare::prepare(&world, &region, &task_id);
        let prepared = tokio::select! {
            prepared = preparing => prepared.map_err(Ending::FailedToStart)?,
            stop = self.stopped() => return Err(Ending::Stopped(stop)),
        };
        let now = self.world.clock.now();
        self.change(|task| {
            task.times.pull_stopped = Some(now);
            for fault in &faults {
                let TaskFault::ImageShownAs { named, shown } = fault else { continue };
                let pulled = prepared.iter().enumerate();
                for (index, _) in pulled.filter(|(_, one)| one.launch.image.contains(named)) {
                    task.containers[index].image_digest = Some(shown.clone());
                }
            }
        });
        Ok(prepared)
    }

    /// Enters a state and stays in it for as long as Fargate would, unless the task is stopped first.
    async fn phase(&mut self, status: &'static str, on_fargate: Phase) -> Result<(), Ending> {
        self.change(|task| task.last_status = status);
        let stuck =
            self.read(|task| task.faults.contains(&TaskFault::StuckIn(status.into()))).unwrap_or(false);
        let duration = self.duration(on_fargate);
        tokio::select! {
            () = tokio::time::sleep(duration), if !stuck => Ok(()),
            stop = self.stopped() => Err(Ending::Stopped(stop)),
        }
    }

    /// Waits for StopTask.
    async fn stopped(&mut self) -> Stop {
        match self.stop.wait_for(Option::is_some).await.map(|stop| stop.clone()) {
            Ok(Some(stop)) => stop,
            // The task is forgotten with its sandbox, and this life with it.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Ends a task whose containers have ended. Exit codes that are withheld show with STOPPED.
    async fn end(self, withheld: Vec<exits::ContainerExit>) {
        self.change(|task| {
            for container in &mut task.containers {
                container.last_status = "STOPPED";
            }
            task.last_status = "DEPROVISIONING";
        });
        tokio::time::sleep(self.duration(DEPROVISIONING)).await;
        let now = self.world.clock.now();
        self.region.ecs.stopped(&self.task_id, now, |task| {
            for exit in withheld {
                exit.show_code(task, now);
            }
        });
    }

    /// Returns this task's time in a state, on the sandbox's clock.
    fn duration(&self, Phase(least, most): Phase) -> Duration {
        self.world.clock.phase(least + (most - least).mul_f64(self.dice.fraction()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Task) -> T) -> Option<T> {
        self.region.ecs.change(&self.task_id, change)
    }

    fn read<T>(&self, read: impl FnOnce(&Task) -> T) -> Option<T> {
        self.region.ecs.state().task(&self.task_id).map(read)
    }
}

/// Shows why the task ends. What StopTask has answered before stays.
fn announce(task: &mut Task, ending: &Ending, now: i64) {
    let (code, reason) = match ending {
        Ending::FailedToStart(reason) => ("TaskFailedToStart", reason.clone()),
        Ending::EssentialContainerExited => {
            ("EssentialContainerExited", "Essential container in task exited".to_owned())
        }
        Ending::Stopped(stop) => (stop.code, stop.reason.clone()),
    };
    task.desired_status = "STOPPED";
    if task.stop_code.is_none() {
        task.stop_code = Some(code);
        task.stopped_reason = Some(reason);
    }
    task.times.stopping.get_or_insert(now);
}
