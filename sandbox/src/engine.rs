//! What runs containers: processes, Docker, or scripts inside the sandbox.

mod docker;
mod output;
mod own_root;
mod process;
mod program;
mod rootfs;
mod script;
mod self_contained;
mod temporary;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::images::Images;
use crate::options::{Engine, Options};

pub use docker::DockerEngine;
pub use own_root::{START_CONTAINER, start_container};
pub use process::ProcessEngine;
pub(crate) use script::Health;
pub use script::{Programs, Script, TaskContext};

/// One line of a container's stdout or stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read, in milliseconds since the Unix epoch.
    pub at: i64,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM to the container's first process.
    Terminate,
    /// SIGKILL to all of it.
    Kill,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// 128 + n after signal n.
    pub code: Option<i32>,
    /// `containers[].reason`, such as OutOfMemoryError.
    pub reason: Option<String>,
}

impl Exit {
    pub fn code(code: i32) -> Self {
        Self { code: Some(code), reason: None }
    }

    pub fn out_of_memory() -> Self {
        let reason = "OutOfMemoryError: Container killed due to memory usage";
        Self { code: Some(137), reason: Some(reason.into()) }
    }
}

/// What a container is started from.
#[derive(Clone, Default)]
pub struct Launch {
    pub task_id: String,
    pub container: String,
    /// As the task definition names it.
    pub image: String,
    pub entry_point: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    /// May hold secrets.
    pub environment: Vec<(String, String)>,
    pub working_directory: Option<String>,
    pub user: Option<String>,
    /// In MiB.
    pub memory: Option<u64>,
}

/// A container that runs. Dropping `signals` kills it.
#[derive(Debug)]
pub struct Started {
    pub runtime_id: String,
    /// Bounded: a container that writes faster than its log driver reads waits.
    pub output: mpsc::Receiver<Vec<Line>>,
    pub signals: mpsc::UnboundedSender<Signal>,
    pub exit: oneshot::Receiver<Exit>,
}

/// Chunks of lines on their way from a container to its log driver.
const OUTPUT_CHUNKS: usize = 16;

/// The engine that was chosen.
pub enum Runtime {
    Process(ProcessEngine),
    Docker(DockerEngine),
}

impl Runtime {
    /// Makes the engine that was chosen.
    ///
    /// # Errors
    /// No temporary directory for unpacked images or credentials.
    pub fn new(
        options: &Options,
        clock: Arc<Clock>,
        images: Arc<dyn Images>,
        login: Login,
    ) -> anyhow::Result<Self> {
        Ok(match options.engine {
            Engine::Process => Self::Process(ProcessEngine::new(clock, images, options.starter.clone())?),
            Engine::Docker => Self::Docker(DockerEngine::new(clock, images, login)?),
        })
    }

    /// Makes the image ready, and returns its digest.
    ///
    /// # Errors
    /// The text that follows `CannotPullContainerError: `.
    pub async fn pull(&self, image: &str) -> Result<String, String> {
        match self {
            Self::Process(engine) => engine.pull(image).await,
            Self::Docker(engine) => engine.pull(image).await,
        }
    }

    /// Starts a container.
    ///
    /// # Errors
    /// The text that follows `CannotStartContainerError: `.
    pub async fn start(&self, launch: Launch) -> Result<Started, String> {
        match self {
            Self::Process(engine) => engine.start(launch).await,
            Self::Docker(engine) => engine.start(launch).await,
        }
    }

    /// Kills whatever still runs. Blocks for as long as that takes.
    pub fn kill_all(&self) {
        match self {
            Self::Process(engine) => engine.kill_all(),
            Self::Docker(engine) => engine.kill_all(),
        }
    }
}

/// How the Docker engine pulls from the sandbox's registry.
#[derive(Clone)]
pub struct Login {
    /// `host:port`.
    pub registry: String,
    /// Issues a password for user `AWS`.
    pub password: Arc<dyn Fn() -> anyhow::Result<String> + Send + Sync>,
}
