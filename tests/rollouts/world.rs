//! A simulated account with services, and runs of the real pipeline on it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fargate_migrate::adapters::Aws;
use fargate_migrate::cli::{self, Command};
use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::operations::deploy::Deploy;
use fargate_migrate::operations::rollback::Rollback;
use fargate_migrate::operations::{Operation, Surroundings, done};
use fargate_migrate::ports::ImageProgress;
use fargate_migrate::progress::{Progress, Sink};
use fargate_migrate::report::Report;
use fargate_migrate::report::back_report::BackReport;
use fargate_migrate::settings::{DeploySettings, RollbackSettings, RunIdentity};
use futures::FutureExt as _;
use sandbox::{Options, Pace, Quotas, Sandbox, Script, seed};
use serde_json::{Value, json};
use tokio::time::sleep;

/// What ran before, what is deployed, and what somebody else deploys. `content` makes more.
pub const OLD: char = '0';
pub const NEW: char = '1';
pub const OTHER: char = '2';
/// The part of each API bucket that a run takes.
pub const SHARE: f64 = 0.5;
/// A verdict is said as `service NAME: WORD: …`.
const VERDICTS: [&str; 13] = [
    "deployed",
    "unchanged",
    "deployed with no tasks wanted",
    "rolled back",
    "rollback failed",
    "failed without rollback",
    "superseded",
    "unhealthy",
    "unproved",
    "not deployed",
    "paused",
    "timed out",
    "cancelled",
];

/// `sha256:…` of this content.
pub fn digest(content: char) -> String {
    format!("sha256:{}", content.to_string().repeat(64))
}

pub fn image(content: char) -> String {
    format!("registry.example/app@{}", digest(content))
}

/// Runs a simulation to its end, on a thread of its own with a clock of its own.
pub fn simulate<T>(seed: u64, simulation: impl AsyncFnOnce() -> T) -> T {
    // The SDK rolls its back-off with this thread's dice.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(simulation())
}

/// Something that a run has said, and what ECS knew at that moment.
#[derive(Debug, Clone)]
pub struct Heard {
    /// As the sandbox's clock says it, in milliseconds.
    pub at: i64,
    pub service: String,
    /// A verdict's word, or else the whole of it.
    pub what: String,
    pub truth: Truth,
}

/// What ECS knows of a service: with `serviceDeployments`, `serviceRevisions` and `tasks`.
#[derive(Debug, Clone)]
pub struct Truth(pub Value);

/// Listens to a run.
struct Ear {
    sandbox: Arc<Sandbox>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl ImageProgress for Ear {
    fn note(&self, text: &str) {
        let Some((service, what)) = text.strip_prefix("service ").and_then(|rest| rest.split_once(": "))
        else {
            return;
        };
        let verdict = what.split_once(": ").map(|(word, _)| word).filter(|word| VERDICTS.contains(word));
        let truth = match verdict {
            Some(_) => truth(&self.sandbox, service),
            None => Truth(Value::Null),
        };
        self.heard.lock().expect("one thread").push(Heard {
            at: self.sandbox.now(),
            service: service.to_owned(),
            what: verdict.unwrap_or(what).to_owned(),
            truth,
        });
    }
}

impl Sink for Ear {}

pub fn truth(sandbox: &Sandbox, service: &str) -> Truth {
    let mut one =
        sandbox.services().into_iter().find(|one| one["serviceName"] == service).unwrap_or_else(|| json!({}));
    let group = format!("service:{service}");
    one["tasks"] = sandbox.tasks().into_iter().filter(|task| task["group"] == *group).collect();
    Truth(one)
}

pub struct World {
    pub sandbox: Arc<Sandbox>,
    pub heard: Arc<Mutex<Vec<Heard>>>,
    logs: tempfile::TempDir,
}

/// How a run ended.
pub struct Ran<R> {
    pub report: R,
    pub heard: Vec<Heard>,
    /// Its first call among all of the sandbox.
    pub first_call: usize,
    /// As the sandbox's clock says it, in milliseconds.
    began: i64,
    ended: i64,
}

impl<R> Ran<R> {
    /// How long it took.
    pub fn seconds(&self) -> f64 {
        (self.ended - self.began) as f64 / 1000.0
    }
}

impl World {
    /// The seed's account without services. Databases whose name begins with `bad` fail.
    pub fn new(seed: u64) -> Self {
        let sandbox = Sandbox::in_process(Options {
            pace: Pace::Realistic { scale: 1.0 },
            seed,
            quotas: Quotas::Documented,
            vcpus: 1_000.0,
            record: None,
            ..Options::default()
        });
        let sandbox = Arc::new(sandbox.expect("start the sandbox"));
        seed::account(&sandbox).expect("create the seed's account");
        sandbox.set_program(seed::TASK_FAMILY, |context| {
            let database = context.environment.get("DATABASE_NAME").cloned().unwrap_or_default();
            let report = json!({"migration_report":
                {"version": 1, "database": database, "applied": [], "pending": 0, "current": "1"}});
            let script = Script::new().work(Duration::from_secs(2));
            if database.starts_with("bad") { script.exit(1) } else { script.line(report.to_string()) }
        });
        Self { sandbox, heard: Arc::default(), logs: tempfile::TempDir::new().expect("a directory") }
    }

    /// A revision of a family with this content, as an ARN.
    pub fn register(&self, family: &str, content: char, checked: bool) -> String {
        let mut container = json!({"name": "web", "image": image(content)});
        if checked {
            container["healthCheck"] =
                json!({"command": ["CMD", "true"], "interval": 10, "retries": 5, "startPeriod": 60});
        }
        let document = json!({"family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512", "containerDefinitions": [container]});
        self.sandbox.register_task_definition(&document).expect("registered")
    }

    /// Waits until the service's deployment is complete, without a call that counts.
    pub async fn settled(&self, service: &str) {
        for _ in 0..7200 {
            let Truth(now) = truth(&self.sandbox, service);
            let deployments = now["deployments"].as_array().cloned().unwrap_or_default();
            let ended = |one: &Value| one["finishedAt"].is_number();
            let all_ended = now["serviceDeployments"].as_array().is_some_and(|all| all.iter().all(ended));
            if all_ended && deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED" {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
        panic!("{service} does not settle");
    }

    /// `fargate-migrate deploy`, to its end.
    pub async fn deploy(&self, flags: &[String], interrupt: &Interrupt) -> Ran<Report> {
        let logs = format!("--log-dir={}", self.logs.path().join("logs").display());
        let image = format!("--image={}", image(NEW));
        let own = ["fargate-migrate", "deploy", &logs, &image, "--log-drain=1s"].map(str::to_owned);
        let base = seed::MIGRATE[1..].iter().map(|flag| (*flag).to_owned());
        let arguments = own.into_iter().chain(base).chain(flags.iter().cloned()).map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nonexistent")).expect("flags");
        let Command::Deploy(flags) = cli.command else { panic!("deploy is the command") };
        let run = RunIdentity::of_github("1", "1", "deploy", None);
        let settings = DeploySettings::new(*flags, None, run).expect("settings");
        self.run(&Deploy::of(settings), interrupt).await
    }

    /// `fargate-migrate rollback`, to its end.
    pub async fn rollback(&self, flags: &[String], interrupt: &Interrupt) -> Ran<BackReport> {
        let own = ["fargate-migrate", "rollback", "--cluster", seed::CLUSTER, "--yes"].map(str::to_owned);
        let arguments = own.into_iter().chain(flags.iter().cloned()).map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nonexistent")).expect("flags");
        let Command::Rollback(flags) = cli.command else { panic!("rollback is the command") };
        RollbackSettings::new((*flags).clone(), RunIdentity::local("1")).expect("settings");
        self.run(&Rollback::new(*flags, None).expect("settings"), interrupt).await
    }

    async fn run<O: Operation>(&self, operation: &O, interrupt: &Interrupt) -> Ran<O::Report> {
        let (from, first_call) = (self.heard.lock().expect("one thread").len(), self.sandbox.calls().len());
        let began = self.sandbox.now();
        let ear = Ear { sandbox: Arc::clone(&self.sandbox), heard: Arc::clone(&self.heard) };
        let progress = Progress::to(Arc::new(ear));
        let config = self.sandbox.sdk_config();
        let connect = async move { Ok(Aws::from_config(config, Duration::from_secs(60), SHARE)) };
        let surroundings = Surroundings { progress: &progress, interrupt, github: None };
        let report = done(operation, connect, &surroundings).boxed_local().await;
        let heard = self.heard.lock().expect("one thread")[from..].to_vec();
        Ran { report, heard, first_call, began, ended: self.sandbox.now() }
    }
}
