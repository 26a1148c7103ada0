//! Containers without an image: scripts that run inside the sandbox.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Exit, Line, OUTPUT_CHUNKS, Signal, Started};
use crate::clock::Clock;

const CHUNK_LINES: usize = 1000;

/// What a program knows about the container that it stands in for.
#[derive(Clone, Default)]
pub struct TaskContext {
    pub task_id: String,
    pub family: String,
    pub container: String,
    pub image: String,
    pub command: Vec<String>,
    /// With secrets and overrides.
    pub environment: HashMap<String, String>,
}

type Program = Arc<dyn Fn(&TaskContext) -> Script + Send + Sync>;

/// The programs by task definition family, `family/container` or repository.
#[derive(Default)]
pub struct Programs(Mutex<HashMap<String, Program>>);

impl Programs {
    pub fn set(&self, key: &str, program: Program) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into(), program);
    }

    /// Finds the program for a container; the most specific key wins.
    pub(crate) fn find(&self, family: &str, container: &str, image: &str) -> Option<Program> {
        let programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = image.split_once('@').map_or(image, |(name, _)| name);
        let repository = name.split_once('/').map_or(name, |(_, repository)| repository);
        let repository = repository.split_once(':').map_or(repository, |(repository, _)| repository);
        let keys = [format!("{family}/{container}"), family.to_owned(), repository.to_owned()];
        keys.iter().find_map(|key| programs.get(key)).cloned()
    }
}

enum Step {
    Lines(Box<dyn Iterator<Item = String> + Send>),
    Does(Box<dyn FnOnce() + Send>),
    Sleep(Duration),
    Work(Duration),
    UntilStopped,
}

/// What a container does: output, waiting, and an end. Without an end it exits with 0.
///
/// ```
/// # use std::time::Duration;
/// # use sandbox::Script;
/// let script = Script::new().line("applying 1").sleep(Duration::from_millis(5)).line("boom").exit(3);
/// ```
pub struct Script {
    steps: Vec<Step>,
    end: Exit,
    /// The exit code on SIGTERM; none ignores it.
    on_sigterm: Option<i32>,
    start_error: Option<String>,
    health: Vec<Health>,
}

/// What a container's health check reports, if its definition has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// So long after the start, on Fargate.
    HealthyAfter(Duration),
    UnhealthyAfter(Duration),
    /// UNHEALTHY when the check has used up its retries.
    Never,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            end: Exit::code(0),
            on_sigterm: Some(143),
            start_error: None,
            health: Vec::new(),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("steps", &self.steps.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn line(self, text: impl Into<String>) -> Self {
        self.lines([text.into()])
    }

    /// Writes lines. They are made as they are read, so there may be any number.
    pub fn lines<I>(mut self, lines: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String> + 'static,
        I::IntoIter: Send + 'static,
    {
        self.steps.push(Step::Lines(Box::new(lines.into_iter().map(Into::into))));
        self
    }

    /// Calls this when it gets there, as a migration writes to its database. What a container that is killed has not
    /// got to is dropped at its end.
    pub fn does(mut self, what: impl FnOnce() + Send + 'static) -> Self {
        self.steps.push(Step::Does(Box::new(what)));
        self
    }

    pub fn sleep(mut self, duration: Duration) -> Self {
        self.steps.push(Step::Sleep(duration));
        self
    }

    /// Waits for what takes this long on Fargate; at a faster pace it takes as much less.
    pub fn work(mut self, on_fargate: Duration) -> Self {
        self.steps.push(Step::Work(on_fargate));
        self
    }

    /// Runs until it is stopped.
    pub fn until_stopped(mut self) -> Self {
        self.steps.push(Step::UntilStopped);
        self
    }

    pub fn exit(mut self, code: i32) -> Self {
        self.end = Exit::code(code);
        self
    }

    /// Ends as killed for its memory: exit code 137 and OutOfMemoryError.
    pub fn out_of_memory(mut self) -> Self {
        self.end = Exit::out_of_memory();
        self
    }

    /// Ends without an exit code.
    pub fn no_exit_code(mut self, reason: &str) -> Self {
        self.end = Exit { code: None, reason: Some(reason.into()) };
        self
    }

    /// Exits with this code on SIGTERM instead of 143.
    pub fn on_sigterm(mut self, code: i32) -> Self {
        self.on_sigterm = Some(code);
        self
    }

    /// Ignores SIGTERM, so that it has to be killed: exit code 137.
    pub fn ignores_sigterm(mut self) -> Self {
        self.on_sigterm = None;
        self
    }

    /// Fails to start: CannotStartContainerError with this text.
    pub fn cannot_start(mut self, reason: &str) -> Self {
        self.start_error = Some(reason.into());
        self
    }

    /// Makes its health check, if it has one, succeed so long after the start on Fargate; by default it
    /// succeeds after one interval.
    pub fn healthy_after(mut self, on_fargate: Duration) -> Self {
        self.health.push(Health::HealthyAfter(on_fargate));
        self
    }

    /// Makes its health check, if it has one, fail for good so long after the start on Fargate.
    pub fn unhealthy_after(mut self, on_fargate: Duration) -> Self {
        self.health.push(Health::UnhealthyAfter(on_fargate));
        self
    }

    /// Makes its health check, if it has one, never succeed.
    pub fn never_healthy(mut self) -> Self {
        self.health.push(Health::Never);
        self
    }

    pub(crate) fn health(&self) -> &[Health] {
        &self.health
    }

    pub(crate) fn start(self, runtime_id: String, clock: Arc<Clock>) -> Result<Started, String> {
        if let Some(reason) = self.start_error {
            return Err(reason);
        }
        let (lines, output) = mpsc::channel(OUTPUT_CHUNKS);
        let (signals, wanted) = mpsc::unbounded_channel();
        let (ended, exit) = oneshot::channel();
        tokio::spawn(async move {
            let stopped = stopped_by(wanted, self.on_sigterm);
            let result = tokio::select! {
                biased;
                () = perform(self.steps, &clock, &lines) => self.end,
                exit = stopped => exit,
            };
            drop(lines);
            let _ = ended.send(result);
        });
        Ok(Started { runtime_id, output, signals, exit })
    }
}

async fn perform(steps: Vec<Step>, clock: &Clock, output: &mpsc::Sender<Vec<Line>>) {
    for step in steps {
        match step {
            Step::Does(what) => what(),
            Step::Sleep(duration) => tokio::time::sleep(duration).await,
            Step::Work(duration) => tokio::time::sleep(clock.phase(duration)).await,
            Step::UntilStopped => std::future::pending().await,
            Step::Lines(mut lines) => loop {
                let texts = lines.by_ref().take(CHUNK_LINES);
                let chunk: Vec<Line> = texts.map(|text| Line { at: clock.now(), text }).collect();
                if chunk.is_empty() || output.send(chunk).await.is_err() {
                    break;
                }
            },
        }
    }
}

async fn stopped_by(mut wanted: mpsc::UnboundedReceiver<Signal>, on_sigterm: Option<i32>) -> Exit {
    loop {
        match (wanted.recv().await, on_sigterm) {
            (Some(Signal::Terminate), Some(code)) => return Exit::code(code),
            (Some(Signal::Terminate), None) => {}
            (Some(Signal::Kill) | None, _) => return Exit::code(137),
        }
    }
}
