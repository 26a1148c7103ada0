//! What happens to containers while they run, and what follows from it.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Containers, Ended, Standing};
use crate::ecs::Stop;
use crate::engine::Exit;
use crate::faults::TaskFault;
use crate::lifecycle::exits::ContainerExit;
use crate::lifecycle::{Ending, Life};

enum Event {
    Exited(Option<Ended>),
    Stopped(Stop),
    OutOfMemory,
    /// There is something to show.
    Due,
}

impl Containers {
    /// Runs the containers until the API is to show the task's ending.
    pub(super) async fn until_over(&mut self, life: &mut Life) -> Ending {
        let mut interruption = std::pin::pin!(after(self.faults.iter().find_map(|fault| match fault {
            TaskFault::SpotInterruption { after } => Some(*after),
            _ => None,
        })));
        let mut memory = std::pin::pin!(after(self.faults.iter().find_map(|fault| match fault {
            TaskFault::OutOfMemory { after } => Some(*after),
            _ => None,
        })));
        let mut memory_is_out = false;
        // From when on it is shown.
        let mut over: Option<(Instant, Ending)> = None;
        loop {
            if over.is_none()
                && let Err(reason) = self.start_ready(life).await
            {
                over = Some(self.over(life, Ending::FailedToStart(reason)));
            }
            if let Some((_, ending)) = over.take_if(|(at, _)| *at <= Instant::now()) {
                return ending;
            }
            let ending_at = over.as_ref().map(|(at, _)| *at);
            let due = [self.unseen.next(), ending_at].into_iter().flatten().min();
            let event = tokio::select! {
                ended = self.running.join_next(), if !self.running.is_empty() => {
                    Event::Exited(ended.and_then(Result::ok))
                }
                stop = life.stopped() => Event::Stopped(stop),
                () = &mut interruption => Event::Stopped(Stop {
                    code: "SpotInterruption",
                    reason: "Your Spot Task was interrupted.".into(),
                }),
                () = &mut memory, if !memory_is_out => Event::OutOfMemory,
                () = until(due) => Event::Due,
            };
            match event {
                Event::Stopped(stop) => return Ending::Stopped(stop),
                Event::OutOfMemory => {
                    memory_is_out = true;
                    self.kill_first_essential();
                }
                Event::Exited(Some(ended)) => {
                    let essential = self.restart_or_note(life, ended).await;
                    let all_ended =
                        || self.members.iter().all(|one| matches!(one.standing, Standing::Ended(_)));
                    if over.is_none() && (essential || all_ended()) {
                        over = Some(self.over(life, Ending::EssentialContainerExited));
                    }
                }
                Event::Exited(None) => {}
                // What is due together with the ending is shown together with it.
                Event::Due if ending_at.is_some_and(|at| at <= Instant::now()) => {}
                Event::Due => self.show(life, |_| {}),
            }
        }
    }

    /// Waits for the next exit or the next moment that something is to be shown, and does so. Restarts nothing.
    pub(super) async fn follow(&mut self, life: &Life) {
        let due = self.unseen.next();
        tokio::select! {
            ended = self.running.join_next(), if !self.running.is_empty() => {
                if let Some(Ok(ended)) = ended {
                    self.note(ended);
                }
            }
            () = until(due) => self.show(life, |_| {}),
        }
    }

    /// Stops the other containers at once, as the agent on the host does, and returns the ending with the time when
    /// it is shown: ECS learns of it with the exit that caused it.
    fn over(&mut self, life: &Life, ending: Ending) -> (Instant, Ending) {
        self.terminate(life);
        (self.last_exit.map_or_else(Instant::now, |exit| exit + self.unseen.delay), ending)
    }

    /// Starts a container again if its policy says so, else notes its end. Returns whether it was an essential one
    /// that ended.
    async fn restart_or_note(&mut self, life: &Life, ended: Ended) -> bool {
        let member = &self.members[ended.index];
        let restarts = match (&member.prepared.restart_policy, &member.standing) {
            (Some(policy), Standing::Running { since, .. }) if !self.terminated => {
                let period = life.world.clock.restart_attempt_period(policy.attempt_period);
                policy.restarts(ended.exit.code, ended.at - *since, period)
            }
            _ => false,
        };
        if restarts && self.start(life, ended.index).await.is_ok() {
            let exit = self.exit_of(&ended);
            self.unseen.restarted(ended.at, exit);
            return false;
        }
        self.note(ended)
    }

    /// Notes the end of a container. Returns whether it was an essential one.
    fn note(&mut self, ended: Ended) -> bool {
        let exit = self.exit_of(&ended);
        self.members[ended.index].standing = Standing::Ended(exit.exit.code);
        let essential = exit.essential;
        if essential {
            self.execution_stopped.get_or_insert((ended.index, ended.clock_at));
        }
        self.last_exit = Some(ended.at);
        self.unseen.exited(ended.at, exit);
        essential
    }

    fn exit_of(&mut self, ended: &Ended) -> ContainerExit {
        let member = &mut self.members[ended.index];
        let exit = if std::mem::take(&mut member.out_of_memory) {
            Exit::out_of_memory()
        } else {
            ended.exit.clone()
        };
        ContainerExit { index: ended.index, essential: member.prepared.essential, exit }
    }
}

async fn after(delay: Option<Duration>) {
    match delay {
        Some(delay) => sleep(delay).await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
