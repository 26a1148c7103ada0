//! A task at Fargate's pace, looked at twenty times a second of a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Pace;
use crate::ecs;
use crate::engine::Script;
use crate::faults::{Fault, TaskFault};
use crate::options::Options;
use crate::region::Region;
use crate::world::World;

mod faults;
mod restarts;

/// Between two looks, in milliseconds.
const STEP: i64 = 50;
/// Longer than any task here lives.
const PATIENCE: i64 = 1_000_000;

struct Account {
    world: Arc<World>,
    region: Arc<Region>,
}

/// What DescribeTasks showed at a time, both by the sandbox's clock in milliseconds.
struct Look {
    at: i64,
    task: Value,
}

impl Look {
    fn container(&self) -> &Value {
        &self.task["containers"][0]
    }

    fn time(&self, name: &str) -> Option<i64> {
        self.task[name].as_f64().map(|seconds| (seconds * 1000.0).round() as i64)
    }
}

impl Account {
    fn new(seed: u64) -> Self {
        let options =
            Options { pace: Pace::Realistic { scale: 1.0 }, seed, record: None, ..Options::default() };
        let world = World::new(options, "sandbox.invalid".into(), super::spawn).unwrap();
        let region = world.home().unwrap();
        let account = Self { world, region };
        account.call("CreateCluster", &json!({ "clusterName": "c" }));
        account
    }

    fn call(&self, operation: &str, input: &Value) -> Value {
        match ecs::handle(&self.world, &self.region, operation, input) {
            Ok(answer) => answer,
            Err(error) => panic!("{operation}: {}: {}", error.code, error.message),
        }
    }

    fn program(&self, container: &str, program: impl Fn() -> Script + Send + Sync + 'static) {
        self.world.programs.set(&format!("f/{container}"), Arc::new(move |_| program()));
    }

    /// Starts a task of these containers; answers its ARN.
    fn run(&self, containers: &Value) -> String {
        self.call(
            "RegisterTaskDefinition",
            &json!({
                "family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": containers,
            }),
        );
        let answer = self.call(
            "RunTask",
            &json!({
                "cluster": "c", "taskDefinition": "f", "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0a"] } },
            }),
        );
        answer["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
    }

    fn look(&self, arn: &str) -> Look {
        let answer = self.call("DescribeTasks", &json!({ "cluster": "c", "tasks": [arn] }));
        Look { at: self.world.clock.now(), task: answer["tasks"][0].clone() }
    }

    /// Looks until something is so, that look included.
    async fn until(&self, arn: &str, is_so: impl Fn(&Look) -> bool) -> Vec<Look> {
        let start = self.world.clock.now();
        let mut looks = Vec::new();
        loop {
            let look = self.look(arn);
            assert!(look.at < start + PATIENCE, "never: {}", look.task);
            let is_last = is_so(&look);
            looks.push(look);
            if is_last {
                return looks;
            }
            tokio::time::sleep(Duration::from_millis(STEP.unsigned_abs())).await;
        }
    }

    async fn until_stopped(&self, arn: &str) -> Vec<Look> {
        self.until(arn, |look| look.task["lastStatus"] == "STOPPED").await
    }

    fn exit_shown(&self, arn: &str) -> Option<i64> {
        self.region.ecs.state().task(ecs::short_name(arn)).unwrap().times.exit_shown
    }
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "i", "essential": true })
}

fn sidecar(name: &str) -> Value {
    json!({ "name": name, "image": "i", "essential": false })
}

/// One that works for `seconds` of Fargate and exits with `code`.
fn works(seconds: u64, code: i32) -> impl Fn() -> Script + Send + Sync {
    move || Script::new().work(Duration::from_secs(seconds)).exit(code)
}

/// The first look at which a container of this place is STOPPED.
fn seen_to_end(looks: &[Look], index: usize) -> &Look {
    looks.iter().find(|look| look.task["containers"][index]["lastStatus"] == "STOPPED").unwrap()
}

fn first_with_exit_code(looks: &[Look]) -> &Look {
    looks.iter().find(|look| look.container()["exitCode"].is_number()).unwrap()
}

fn is_near(time: i64, expected: i64) -> bool {
    (time - expected).abs() <= 2 * STEP
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_shows_five_to_ten_seconds_after_the_exit_and_before_stopped() {
    let mut delays = Vec::new();
    for seed in 0..12 {
        let account = Account::new(seed);
        account.program("main", works(7, 3));
        let arn = account.run(&json!([container("main")]));
        let looks = account.until_stopped(&arn).await;
        let last = looks.last().unwrap();
        let end = last.time("startedAt").unwrap() + 7_000;

        let shown = first_with_exit_code(&looks);
        assert!((5_000..=10_000 + STEP).contains(&(shown.at - end)), "{} after {end}", shown.at);
        assert_eq!(shown.container()["exitCode"], 3);
        assert_eq!(shown.container()["lastStatus"], "STOPPED");
        assert_eq!(
            (&shown.task["desiredStatus"], &shown.task["stopCode"]),
            (&json!("STOPPED"), &json!("EssentialContainerExited"))
        );
        assert_eq!(shown.task["stoppedReason"], "Essential container in task exited");
        assert_ne!(shown.task["lastStatus"], "STOPPED");
        assert!(is_near(shown.time("stoppingAt").unwrap(), shown.at));
        assert!(is_near(shown.time("executionStoppedAt").unwrap(), end));
        assert!(is_near(account.exit_shown(&arn).unwrap(), shown.at));

        // Nobody can read one without the other: it is a single change.
        let unseen = looks.iter().rfind(|look| look.at < shown.at).unwrap();
        assert_eq!(
            shown.task["version"].as_u64(),
            unseen.task["version"].as_u64().map(|version| version + 1)
        );

        for before in looks.iter().filter(|look| (end..shown.at).contains(&look.at)) {
            assert_eq!(
                (&before.task["lastStatus"], &before.task["desiredStatus"]),
                (&json!("RUNNING"), &json!("RUNNING"))
            );
            assert_eq!(before.container()["lastStatus"], "RUNNING");
            for absent in ["stopCode", "stoppedReason", "stoppingAt", "executionStoppedAt"] {
                assert!(before.task.get(absent).is_none(), "{absent} in {}", before.task);
            }
        }
        let after: Vec<&str> = looks
            .iter()
            .filter(|look| look.at >= shown.at)
            .filter_map(|look| look.task["lastStatus"].as_str())
            .collect();
        let mut states = after.clone();
        states.dedup();
        assert_eq!(states, ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]);
        let stopped = last.time("stoppedAt").unwrap() - end;
        assert!((10_000..=30_000).contains(&stopped), "STOPPED {stopped} ms after the exit");
        delays.push(shown.at - end);
    }
    let spread = delays.iter().max().unwrap() - delays.iter().min().unwrap();
    assert!(spread > 1_000, "each task has a delay of its own: {delays:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_is_told_to_end_at_the_exit_and_not_when_it_shows() {
    let account = Account::new(1);
    account.program("main", works(5, 0));
    account.program("obedient", || Script::new().until_stopped());
    account.program("stubborn", || Script::new().until_stopped().ignores_sigterm());
    let mut stubborn = sidecar("stubborn");
    stubborn["stopTimeout"] = json!(20);
    let arn = account.run(&json!([container("main"), sidecar("obedient"), stubborn]));
    let looks = account.until_stopped(&arn).await;
    let end = looks.last().unwrap().time("startedAt").unwrap() + 5_000;
    let [main, obedient, stubborn] = [0, 1, 2].map(|index| seen_to_end(&looks, index));
    assert!(is_near(obedient.at, main.at));
    assert_eq!(obedient.task["containers"][1]["exitCode"], 143);
    // Shown as late as the essential one, and killed 20 s after it has ended.
    assert!(is_near(stubborn.at, main.at + 20_000), "{} and {}", stubborn.at, main.at);
    assert_eq!(stubborn.task["containers"][2]["exitCode"], 137);
    assert_eq!(stubborn.task["lastStatus"], "STOPPING");
    for look in looks.iter().filter(|look| look.at >= main.at) {
        assert!(is_near(look.time("executionStoppedAt").unwrap(), end));
    }
}

#[tokio::test(start_paused = true)]
async fn stop_task_before_an_exit_shows_is_taken_at_its_word() {
    let account = Account::new(1);
    account.program("main", works(5, 0));
    let arn = account.run(&json!([container("main")]));
    let started = account.until(&arn, |look| look.task["startedAt"].is_number()).await.pop().unwrap();
    let end = started.time("startedAt").unwrap() + 5_000;
    account.until(&arn, |look| look.at > end + 2_000).await;
    account.call("StopTask", &json!({ "cluster": "c", "task": arn, "reason": "cancelled" }));
    let looks = account.until_stopped(&arn).await;
    for look in &looks {
        assert_eq!(look.task["desiredStatus"], "STOPPED");
        assert_eq!(
            (&look.task["stopCode"], &look.task["stoppedReason"]),
            (&json!("UserInitiated"), &json!("cancelled"))
        );
    }
    assert!(looks[0].container().get("exitCode").is_none(), "{}", looks[0].task);
    assert_eq!(looks[0].container()["lastStatus"], "RUNNING");
    let shown = first_with_exit_code(&looks);
    assert_eq!(shown.container()["exitCode"], 0);
    assert!((5_000..=10_000 + STEP).contains(&(shown.at - end)), "{} after {end}", shown.at);
    assert!(is_near(shown.time("executionStoppedAt").unwrap(), end));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_containers_exit_code_shows_before_the_task_is_stopped() {
    let account = Account::new(1);
    account.program("main", || Script::new().until_stopped());
    let arn = account.run(&json!([container("main")]));
    let stop_at = account.until(&arn, |look| look.task["lastStatus"] == "RUNNING").await.pop().unwrap().at;
    account.call("StopTask", &json!({ "cluster": "c", "task": arn }));
    let looks = account.until_stopped(&arn).await;
    let shown = first_with_exit_code(&looks);
    assert_eq!(
        (&shown.container()["exitCode"], &shown.task["lastStatus"]),
        (&json!(143), &json!("STOPPING"))
    );
    let end = shown.time("executionStoppedAt").unwrap();
    assert!((1_000..=2_000).contains(&(end - stop_at)), "SIGTERM comes once the task is deactivated");
    assert!((5_000..=10_000 + STEP).contains(&(shown.at - end)));
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_on_while_an_exit_of_no_consequence_shows() {
    let account = Account::new(1);
    account.program("init", works(3, 4));
    account.program("main", works(60, 0));
    let arn = account.run(&json!([sidecar("init"), container("main")]));
    let looks = account.until(&arn, |look| look.container()["exitCode"].is_number()).await;
    let shown = looks.last().unwrap();
    let end = shown.time("startedAt").unwrap() + 3_000;
    assert!((5_000..=10_000 + STEP).contains(&(shown.at - end)), "{} after {end}", shown.at);
    assert_eq!(
        (&shown.container()["exitCode"], &shown.container()["lastStatus"]),
        (&json!(4), &json!("STOPPED"))
    );
    assert_eq!(
        (&shown.task["lastStatus"], &shown.task["desiredStatus"]),
        (&json!("RUNNING"), &json!("RUNNING"))
    );
    assert!(shown.task.get("executionStoppedAt").is_none() && account.exit_shown(&arn).is_none());
    let looks = account.until_stopped(&arn).await;
    let ended = seen_to_end(&looks, 1);
    assert!(is_near(ended.time("executionStoppedAt").unwrap(), shown.time("startedAt").unwrap() + 60_000));
    assert!(is_near(account.exit_shown(&arn).unwrap(), ended.at));
}
