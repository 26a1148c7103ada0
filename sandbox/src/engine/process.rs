//! The process engine: a container is a process group of this machine, started from the unpacked image.
//!
//! There is no isolation: paths inside the program are this machine's. It runs what is self-contained, such as a
//! static binary, and refuses what the image brings an interpreter or a loader for; the Docker engine runs that.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal as UnixSignal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, mpsc, oneshot};

use super::interpreter;
use super::rootfs::{DEFAULT_PATH, executable, resolve};
use super::{Exit, Launch, OUTPUT_CHUNKS, Signal, Started, output};
use crate::clock::Clock;
use crate::images::{ImageConfig, Images};

/// How long output may still arrive after the process group is gone.
const DRAIN: Duration = Duration::from_secs(2);

type Unpacked = Arc<OnceCell<(PathBuf, ImageConfig)>>;

pub struct ProcessEngine {
    clock: Arc<Clock>,
    images: Arc<dyn Images>,
    unpacked_into: TempDir,
    /// By digest.
    unpacked: Mutex<HashMap<String, Unpacked>>,
    groups: Groups,
}

/// The process groups that are alive, by the id of their leader.
#[derive(Clone, Default)]
struct Groups(Arc<Mutex<HashSet<i32>>>);

impl ProcessEngine {
    pub(super) fn new(clock: Arc<Clock>, images: Arc<dyn Images>) -> anyhow::Result<Self> {
        let unpacked_into = TempDir::with_prefix("sandbox-images-").context("create directory for images")?;
        let groups = Groups::default();
        Ok(Self { clock, images, unpacked_into, unpacked: Mutex::default(), groups })
    }

    pub(super) async fn pull(&self, image: &str) -> Result<String, String> {
        let digest = self.images.resolve(image).map_err(|error| error.to_string())?;
        self.unpack(&digest, image).await?;
        Ok(digest)
    }

    async fn unpack(&self, digest: &str, image: &str) -> Result<(PathBuf, ImageConfig), String> {
        let cell = self.unpacked_mut().entry(digest.to_owned()).or_default().clone();
        let unpacked = cell
            .get_or_try_init(|| async {
                let into = self.unpacked_into.path().join(digest.replace(':', "-"));
                let (images, image, root) = (self.images.clone(), image.to_owned(), into.clone());
                let unpacking = tokio::task::spawn_blocking(move || {
                    // What an interrupted attempt left behind would get in the way.
                    let _ = std::fs::remove_dir_all(&root);
                    std::fs::create_dir_all(&root).map_err(|error| error.to_string())?;
                    images.unpack(&image, &root).map_err(|error| error.to_string())
                });
                let config = unpacking.await.map_err(|error| error.to_string())??;
                Ok::<_, String>((into, config))
            })
            .await?;
        Ok(unpacked.clone())
    }

    fn unpacked_mut(&self) -> MutexGuard<'_, HashMap<String, Unpacked>> {
        self.unpacked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn start(&self, launch: Launch) -> Result<Started, String> {
        let digest = self.images.resolve(&launch.image).map_err(|error| error.to_string())?;
        let (root, config) = self.unpack(&digest, &launch.image).await?;
        let mut child = self
            .command(&root, &config, &launch)?
            .spawn()
            .map_err(|error| runtime_error(&error.to_string()))?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        self.groups.add(leader);

        let (lines, output) = mpsc::channel(OUTPUT_CHUNKS);
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(output::read_lines(stdout, self.clock.clone(), lines.clone())));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(output::read_lines(stderr, self.clock.clone(), lines)));
        }
        let (signals, wanted) = mpsc::unbounded_channel();
        let (ended, exit) = oneshot::channel();
        let groups = self.groups.clone();
        tokio::spawn(async move {
            let result = supervise(&mut child, leader, wanted).await;
            groups.end(leader);
            // Whoever left the process group with the output in hand does not hold the container up.
            for mut reader in readers {
                if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
                    reader.abort();
                }
            }
            let _ = ended.send(result);
        });
        Ok(Started { runtime_id: format!("{}-{leader}", launch.task_id), output, signals, exit })
    }

    fn command(
        &self,
        root: &std::path::Path,
        config: &ImageConfig,
        launch: &Launch,
    ) -> Result<Command, String> {
        let mut environment: HashMap<&str, &str> = HashMap::from([("PATH", DEFAULT_PATH)]);
        environment
            .extend(config.env.iter().chain(&launch.environment).map(|(k, v)| (k.as_str(), v.as_str())));
        let path = environment.get("PATH").copied().unwrap_or(DEFAULT_PATH);

        // As in Docker, an entry point of the task's own puts the image's command out of force.
        let entry_point = launch.entry_point.as_ref().unwrap_or(&config.entrypoint);
        let image_command: &[String] = if launch.entry_point.is_some() { &[] } else { &config.cmd };
        let command = launch.command.as_deref().unwrap_or(image_command);
        let words: Vec<&String> = entry_point.iter().chain(command).collect();
        let Some((program, arguments)) = words.split_first() else {
            return Err(runtime_error("no command specified"));
        };
        let directory = match launch.working_directory.as_deref().unwrap_or(&config.working_dir) {
            "" => "/",
            directory => directory,
        };
        let file = executable(root, path, directory, program).map_err(|why| runtime_error(&why))?;
        interpreter::refuse(root, &file, program)?;
        let mut command = Command::new(file);
        command
            .arg0(program)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(resolve(root, std::path::Path::new(directory)).unwrap_or_else(|| root.to_owned()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    pub(super) fn kill_all(&self) {
        self.groups.kill_all();
    }
}

impl Drop for ProcessEngine {
    fn drop(&mut self) {
        self.kill_all();
    }
}

async fn supervise(child: &mut Child, leader: i32, mut wanted: mpsc::UnboundedReceiver<Signal>) -> Exit {
    loop {
        tokio::select! {
            status = child.wait() => return exit_of(status.ok()),
            signal = wanted.recv() => match signal {
                // Only the first process is told, as in a container.
                Some(Signal::Terminate) => {
                    let _ = kill(Pid::from_raw(leader), UnixSignal::SIGTERM);
                }
                Some(Signal::Kill) => {
                    let _ = killpg(Pid::from_raw(leader), UnixSignal::SIGKILL);
                }
                None => {
                    let _ = killpg(Pid::from_raw(leader), UnixSignal::SIGKILL);
                    return exit_of(child.wait().await.ok());
                }
            },
        }
    }
}

fn exit_of(status: Option<ExitStatus>) -> Exit {
    let code = status.and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
    Exit { code, reason: None }
}

fn runtime_error(why: &str) -> String {
    format!(
        "ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI \
         runtime create failed: runc create failed: unable to start container process: {why}"
    )
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, HashSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, leader: i32) {
        self.lock().insert(leader);
    }

    /// Kills what the leader left behind: a container ends with its first process.
    fn end(&self, leader: i32) {
        if self.lock().remove(&leader) {
            let _ = killpg(Pid::from_raw(leader), UnixSignal::SIGKILL);
        }
    }

    fn kill_all(&self) {
        for leader in self.lock().drain() {
            let _ = killpg(Pid::from_raw(leader), UnixSignal::SIGKILL);
        }
    }
}
