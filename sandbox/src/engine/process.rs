//! The process engine: a container is a process group of this machine, started from the unpacked image.
//!
//! A static executable that is all of its image starts at once, and its paths are this machine's. What needs more of
//! its image starts in [a root of its own](own_root). Neither is isolation.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal as UnixSignal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, mpsc, oneshot};

use super::own_root::{self, Failure};
use super::program::Program;
use super::rootfs::{Found, executable, resolve};
use super::self_contained::{is_executable_here, is_self_contained};
use super::temporary::Temporary;
use super::{Exit, Launch, OUTPUT_CHUNKS, Signal, Started, output};
use crate::clock::Clock;
use crate::images::{ImageConfig, Images};

/// How long output may still arrive after the process group is gone.
const DRAIN: Duration = Duration::from_secs(2);

type Unpacked = Arc<OnceCell<(PathBuf, ImageConfig)>>;

pub struct ProcessEngine {
    clock: Arc<Clock>,
    images: Arc<dyn Images>,
    /// The program that starts containers in roots of their own.
    starter: Option<PathBuf>,
    /// For unpacked images, and for what containers in roots of their own write.
    directory: Temporary,
    /// By digest.
    unpacked: Mutex<HashMap<String, Unpacked>>,
    groups: Groups,
}

/// The process groups that are alive, by the id of their leader.
#[derive(Clone, Default)]
struct Groups(Arc<Mutex<HashSet<i32>>>);

/// A group that is alive. Dropping it kills what the leader left behind: a container ends with its first process.
struct Member {
    groups: Groups,
    leader: i32,
}

/// A container's first process.
struct Running {
    child: Child,
    member: Member,
    /// What it writes, in a root of its own.
    layer: Option<Temporary>,
}

impl ProcessEngine {
    pub(super) fn new(
        clock: Arc<Clock>,
        images: Arc<dyn Images>,
        starter: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let directory = Temporary::new("sandbox-images-").context("create directory for images")?;
        let groups = Groups::default();
        Ok(Self { clock, images, starter, directory, unpacked: Mutex::default(), groups })
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
                let into = self.directory.path().join(digest.replace(':', "-"));
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
        let (tree, config) = self.unpack(&digest, &launch.image).await?;
        let program = Program::of(&config, &launch).ok_or_else(|| runtime_error("no command specified"))?;
        let found = executable(&tree, program.path(), program.directory, program.name)
            .map_err(|why| runtime_error(&why))?;
        let Running { mut child, member, layer } = if is_self_contained(&tree, &found.file) {
            self.start_directly(&tree, &found.file, &program)?
        } else {
            self.start_in_own_root(&tree, &found, &program).await?
        };
        let leader = member.leader;

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
        tokio::spawn(async move {
            let result = supervise(&mut child, leader, wanted).await;
            drop(member);
            // Whoever left the process group with the output in hand does not hold the container up.
            for mut reader in readers {
                if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
                    reader.abort();
                }
            }
            if let Some(layer) = layer {
                // A container may have written much.
                let _ = tokio::task::spawn_blocking(move || drop(layer)).await;
            }
            let _ = ended.send(result);
        });
        Ok(Started { runtime_id: format!("{}-{leader}", launch.task_id), output, signals, exit })
    }

    fn start_directly(&self, tree: &Path, file: &Path, program: &Program<'_>) -> Result<Running, String> {
        let mut command = Command::new(file);
        command
            .arg0(program.name)
            .args(&program.arguments)
            .env_clear()
            .envs(&program.environment)
            .current_dir(resolve(tree, Path::new(program.directory)).unwrap_or_else(|| tree.to_owned()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|error| runtime_error(&error.to_string()))?;
        Ok(Running { member: self.groups.join(&child), child, layer: None })
    }

    async fn start_in_own_root(
        &self,
        tree: &Path,
        found: &Found,
        program: &Program<'_>,
    ) -> Result<Running, String> {
        let no_root = |why: &str| {
            format!(
                "the process engine of the sandbox cannot start {} in the image's own root: {why}: use --engine docker",
                program.name
            )
        };
        let starter = self.starter.as_deref().ok_or_else(|| no_root("this sandbox has no starter"))?;
        if !is_executable_here(&found.file).map_err(|error| runtime_error(&error.to_string()))? {
            return Err(runtime_error(&format!("exec {}: exec format error", found.path.display())));
        }
        let layer = self.directory.inside("container-").map_err(|error| no_root(&error.to_string()))?;
        let start = own_root::Start {
            tree: tree.to_owned(),
            layer: layer.path().to_owned(),
            path: found.path.clone(),
            name: program.name.to_owned(),
            arguments: program.arguments.iter().copied().map(str::to_owned).collect(),
            environment: program.environment.iter().map(|(&k, &v)| (k.to_owned(), v.to_owned())).collect(),
            directory: program.directory.to_owned(),
        };
        let (mut child, starting) =
            own_root::spawn(starter).map_err(|error| no_root(&format!("start the starter: {error}")))?;
        let member = self.groups.join(&child);
        match starting.finish(&start).await {
            Ok(()) => Ok(Running { child, member, layer: Some(layer) }),
            Err(failure) => {
                let _ = child.kill().await;
                Err(match failure {
                    Failure::Root(why) => no_root(&why),
                    Failure::Program(why) => runtime_error(&why),
                })
            }
        }
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
                // Only the first process gets SIGTERM, as in a container.
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

    fn join(&self, child: &Child) -> Member {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        self.lock().insert(leader);
        Member { groups: self.clone(), leader }
    }

    fn kill_all(&self) {
        for leader in self.lock().drain() {
            let _ = killpg(Pid::from_raw(leader), UnixSignal::SIGKILL);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.groups.lock().remove(&self.leader) {
            let _ = killpg(Pid::from_raw(self.leader), UnixSignal::SIGKILL);
        }
    }
}
