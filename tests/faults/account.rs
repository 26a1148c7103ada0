//! A simulated account on a day, and runs of the real pipeline on it, in one process on a paused clock.

use std::path::{Path, PathBuf};
use std::task::Poll;

use fargate_migrate::adapters::Aws;
use fargate_migrate::adapters::github::GitHub;
use fargate_migrate::cli::{self, Command};
use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::operations::migrate::Migrate;
use fargate_migrate::operations::{Surroundings, done};
use fargate_migrate::progress::{Mode, Progress, Stream, Vocabulary};
use fargate_migrate::settings::{RunIdentity, Settings};
use futures::FutureExt as _;
use sandbox::{Options, Pace, Quotas, Sandbox, Weather, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::databases::Databases;
use crate::day::{Day, Event};
use crate::image;

const IMAGE: &str =
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";

pub struct Account {
    pub sandbox: Sandbox,
    pub day: Day,
    pub databases: Databases,
    /// The ARN of a revision that starts its container again.
    pub restarting: String,
    pub directory: TempDir,
}

/// A run that came to its end, as its files tell of it.
#[derive(Debug)]
pub struct Ended {
    pub name: String,
    /// Of the job whose runs go on with each other's work.
    pub is_ours: bool,
    pub asked: Vec<String>,
    pub exit_code: i32,
    /// Where its outputs, its summary and its logs are.
    pub files: PathBuf,
    /// What its tasks are started by; a resumed run takes that of the run before it.
    pub started_by: String,
    /// On the sandbox's clock, in milliseconds.
    pub began: i64,
    pub ended: i64,
    pub was_interrupted: bool,
    /// The state file as the run left it.
    pub state: Option<String>,
}

/// What a run is asked for besides the day.
pub struct Asked {
    pub name: String,
    pub is_ours: bool,
    pub databases: Vec<String>,
    pub flags: Vec<String>,
}

/// Runs a simulation to its end, on a thread of its own with a clock of its own.
pub fn simulate<T>(seed: u64, simulation: impl AsyncFnOnce() -> T) -> T {
    // The SDK rolls its back-off with this thread's dice.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(simulation())
}

impl Account {
    /// Inside [`simulate`].
    pub fn new(day: &Day) -> Self {
        let sandbox = Sandbox::in_process(Options {
            pace: Pace::Realistic { scale: 1.0 },
            seed: day.seed,
            quotas: Quotas::Documented,
            vcpus: day.how.vcpus,
            settles: day.lag(),
            keep_calls: false,
            record: None,
            ..Options::default()
        });
        let sandbox = sandbox.expect("start the sandbox");
        seed::account(&sandbox).expect("create the seed's account");
        let restarting = with_restarts(&sandbox);
        let databases = Databases::new(sandbox.now());
        let (fleet, into) = (day.databases.clone(), databases.clone());
        sandbox.set_program(seed::TASK_FAMILY, move |context| image::script(&fleet, &into, context));
        for event in &day.events {
            match event {
                Event::Weather { throttle, server_error } => {
                    sandbox.faults().set_weather(Weather { throttle: *throttle, server_error: *server_error })
                }
                Event::Neighbour(share) => sandbox.set_neighbour(*share),
                _ => {}
            }
            if let Some(fault) = event.fault(day.is_packed()) {
                sandbox.faults().push(fault);
            }
        }
        // Memory, where there is a disk of it: a state file is synchronised before each RunTask.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self { sandbox, day: day.clone(), databases, restarting, directory: directory.expect("a directory") }
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state.jsonl")
    }

    /// The flags of this job's runs.
    pub fn flags(&self, resumes: bool) -> Vec<String> {
        let how = &self.day.how;
        let mut flags = vec![
            format!("--max-parallel={}", how.lanes),
            format!("--proof={}", if how.by_exit_code { "exit-code" } else { "report" }),
            format!("--on-running={}", how.on_running),
            format!("--on-timeout={}", how.on_timeout),
            format!("--on-cancel={}", how.on_cancel),
            format!("--timeout={}s", how.timeout.as_secs()),
        ];
        flags.extend(how.packing.as_ref().map(|size| format!("--databases-per-task={size}")));
        if how.canary > 0 {
            flags.push(format!("--canary={}", how.canary.min(self.day.databases.len())));
        }
        if how.stages > 0 {
            flags.push(format!("--config={}", self.stages().display()));
        }
        match how.max_failures {
            Some(most) => flags.push(format!("--max-failures={most}")),
            None => flags.push("--keep-going".into()),
        }
        if how.has_state {
            flags.push(format!("--state={}", self.state().display()));
            if resumes && self.state().exists() {
                flags.push("--resume".into());
            }
        }
        flags
    }

    /// Writes the configuration file with the fleet's stages.
    fn stages(&self) -> PathBuf {
        let path = self.directory.path().join("stages.yml");
        let names: Vec<&str> = self.day.databases.iter().map(|one| one.name.as_str()).collect();
        let size = names.len().div_ceil(self.day.how.stages.max(1)).max(1);
        let mut text = "rollout:\n".to_owned();
        for stage in names.chunks(size) {
            text += &format!("- {{databases: [{}], parallel: {}}}\n", stage.join(", "), self.day.how.lanes);
        }
        std::fs::write(&path, text).expect("write the stages");
        path
    }

    /// `fargate-migrate migrate`, to its end or until `interrupted` is over, which is no end.
    pub async fn run(&self, asked: Asked, interrupt: &Interrupt) -> Ended {
        let files = self.directory.path().join(&asked.name);
        std::fs::create_dir_all(&files).expect("a directory for the run's files");
        let settings = self.settings(&asked, &files);
        let started_by = settings.common.run.started_by.clone();
        let began = self.sandbox.now();
        let variable = |name: &str| {
            let file = match name {
                "GITHUB_OUTPUT" => "outputs",
                "GITHUB_STEP_SUMMARY" => "summary.md",
                "RUNNER_TEMP" => "",
                _ => return None,
            };
            Some(files.join(file).display().to_string())
        };
        let github = GitHub::from_environment(&variable);
        let progress = Progress::new(Mode::Silent, Stream::Stdout, Vocabulary::Plain);
        let config = self.sandbox.sdk_config();
        let (timeout, share) = (*settings.common.aws.call_timeout, *settings.fleet.api_share);
        let connect = async move { Ok(Aws::from_config(config, timeout, share)) };
        let surroundings = Surroundings { progress: &progress, interrupt, github: github.as_ref() };
        let report = done(&Migrate::of(settings), connect, &surroundings).boxed_local().await;
        let state = asked.is_ours.then(|| std::fs::read_to_string(self.state()).ok()).flatten();
        let started_by = state.as_deref().and_then(resumed).unwrap_or(started_by);
        Ended {
            name: asked.name,
            is_ours: asked.is_ours,
            asked: asked.databases,
            exit_code: i32::from(report.exit_code().number()),
            files,
            started_by,
            began,
            ended: self.sandbox.now(),
            was_interrupted: interrupt.is_set(),
            state,
        }
    }

    /// The same, unless it is killed: as soon as `is_time` after any step of it, however small.
    pub async fn run_unless(
        &self,
        asked: Asked,
        interrupt: &Interrupt,
        is_time: impl Fn() -> bool,
    ) -> Option<Ended> {
        let mut run = std::pin::pin!(self.run(asked, interrupt));
        std::future::poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if is_time() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    fn settings(&self, asked: &Asked, files: &Path) -> Settings {
        let own = [
            format!("--database={}", asked.databases.join(",")),
            format!("--log-dir={}", files.join("logs").display()),
            format!("--image={IMAGE}"),
        ];
        let base = ["fargate-migrate"].into_iter().chain(seed::MIGRATE).map(str::to_owned);
        let arguments = base.chain(own).chain(asked.flags.iter().cloned()).map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nonexistent")).expect("flags");
        let Command::Migrate(flags) = cli.command else { panic!("migrate is the command") };
        Settings::new(flags, None, RunIdentity::of_github(&asked.name, "1", "migrate", None))
            .expect("settings")
    }
}

/// Registers a revision that starts its container again after an exit, and a newer one that does not.
fn with_restarts(sandbox: &Sandbox) -> String {
    let mut document = seed::task_definition().expect("a task definition");
    for given in ["taskDefinitionArn", "revision"] {
        document["taskDefinition"].as_object_mut().expect("a definition").remove(given);
    }
    let plain = document.clone();
    document["taskDefinition"]["containerDefinitions"][0]["restartPolicy"] =
        json!({"enabled": true, "restartAttemptPeriod": 60});
    let arn = sandbox.register_task_definition(&document).expect("a revision");
    sandbox.register_task_definition(&plain).expect("a newer revision");
    arn
}

/// What the tasks of the last run in a state file are started by.
fn resumed(state: &str) -> Option<String> {
    let mut records = state.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = records.find(|record| record["record"] == "run")?;
    last["started_by"].as_str().map(str::to_owned)
}

/// The outputs of a step, by name.
pub fn outputs(text: &str) -> std::collections::BTreeMap<String, String> {
    let mut outputs = std::collections::BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else if let Some((name, value)) = line.split_once('=') {
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

/// The last element of an ARN.
pub fn short(arn: &Value) -> &str {
    arn.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default()
}
