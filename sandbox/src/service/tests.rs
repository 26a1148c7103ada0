//! Services at Fargate's pace, looked at five times a second of a paused clock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Pace;
use crate::ecs;
use crate::engine::Script;
use crate::lifecycle;
use crate::options::Options;
use crate::region::Region;
use crate::world::World;

mod alarms;
mod calls;
mod failures;
mod pauses;
mod rollouts;
mod stages;

/// Between two looks.
const STEP: Duration = Duration::from_millis(200);
/// Longer than any rollout here takes, in milliseconds.
const PATIENCE: i64 = 7_200_000;

struct Account {
    world: Arc<World>,
    region: Arc<Region>,
}

impl Account {
    fn new() -> Self {
        Self::at(Pace::Realistic { scale: 1.0 })
    }

    fn at(pace: Pace) -> Self {
        Self::with(Options { pace, record: None, ..Options::default() })
    }

    fn with(options: Options) -> Self {
        let world = World::new(options, "sandbox.invalid".into(), lifecycle::spawn).unwrap();
        let region = world.home().unwrap();
        let account = Self { world, region };
        account.call("CreateCluster", json!({ "clusterName": "c" }));
        for image in ["good", "better", "broken", "sick"] {
            account.register(image);
        }
        account.program("good", || Script::new().until_stopped());
        account.program("better", || Script::new().until_stopped());
        account.program("broken", || Script::new().work(Duration::from_secs(2)).exit(1));
        account.program("sick", || Script::new().until_stopped().never_healthy());
        account
    }

    fn try_call(&self, operation: &str, input: Value) -> Result<Value, String> {
        ecs::handle(&self.world, &self.region, operation, &input)
            .map_err(|error| format!("{}: {}", error.code, error.message))
    }

    fn call(&self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn program(&self, family: &str, program: impl Fn() -> Script + Send + Sync + 'static) {
        self.world.programs.set(family, Arc::new(move |_| program()));
    }

    /// A revision of a family; one that is `sick` has a health check.
    fn register(&self, family: &str) {
        let mut container = json!({ "name": "app", "image": format!("registry.example/{family}:1") });
        if family == "sick" {
            container["healthCheck"] = json!({ "command": ["CMD", "true"], "interval": 5, "retries": 2 });
        }
        self.call(
            "RegisterTaskDefinition",
            json!({
                "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": [container],
            }),
        );
    }

    /// Creates service `web` and waits until it is steady.
    async fn steady(&self, family: &str, more: Value) -> Value {
        self.create(family, more);
        self.until(|web| web["deployments"][0]["rolloutState"] == "COMPLETED").await
    }

    fn create(&self, family: &str, more: Value) -> Value {
        let mut input = json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": family, "desiredCount": 2, "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
        });
        extend(&mut input, more);
        self.call("CreateService", input)["service"].take()
    }

    /// Creates service `web`; answers when.
    fn service_created(&self, family: &str) -> i64 {
        self.create(family, json!({}));
        self.world.clock.now()
    }

    fn update(&self, more: Value) -> Value {
        let mut input = json!({ "cluster": "c", "service": "web" });
        extend(&mut input, more);
        self.call("UpdateService", input)["service"].take()
    }

    fn service(&self) -> Value {
        self.call("DescribeServices", json!({ "cluster": "c", "services": ["web"] }))["services"][0].take()
    }

    /// Service deployments, newest first, described.
    fn history(&self) -> Vec<Value> {
        let listed = self.call("ListServiceDeployments", json!({ "cluster": "c", "service": "web" }));
        let arns: Vec<Value> = listed["serviceDeployments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["serviceDeploymentArn"].clone())
            .collect();
        if arns.is_empty() {
            return Vec::new();
        }
        let answer = self.call("DescribeServiceDeployments", json!({ "serviceDeploymentArns": arns }));
        assert_eq!(answer["failures"], json!([]));
        answer["serviceDeployments"].as_array().unwrap().clone()
    }

    /// Looks until something is so of the service.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_both(|web, _| is_so(web)).await.0
    }

    /// Looks until something is so of the service and its service deployments.
    async fn until_both(&self, is_so: impl Fn(&Value, &[Value]) -> bool) -> (Value, Vec<Value>) {
        let start = self.world.clock.now();
        loop {
            let (web, history) = (self.service(), self.history());
            if is_so(&web, &history) {
                return (web, history);
            }
            assert!(self.world.clock.now() < start + PATIENCE, "never: {web:#}");
            tokio::time::sleep(STEP).await;
        }
    }

    /// Looks until the newest service deployment has this status.
    async fn until_newest(&self, status: &str) -> (Value, Vec<Value>) {
        self.until_both(|_, history| history.first().is_some_and(|newest| newest["status"] == status)).await
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// What every task of the service so far shows.
    fn tasks(&self) -> Vec<Value> {
        self.region.ecs.state().tasks.values().map(|task| task.render(true)).collect()
    }
}

fn extend(input: &mut Value, more: Value) {
    let more = more.as_object().cloned().unwrap_or_default();
    input.as_object_mut().unwrap().extend(more);
}

fn breaker(rollback: bool) -> Value {
    json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": rollback } } })
}

/// The messages of `events[]`, oldest first.
fn messages(web: &Value) -> Vec<String> {
    let events = web["events"].as_array().unwrap();
    events.iter().rev().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

fn family(one: &Value) -> &str {
    let arn = one["taskDefinition"].as_str().unwrap_or_default();
    arn.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default()
}

fn last_segment(arn: &Value) -> &str {
    arn.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default()
}
