//! GitHub's runner, replayed: how it starts a container action, what it reads from it, and how it cancels one.
//!
//! Flags, mounts and environment are those of actions/runner 2.336 (ContainerActionHandler.cs, DockerCommandManager.cs,
//! FileCommandManager.cs). It is a re-implementation, not the runner.

use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

mod files;
mod stage;

use files::Files;
pub use stage::{Ended, Stage};

/// The runner's user on a hosted machine, who owns workspace and command files; a container action is root.
const RUNNER_USER: u32 = 1001;

/// A job's machine: its directories, its environment, and what earlier stages have saved.
pub struct Runner {
    image: String,
    directory: TempDir,
    environment: Vec<(String, String)>,
    inputs: Vec<(String, String)>,
    pub state: BTreeMap<String, String>,
}

impl Runner {
    /// `environment` is the job's, such as what a credentials action has exported.
    pub fn new(image: &str, environment: Vec<(String, String)>, inputs: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let runner = Self {
            image: image.to_owned(),
            directory,
            environment,
            inputs: inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            state: BTreeMap::new(),
        };
        for (host, _) in runner.mounts() {
            std::fs::create_dir_all(&host).expect("make a directory");
            // Only root can; elsewhere the files stay ours.
            let _ = chown(&host, Some(RUNNER_USER), Some(RUNNER_USER));
        }
        std::fs::write(runner.temp().join("_github_workflow/event.json"), r#"{"inputs":{}}"#)
            .expect("an event");
        runner
    }

    pub fn workspace(&self) -> PathBuf {
        self.directory.path().join("work/shop/shop")
    }

    /// What container actions of a job share.
    pub fn home(&self) -> PathBuf {
        self.temp().join("_github_home")
    }

    fn temp(&self) -> PathBuf {
        self.directory.path().join("work/_temp")
    }

    /// Directories of this machine, and where the container has them.
    fn mounts(&self) -> [(PathBuf, &'static str); 5] {
        let temp = self.temp();
        [
            (temp.clone(), "/github/runner_temp"),
            (temp.join("_github_home"), "/github/home"),
            (temp.join("_github_workflow"), "/github/workflow"),
            (temp.join("_runner_file_commands"), "/github/file_commands"),
            (self.workspace(), "/github/workspace"),
        ]
    }

    pub fn main(&self) -> Stage {
        self.stage(None)
    }

    /// The post stage: another container of the same image, with the same inputs and what main has saved.
    pub async fn post(&self) -> Ended {
        self.stage(Some(post_entrypoint())).ended().await
    }

    fn stage(&self, entrypoint: Option<String>) -> Stage {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "fargate-migrate-action-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let files = Files::create(&self.temp().join("_runner_file_commands"), &name);
        let environment = self.environment_of(&files);
        let mut command = Command::new("docker");
        command.args([
            "run",
            "--name",
            &name,
            "--label",
            "fargate-migrate-action",
            "--workdir",
            "/github/workspace",
        ]);
        command.arg("--rm");
        for (key, value) in &environment {
            // By name, so that values stay out of the process list; the client's own HOME is not the container's.
            match key.as_str() {
                "HOME" => command.args(["-e", &format!("HOME={value}")]),
                _ => command.env(key, value).args(["-e", key]),
            };
        }
        command.args(["-e", "GITHUB_ACTIONS=true", "-e", "CI=true"]);
        if let Some(entrypoint) = entrypoint {
            command.args(["--entrypoint", &entrypoint]);
        }
        // The job's network: a sandbox on loopback is reached from the host's alone.
        command.args(["--network", "host", "-v", "/var/run/docker.sock:/var/run/docker.sock"]);
        for (host, container) in self.mounts() {
            command.args(["-v", &format!("{}:{container}", host.display())]);
        }
        command.arg(&self.image);
        Stage::start(command, name, files)
    }

    /// Drops the last task from the list that the main stage has left for the post stage; answers how many it had.
    pub fn forget_a_task(&self) -> usize {
        let run: Value = serde_json::from_str(&self.state["run"]).expect("the state of the run");
        let inside = Path::new(run["task_list"].as_str().expect("a list"));
        let list = self.temp().join("_runner_file_commands").join(inside.file_name().expect("a name"));
        let text = std::fs::read_to_string(&list).expect("read the list");
        let tasks: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        std::fs::write(&list, format!("{}\n", tasks[..tasks.len() - 1].join("\n"))).expect("write the list");
        tasks.len()
    }

    /// In the runner's order; what comes later wins.
    fn environment_of(&self, files: &Files) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = self.environment.iter().cloned().collect();
        all.extend(self.state.iter().map(|(key, value)| (format!("STATE_{key}"), value.clone())));
        let inputs = declared_inputs().into_iter().chain(self.inputs.iter().cloned());
        all.extend(
            inputs.map(|(name, value)| (format!("INPUT_{}", name.replace(' ', "_").to_uppercase()), value)),
        );
        all.entry("GITHUB_TOKEN".into()).or_default();
        let temp = self.temp().display().to_string();
        let workspace = self.workspace().display().to_string();
        for (key, value) in [
            ("HOME", format!("{temp}/_github_home").as_str()),
            ("GITHUB_ACTION", "migrate"),
            ("GITHUB_ACTOR", "octocat"),
            ("GITHUB_API_URL", "http://127.0.0.1:9"),
            ("GITHUB_EVENT_NAME", "workflow_dispatch"),
            ("GITHUB_EVENT_PATH", &format!("{temp}/_github_workflow/event.json")),
            ("GITHUB_JOB", "migrate"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REPOSITORY", "octo/shop"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_RUN_ID", "4242"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("GITHUB_WORKFLOW", "migrate"),
            ("GITHUB_WORKSPACE", &workspace),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
            ("RUNNER_NAME", "GitHub Actions 7"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_TEMP", &temp),
            ("ACTIONS_RUNTIME_URL", "http://127.0.0.1:9/"),
            ("ACTIONS_RUNTIME_TOKEN", "runtime-token"),
        ] {
            all.insert(key.into(), value.into());
        }
        all.extend(files.environment());
        for value in all.values_mut() {
            *value = self.translated(value);
        }
        all
    }

    /// A path of this machine as the container has it; the mount that was added last is tried first.
    fn translated(&self, value: &str) -> String {
        for (host, container) in self.mounts().iter().rev() {
            if let Ok(rest) = Path::new(value).strip_prefix(host) {
                return Path::new(container)
                    .join(rest)
                    .display()
                    .to_string()
                    .trim_end_matches('/')
                    .to_owned();
            }
        }
        value.to_owned()
    }
}

fn action() -> serde_json::Value {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).expect("read action.yml");
    serde_saphyr::from_str(&text).expect("parse action.yml")
}

/// Every declared input is there, with its default or empty.
fn declared_inputs() -> Vec<(String, String)> {
    let action = action();
    let inputs = action["inputs"].as_object().expect("inputs");
    let default = |input: &serde_json::Value| match input["default"].as_str() {
        Some("${{ github.token }}") => "ghs_0123456789".to_owned(),
        default => default.unwrap_or_default().to_owned(),
    };
    inputs.iter().map(|(name, input)| (name.clone(), default(input))).collect()
}

fn post_entrypoint() -> String {
    action()["runs"]["post-entrypoint"].as_str().expect("a post-entrypoint").to_owned()
}
