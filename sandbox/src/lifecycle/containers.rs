//! The containers of a running task: in which order they start, and when the task is over.

mod events;

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::exits::{ContainerExit, Unseen};
use super::prepare::{Prepared, Source};
use super::{DEACTIVATING, EXIT_SHOWN, Ending, Life, STOPPING, announce};
use crate::ecs::Task;
use crate::engine::{Exit, Signal, Started};
use crate::faults::TaskFault;
use crate::logs;

/// Where a container stands on its host.
enum Standing {
    Waiting,
    Running { signals: UnboundedSender<Signal>, since: Instant },
    Ended(Option<i32>),
}

struct Member {
    prepared: Prepared,
    standing: Standing,
    /// It is being killed for its memory.
    out_of_memory: bool,
    /// Reports its health.
    checks: JoinSet<()>,
}

/// The end of a container on its host.
struct Ended {
    index: usize,
    exit: Exit,
    at: Instant,
    /// In milliseconds since the Unix epoch.
    clock_at: i64,
}

struct Containers {
    /// In the order of the task definition.
    members: Vec<Member>,
    faults: Vec<TaskFault>,
    running: JoinSet<Ended>,
    /// SIGKILL to each that SIGTERM does not end in time.
    kills: JoinSet<()>,
    terminated: bool,
    unseen: Unseen,
    last_exit: Option<Instant>,
    /// The essential container that ended first, and when: `executionStoppedAt`, as amazon-ecs-agent's
    /// RecordExecutionStoppedAt has it.
    execution_stopped: Option<(usize, i64)>,
}

/// Runs the containers until the task is over and all of them are seen to have ended. Returns the exit codes that are
/// not shown before the task is STOPPED.
pub(super) async fn run(life: &mut Life, prepared: Vec<Prepared>) -> Vec<ContainerExit> {
    let faults = life.read(|task| task.faults.clone()).unwrap_or_default();
    let members = prepared.into_iter().map(|prepared| Member {
        prepared,
        standing: Standing::Waiting,
        out_of_memory: false,
        checks: JoinSet::new(),
    });
    let mut containers = Containers {
        members: members.collect(),
        unseen: Unseen::new(life.duration(EXIT_SHOWN), &faults),
        faults,
        running: JoinSet::new(),
        kills: JoinSet::new(),
        terminated: false,
        last_exit: None,
        execution_stopped: None,
    };
    let ending = containers.until_over(life).await;
    containers.wind_down(life, &ending).await;
    containers.unseen.withheld
}

impl Containers {
    /// Shows the ending with whatever exits are to be seen by now, then stops what still runs.
    async fn wind_down(&mut self, life: &Life, ending: &Ending) {
        let now = life.world.clock.now();
        self.show(life, |task| {
            announce(task, ending, now);
            task.last_status = "DEACTIVATING";
        });
        let mut deactivated = std::pin::pin!(sleep(life.duration(DEACTIVATING)));
        loop {
            tokio::select! {
                () = &mut deactivated => break,
                () = self.follow(life) => {}
            }
        }
        life.change(|task| task.last_status = "STOPPING");
        self.terminate(life);
        while !self.running.is_empty() || self.unseen.next().is_some() {
            self.follow(life).await;
        }
        sleep(life.duration(STOPPING)).await;
    }

    /// Shows what is due of exits, and a further change at the same moment.
    fn show(&mut self, life: &Life, also: impl FnOnce(&mut Task)) {
        let (now, clock_now) = (Instant::now(), life.world.clock.now());
        life.change(|task| {
            self.unseen.show(task, now, clock_now);
            also(task);
            if let Some((index, at)) = self.execution_stopped
                && task.desired_status == "STOPPED"
                && task.containers[index].last_status == "STOPPED"
                && task.times.started.is_some()
            {
                task.times.execution_stopped.get_or_insert(at);
            }
        });
    }

    /// Starts every container whose dependencies are met.
    async fn start_ready(&mut self, life: &Life) -> Result<(), String> {
        while let Some(index) = self.members.iter().position(|member| self.is_ready(member)) {
            self.start(life, index).await?;
        }
        if let Some((name, dependency)) = self.members.iter().find_map(|member| self.impossible(member)) {
            return Err(format!("Container {name} depends on {dependency}, which did not end successfully"));
        }
        let waits =
            |member: &Member| member.prepared.essential && matches!(member.standing, Standing::Waiting);
        if !self.members.iter().any(waits) {
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

    async fn start(&mut self, life: &Life, index: usize) -> Result<(), String> {
        let member = &mut self.members[index];
        let check = member.prepared.health_check;
        let (started, reports) = match &member.prepared.source {
            Source::Script(program) => {
                let script = program();
                let reports = check.map(|check| check.reports(Some(&script)));
                (script.start(format!("{}-{index}", life.task_id), life.world.clock.clone()), reports)
            }
            Source::Image => {
                let started = life.world.runtime.start(member.prepared.launch.clone()).await;
                (started, check.map(|check| check.reports(None)))
            }
        };
        let Started { runtime_id, mut output, signals, exit } = started.map_err(|why| {
            member.standing = Standing::Ended(None);
            life.change(|task| {
                task.containers[index].reason = Some(format!("CannotStartContainerError: {why}"))
            });
            "Task failed to start".to_owned()
        })?;
        life.change(|task| {
            // A container that is started again is still the same one.
            task.containers[index].runtime_id.get_or_insert(runtime_id);
            task.containers[index].last_status = "RUNNING";
            task.containers[index].health = None;
        });
        member.checks = report_health(life, index, reports.unwrap_or_default());
        let (world, region, faults) = (life.world.clone(), life.region.clone(), self.faults.clone());
        let logs = member.prepared.logs.clone();
        self.running.spawn(async move {
            match logs {
                Some(to) => logs::ship(world.clone(), region, to, output, faults).await,
                None => while output.recv().await.is_some() {},
            }
            let exit = exit.await.unwrap_or_default();
            Ended { index, exit, at: Instant::now(), clock_at: world.clock.now() }
        });
        member.standing = Standing::Running { signals, since: Instant::now() };
        Ok(())
    }

    fn is_ready(&self, member: &Member) -> bool {
        matches!(member.standing, Standing::Waiting)
            && member.prepared.depends_on.iter().all(|(other, condition)| self.meets(other, condition))
    }

    /// Returns whether a dependency is met. HEALTHY counts as START: the sandbox runs no health checks, it only shows
    /// what they are said to report.
    fn meets(&self, name: &str, condition: &str) -> bool {
        match self.standing(name) {
            Some(Standing::Ended(code)) => condition != "SUCCESS" || *code == Some(0),
            Some(Standing::Running { .. }) => matches!(condition, "START" | "HEALTHY"),
            Some(Standing::Waiting) | None => false,
        }
    }

    /// Returns a waiting container's name, with that of a dependency that can no longer be met.
    fn impossible(&self, member: &Member) -> Option<(String, String)> {
        if !matches!(member.standing, Standing::Waiting) {
            return None;
        }
        let in_vain = |other: &str, condition: &str| match self.standing(other) {
            None => true,
            Some(Standing::Ended(code)) => condition == "SUCCESS" && *code != Some(0),
            Some(_) => false,
        };
        let prepared = &member.prepared;
        let dependency = prepared.depends_on.iter().find(|(other, condition)| in_vain(other, condition))?;
        Some((prepared.name.clone(), dependency.0.clone()))
    }

    fn standing(&self, name: &str) -> Option<&Standing> {
        self.members.iter().find(|member| member.prepared.name == name).map(|member| &member.standing)
    }

    fn kill_first_essential(&mut self) {
        let running = self.members.iter_mut().find_map(|member| match &member.standing {
            Standing::Running { signals, .. } if member.prepared.essential => {
                Some((signals.clone(), &mut member.out_of_memory))
            }
            _ => None,
        });
        if let Some((signals, out_of_memory)) = running {
            *out_of_memory = true;
            // A container that is just ending no longer listens.
            let _ = signals.send(Signal::Kill);
        }
    }

    /// Sends SIGTERM to all that run, once, and SIGKILL to each that has not ended when its time is up.
    fn terminate(&mut self, life: &Life) {
        if std::mem::replace(&mut self.terminated, true) {
            return;
        }
        for member in &self.members {
            if let Standing::Running { signals, .. } = &member.standing {
                let signals = signals.clone();
                let patience = life.world.clock.stop_timeout(member.prepared.stop_timeout);
                let _ = signals.send(Signal::Terminate);
                self.kills.spawn(async move {
                    sleep(patience).await;
                    let _ = signals.send(Signal::Kill);
                });
            }
        }
    }
}

/// Shows what a container's health check reports, until the container is forgotten or started again.
fn report_health(life: &Life, index: usize, reports: Vec<(Duration, &'static str)>) -> JoinSet<()> {
    let mut checks = JoinSet::new();
    let start = Instant::now();
    for (after, health) in reports {
        let (world, region, task_id) = (life.world.clone(), life.region.clone(), life.task_id.clone());
        checks.spawn(async move {
            sleep_until(start + world.clock.shortened(after)).await;
            region.ecs.change(&task_id, |task| {
                if task.containers[index].last_status == "RUNNING" {
                    task.containers[index].health = Some(health);
                }
            });
        });
    }
    checks
}
