//! Rollouts on the sandbox's service scheduler, at Fargate's pace, in this process and on tokio's paused clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use sandbox::{Disturbance, Fault, Options, Pace, Quotas, Sandbox, Script};
use serde_json::{Value, json};
use tokio::sync::watch::Sender;
use tokio::time::{Instant, sleep};

use super::*;
use crate::adapters::Aws;
use crate::choices::{OnCancel, OnFailure};
use crate::cli::HealthFlags;
use crate::interrupt::Interrupt;
use crate::ports::{DefinitionReads as _, ServiceReads as _};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::{Report, ServiceReport};
use crate::task_definition::TaskDefinition;
use crate::verdict::service::{Evidence, ServiceVerdict};

mod after;
mod altered;
mod backwards;
mod between;
mod failures;
mod interrupted;
mod landed;
mod reads;
mod strategies;
mod superseded;
mod there;
mod updates;
mod weather;

const CLUSTER: &str = "c";

/// An image, by its digest: what a task of it does is written in [`script`].
fn image(digit: char) -> String {
    format!("registry.example/app@{}", digest(digit))
}

fn digest(digit: char) -> String {
    format!("sha256:{}", String::from(digit).repeat(64))
}

const OLD: char = '1';
const GOOD: char = '2';
const BROKEN: char = '3';
const SICK: char = '4';

fn script(image: &str) -> Script {
    match image.chars().last() {
        Some(BROKEN) => {
            Script::new().line("starting").line("no such table").work(Duration::from_secs(2)).exit(1)
        }
        Some(SICK) => Script::new().until_stopped().never_healthy(),
        _ => Script::new().until_stopped(),
    }
}

struct World {
    sandbox: Sandbox,
    aws: Aws,
}

/// How a rollout ended.
struct Ran {
    rows: Vec<ServiceReport>,
    notes: Vec<String>,
    took: Duration,
    /// Calls of the rollout itself, by their operations.
    calls: BTreeMap<String, usize>,
    /// When each row's verdict was first there, as it then was, by the sandbox's clock.
    first: Vec<(i64, String)>,
    /// When it ended, by the same clock.
    ended: i64,
}

impl Ran {
    fn row(&self) -> &ServiceReport {
        &self.rows[0]
    }

    fn verdict(&self) -> &ServiceVerdict {
        self.row().verdict.as_ref().expect("a verdict")
    }

    fn said(&self) -> String {
        self.verdict().explain()
    }

    fn count(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or_default()
    }
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::in_process(Options {
            pace: Pace::Realistic { scale: 1.0 },
            quotas: Quotas::Documented,
            vcpus: 1_000.0,
            record: None,
            ..Options::default()
        });
        let sandbox = sandbox.expect("start the sandbox");
        sandbox.create_cluster(CLUSTER);
        sandbox.create_log_group("/ecs/app");
        sandbox.set_program("app", |context| script(&context.image));
        let aws = Aws::from_config(sandbox.sdk_config(), Duration::from_secs(30), 1.0);
        Self { sandbox, aws }
    }

    fn register(&self, image: &str) -> String {
        let mut container = json!({
            "name": "app", "image": image, "essential": true,
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/app", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app",
            } },
        });
        if image.ends_with(SICK) {
            container["healthCheck"] = json!({ "command": ["CMD", "true"], "interval": 5, "retries": 2 });
        }
        let document = json!({
            "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/x", "containerDefinitions": [container],
        });
        self.sandbox.register_task_definition(&document).unwrap_or_else(|error| panic!("{}", error.message))
    }

    /// Creates a service of the old image, without waiting for its tasks.
    fn create(&self, name: &str, image: &str, more: Value) {
        let mut input = json!({
            "cluster": CLUSTER, "serviceName": name, "taskDefinition": self.register(image), "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
        });
        let more = more.as_object().cloned().unwrap_or_default();
        input.as_object_mut().expect("an object").extend(more);
        self.sandbox.create_service(&input).unwrap_or_else(|error| panic!("{}", error.message));
    }

    /// A service `web` of the old image that is steady.
    async fn with_service(more: Value) -> Self {
        let world = Self::new();
        world.create("web", &image(OLD), more);
        world.steady("web").await;
        world
    }

    async fn steady(&self, name: &str) -> Service {
        loop {
            let service = self.service(name).await;
            if service.deployments.len() == 1
                && service.deployments[0].rollout.as_deref() == Some("COMPLETED")
            {
                return service;
            }
            sleep(Duration::from_secs(5)).await;
        }
    }

    async fn service(&self, name: &str) -> Service {
        let found = self.aws.services(CLUSTER, &[name.to_owned()]).await.expect("DescribeServices");
        found.into_iter().next().expect("the service")
    }

    /// Someone else's UpdateService.
    async fn try_update(&self, name: &str, revision: &str) -> anyhow::Result<Service> {
        use crate::ports::{ServiceWrites as _, UpdateService};
        let (cluster, service) = (CLUSTER.into(), name.into());
        let task_definition = revision.into();
        self.aws.update_service(&UpdateService { cluster, service, task_definition, force: false }).await
    }

    async fn update(&self, name: &str, revision: &str, force: bool) {
        use crate::ports::{ServiceWrites as _, UpdateService};
        let request = UpdateService {
            cluster: CLUSTER.into(),
            service: name.into(),
            task_definition: revision.into(),
            force,
        };
        self.aws.update_service(&request).await.expect("UpdateService");
    }

    /// Someone deletes the service, with its tasks.
    async fn delete(&self, name: &str) {
        let config = aws_sdk_ecs::config::Builder::from(&self.sandbox.sdk_config());
        let config = config.behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest());
        let client = aws_sdk_ecs::Client::from_conf(config.build());
        client
            .delete_service()
            .cluster(CLUSTER)
            .service(name)
            .force(true)
            .send()
            .await
            .expect("DeleteService");
    }

    /// Someone stops a task.
    async fn stop(&self, task: &str) {
        let config = aws_sdk_ecs::config::Builder::from(&self.sandbox.sdk_config());
        let config = config.behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest());
        let client = aws_sdk_ecs::Client::from_conf(config.build());
        client.stop_task().cluster(CLUSTER).task(task).send().await.expect("StopTask");
    }

    async fn rollout(&self, name: &str, revision: &str, digit: char) -> Rollout {
        let document = self.aws.describe_task_definition(revision).await.expect("read").expect("there");
        Rollout {
            before: self.service(name).await,
            revision: revision.to_owned(),
            digests: vec![("app".into(), digest(digit))],
            unknown: Vec::new(),
            definition: TaskDefinition::from_json(document, revision).expect("a task definition"),
            force: false,
            timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Rolls `web` onto an image.
    async fn roll(&self, digit: char) -> Ran {
        let rollout = self.rollout("web", &self.register(&image(digit)), digit).await;
        self.run(digit, &[rollout]).await
    }

    async fn run(&self, digit: char, rollouts: &[Rollout]) -> Ran {
        self.run_on(digit, rollouts, &terms(), async |_| {}).await
    }

    /// Rolls out while something else is done beside it, which is handed what interrupts the run.
    async fn run_on(
        &self,
        digit: char,
        rollouts: &[Rollout],
        terms: &Terms,
        beside: impl AsyncFnOnce(&Sender<bool>),
    ) -> Ran {
        self.run_in(&self.aws, digit, rollouts, terms, beside).await
    }

    /// The same where something stands between us and the sandbox.
    async fn run_in<W: ServiceWorld>(
        &self,
        world: &W,
        digit: char,
        rollouts: &[Rollout],
        terms: &Terms,
        beside: impl AsyncFnOnce(&Sender<bool>),
    ) -> Ran {
        let deployable = Deployable::proved_elsewhere(&digest(digit), &crate::settings::NoMigration::given());
        let places: Vec<(usize, Rollout)> = rollouts.iter().cloned().enumerate().collect();
        self.recorded(world, rollouts.len(), beside, async |session| {
            roll_out(&deployable, &places, terms, session).boxed_local().await;
        })
        .await
    }

    async fn recorded<W: ServiceWorld>(
        &self,
        world: &W,
        rows: usize,
        beside: impl AsyncFnOnce(&Sender<bool>),
        work: impl AsyncFnOnce(&Session<'_, &W, Report>),
    ) -> Ran {
        let progress = Progress::silent();
        let (sender, interrupt) = Interrupt::by_hand();
        let report = Report { services: vec![ServiceReport::default(); rows], ..Report::default() };
        let recorder = Recorder::new(report, &progress, None, None);
        let session =
            Session { world, progress: &progress, interrupt: &interrupt, recorder: &recorder, github: None };
        let before = self.sandbox.calls().len();
        let began = Instant::now();
        let first = RefCell::new(vec![None; rows]);
        let observe = async {
            loop {
                let words: Vec<Option<String>> = recorder.update(|report| {
                    let rows = report.services.iter();
                    rows.map(|row| row.verdict.as_ref().map(|verdict| verdict.explain())).collect()
                });
                for (seen, now) in first.borrow_mut().iter_mut().zip(words) {
                    if seen.is_none() {
                        *seen = now.map(|word| (self.sandbox.now(), word));
                    }
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let aside = async {
            beside(&sender).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = aside => {}
            () = work(&session) => {}
            () = observe => {}
        }
        let (took, ended) = (began.elapsed(), self.sandbox.now());
        let mut calls = BTreeMap::new();
        for call in &self.sandbox.calls()[before..] {
            *calls.entry(call.operation.clone()).or_default() += 1;
        }
        // What has no verdict gets one at the end of the run.
        let rows = recorder.update(|report| report.services().clone());
        let report = recorder.close(None);
        let first =
            first.into_inner().into_iter().map(|seen| seen.unwrap_or((ended, String::new()))).collect();
        Ran { rows, notes: report.notes, took, calls, first, ended }
    }

    fn disturb(&self, operation: &str, disturbance: Disturbance) {
        self.sandbox.faults().push(Fault::call(operation, disturbance).always());
    }

    /// The requests of an operation so far.
    fn requests(&self, operation: &str) -> Vec<Value> {
        let calls = self.sandbox.calls();
        calls.into_iter().filter(|call| call.operation == operation).map(|call| call.input).collect()
    }
}

fn terms() -> Terms {
    Terms {
        cluster: CLUSTER.into(),
        on_cancel: OnCancel::Stop,
        on_failure: OnFailure::Keep,
        health: HealthFlags { health_url: None, health_expect: None, health_successes: 5 },
        is_back: false,
    }
}

fn breaker(rollback: bool) -> Value {
    json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": rollback } } })
}

fn millis(at: Option<jiff::Timestamp>) -> i64 {
    at.expect("a time").as_millisecond()
}
