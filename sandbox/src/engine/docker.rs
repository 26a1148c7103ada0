//! The Docker engine: `docker run`, step by step, with the docker CLI.
//!
//! Containers share this machine's network (`--network host`), so that a database on 127.0.0.1 is what 127.0.0.1
//! is to the task. All of them carry a label of this sandbox, and exactly those are removed at the end.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};

use super::{Exit, Launch, Login, OUTPUT_CHUNKS, Signal, Started, output};
use crate::clock::Clock;
use crate::images::Images;

const LABEL: &str = "fargate-migrate.sandbox";
/// Variables that the docker CLI itself obeys are given to it by value, the others by name only: a process list
/// shows arguments, and a task's environment may hold secrets.
const CLI_VARIABLES: [&str; 4] = ["PATH", "HOME", "USER", "TMPDIR"];

pub struct DockerEngine {
    clock: Arc<Clock>,
    images: Arc<dyn Images>,
    login: Login,
    /// A private DOCKER_CONFIG: the user's own is neither read nor written.
    config: TempDir,
    label: String,
}

impl DockerEngine {
    pub(super) fn new(clock: Arc<Clock>, images: Arc<dyn Images>, login: Login) -> anyhow::Result<Self> {
        let config = TempDir::with_prefix("sandbox-docker-").context("create directory for DOCKER_CONFIG")?;
        let instance = config.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { clock, images, login, config, label: format!("{LABEL}={instance}") })
    }

    pub(super) async fn pull(&self, image: &str) -> Result<String, String> {
        let digest = self.images.resolve(image).map_err(|error| error.to_string())?;
        self.log_in().map_err(|error| format!("{error:#}"))?;
        self.run(&["pull", "--quiet", &self.local(image, &digest)]).await?;
        Ok(digest)
    }

    /// Returns the image's reference, by digest, in the sandbox's own registry.
    fn local(&self, image: &str, digest: &str) -> String {
        let name = image.split_once('@').map_or(image, |(name, _)| name);
        let repository = name.split_once('/').map_or(name, |(_, repository)| repository);
        let repository = repository.split_once(':').map_or(repository, |(repository, _)| repository);
        format!("{}/{repository}@{digest}", self.login.registry)
    }

    fn log_in(&self) -> anyhow::Result<()> {
        let password = (self.login.password)()?;
        let auth = STANDARD.encode(format!("AWS:{password}"));
        let config = json!({ "auths": { &self.login.registry: { "auth": auth } } });
        // Replaced at once: another pull may be reading it, and half a file is not a login.
        let mut file =
            tempfile::NamedTempFile::new_in(self.config.path()).context("write docker configuration")?;
        file.write_all(config.to_string().as_bytes()).context("write docker configuration")?;
        file.persist(self.config.path().join("config.json")).context("write docker configuration")?;
        Ok(())
    }

    pub(super) async fn start(&self, launch: Launch) -> Result<Started, String> {
        let id = self.create(&launch).await?;
        // Not attached: an attached client prints its own errors between the container's lines, and ends with a code
        // that a program may have ended with as well.
        if let Err(why) = self.run(&["start", &id]).await {
            let _ = self.run(&["rm", "--force", "--volumes", &id]).await;
            return Err(start_error(&why));
        }
        let mut followed = self
            .docker()
            .args(["logs", "--follow", &id])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("start docker: {error}"))?;
        let (lines, output) = mpsc::channel(OUTPUT_CHUNKS);
        let mut readers = Vec::new();
        if let Some(stdout) = followed.stdout.take() {
            readers.push(tokio::spawn(output::read_lines(stdout, self.clock.clone(), lines.clone())));
        }
        if let Some(stderr) = followed.stderr.take() {
            readers.push(tokio::spawn(output::read_lines(stderr, self.clock.clone(), lines)));
        }
        let (signals, wanted) = mpsc::unbounded_channel();
        let (ended, exit) = oneshot::channel();
        let docker = Docker { config: self.config.path().to_owned() };
        let container = id.clone();
        tokio::spawn(async move {
            let relay = relay(&docker, &container, wanted);
            let end = async {
                let _ = docker.command().args(["wait", &container]).output().await;
            };
            let mut end = std::pin::pin!(end);
            tokio::select! {
                () = &mut end => {}
                () = relay => end.await,
            }
            let _ = followed.wait().await;
            for reader in readers {
                let _ = reader.await;
            }
            let result = inspect(&docker, &container).await;
            let _ = docker.command().args(["rm", "--force", "--volumes", &container]).output().await;
            let _ = ended.send(result);
        });
        Ok(Started { runtime_id: id, output, signals, exit })
    }

    async fn create(&self, launch: &Launch) -> Result<String, String> {
        let digest = self.images.resolve(&launch.image).map_err(|error| error.to_string())?;
        let mut command = self.docker();
        command.args(["create", "--network", "host", "--label", &self.label]);
        // Whatever the daemon's own driver is, this one can be read back.
        command.args(["--log-driver", "json-file"]);
        command.args(["--label", &format!("{LABEL}.task={}", launch.task_id), "--pull", "never"]);
        if let Some(mebibytes) = launch.memory {
            command.args(["--memory", &format!("{mebibytes}m"), "--memory-swap", &format!("{mebibytes}m")]);
        }
        if let Some(directory) = &launch.working_directory {
            command.args(["--workdir", directory]);
        }
        if let Some(user) = &launch.user {
            command.args(["--user", user]);
        }
        for (name, value) in &launch.environment {
            if CLI_VARIABLES.contains(&name.as_str()) || name.starts_with("DOCKER_") {
                command.args(["--env", &format!("{name}={value}")]);
            } else {
                command.args(["--env", name]).env(name, value);
            }
        }
        let entry_point = launch.entry_point.as_deref().unwrap_or_default();
        if let Some(program) = entry_point.first() {
            command.args(["--entrypoint", program]);
        }
        command.arg(self.local(&launch.image, &digest));
        command.args(entry_point.iter().skip(1));
        command.args(launch.command.iter().flatten());
        let created = command.output().await.map_err(|error| format!("start docker: {error}"))?;
        text_of(created).map_err(|why| start_error(&why))
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.docker().args(arguments).output().await;
        text_of(output.map_err(|error| format!("start docker: {error}"))?)
    }

    fn docker(&self) -> Command {
        Docker { config: self.config.path().to_owned() }.command()
    }

    /// Removes this sandbox's containers, and no other.
    pub(super) fn kill_all(&self) {
        let docker = || {
            let mut command = std::process::Command::new("docker");
            command.env("DOCKER_CONFIG", self.config.path()).stdin(Stdio::null()).stderr(Stdio::null());
            command
        };
        let filter = format!("label={}", self.label);
        let Ok(listed) = docker().args(["ps", "--all", "--quiet", "--filter", &filter]).output() else {
            return;
        };
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ids: Vec<&str> = listed.split_whitespace().collect();
        if !ids.is_empty() {
            let _ = docker().args(["rm", "--force", "--volumes"]).args(ids).stdout(Stdio::null()).status();
        }
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        self.kill_all();
    }
}

struct Docker {
    config: std::path::PathBuf,
}

impl Docker {
    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_CONFIG", &self.config).stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// Passes signals on until nobody can send any more, then kills the container.
async fn relay(docker: &Docker, container: &str, mut wanted: mpsc::UnboundedReceiver<Signal>) {
    loop {
        let signal = match wanted.recv().await {
            Some(Signal::Terminate) => "TERM",
            Some(Signal::Kill) | None => "KILL",
        };
        let _ = docker.command().args(["kill", "--signal", signal, container]).output().await;
        if signal == "KILL" {
            return;
        }
    }
}

async fn inspect(docker: &Docker, container: &str) -> Exit {
    let output = docker.command().args(["inspect", "--format", "{{json .State}}", container]).output().await;
    let state: Value =
        output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or(Value::Null);
    if state["OOMKilled"] == true {
        return Exit::out_of_memory();
    }
    Exit { code: state["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok()), reason: None }
}

/// Picks the daemon's words about a container that did not start, without the client's, in the form in which Fargate
/// passes runc's on.
fn start_error(said: &str) -> String {
    let said = said.split("\nError: failed to start containers").next().unwrap_or(said).trim();
    let said = said.strip_prefix("Error response from daemon: ").unwrap_or(said);
    match said.find("OCI runtime create failed") {
        Some(at) => format!(
            "ResourceInitializationError: failed to create new container runtime task: failed to create shim task: {}",
            &said[at..]
        ),
        None => said.to_owned(),
    }
}

fn text_of(output: std::process::Output) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::start_error;

    #[test]
    fn the_clients_own_words_are_left_out() {
        let runc = "OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": \
                    executable file not found in $PATH: unknown";
        let fargates = format!(
            "ResourceInitializationError: failed to create new container runtime task: failed to create shim task: {runc}"
        );
        for daemons in [
            "failed to create shim task: ",
            "failed to create task for container: failed to create shim task: ",
            "",
        ] {
            let said = format!(
                "Error response from daemon: {daemons}{runc}\nError: failed to start containers: 0a1b"
            );
            assert_eq!(start_error(&said), fargates);
        }
        let user = "unable to find user nobody2: no matching entries in passwd file";
        assert_eq!(start_error(&format!("Error response from daemon: {user}")), user);
    }
}
