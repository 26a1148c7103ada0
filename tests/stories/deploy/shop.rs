//! A shop whose services run an older image, and a program for each image that may come.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::{BehaviorVersion, Builder};
use aws_sdk_ecs::types::{DeploymentRolloutState, Service};
use sandbox::{Options, Script, TaskContext, seed};
use serde_json::{Value, json};

use super::somebody::Somebody;
use crate::support::{Finished, IMAGE, PROD, Run, World};

pub const FAMILY: &str = "shop";
const LOG_GROUP: &str = "/ecs/shop";
/// What it runs at first, and what is to come.
pub const OLD: &str =
    "registry.example/app@sha256:0000000000000000000000000000000000000000000000000000000000000000";
pub const NEW: &str = IMAGE;
/// Ends at once.
pub const BROKEN: &str =
    "registry.example/app@sha256:deaddeaddeaddeaddeaddeaddeaddeaddeaddeaddeaddeaddeaddeaddeaddead";
/// Starts, and takes long to be done with it, on the sandbox's clock as on any other.
pub const SLOW: &str =
    "registry.example/app@sha256:5105105105105105105105105105105105105105105105105105105105105105";

/// What a task of an image does.
pub fn serves(context: &TaskContext) -> Script {
    match context.image.as_str() {
        BROKEN => Script::new().line("starting").line("relation orders does not exist").exit(1),
        _ => Script::new().until_stopped(),
    }
}

/// A circuit breaker, with or without its rollback.
pub fn breaker(rollback: bool) -> Value {
    json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}}})
}

pub struct Shop {
    pub world: World,
    client: Client,
}

impl Shop {
    /// One service, `web`, with a circuit breaker that rolls back.
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// The same, with these members of CreateService.
    pub async fn with(more: Value) -> Self {
        Self::at(Options::default(), more).await
    }

    pub async fn at(options: Options, more: Value) -> Self {
        let shop = Self::closed(options).await;
        shop.create("web", more);
        shop.steady("web").await;
        shop
    }

    /// Without any service.
    pub async fn closed(options: Options) -> Self {
        let world = World::with(options).await;
        world.sandbox.create_log_group(LOG_GROUP);
        world.sandbox.set_program(FAMILY, serves);
        let config = Builder::from(&world.sandbox.sdk_config())
            .behavior_version(BehaviorVersion::latest())
            .interceptor(Somebody);
        Self { world, client: Client::from_conf(config.build()) }
    }

    /// A revision of the family with this image. Answers its ARN.
    pub fn register(&self, family: &str, image: &str) -> String {
        self.register_with(family, image, json!({}))
    }

    /// The same, with these members in its container `web`.
    pub fn register_with(&self, family: &str, image: &str, more: Value) -> String {
        let mut container = json!({
            "name": "web", "image": image,
            "environment": [{"name": "DATABASE_NAME", "value": PROD}, {"name": "TOKEN", "value": "hunter2"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web",
            }},
        });
        extend(&mut container, more);
        self.register_document(&json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": execution_role(),
            "containerDefinitions": [container],
        }))
    }

    pub fn register_document(&self, document: &Value) -> String {
        let registered = self.world.sandbox.register_task_definition(document);
        registered.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message))
    }

    /// A service of a new revision of the family with the old image.
    pub fn create(&self, name: &str, more: Value) {
        let input = self.creation(name, more);
        let created = self.world.sandbox.create_service(&input);
        created.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message));
    }

    /// What CreateService is given.
    pub fn creation(&self, name: &str, more: Value) -> Value {
        let mut input = json!({
            "cluster": seed::CLUSTER, "serviceName": name, "desiredCount": 2, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        });
        extend(&mut input, breaker(true));
        extend(&mut input, more);
        if input["taskDefinition"].is_null() {
            input["taskDefinition"] = self.register(FAMILY, OLD).into();
        }
        input
    }

    /// `fargate-migrate deploy` of the new image to `web`.
    pub fn deploy(&self, more: &[&str]) -> Run {
        self.deploy_image(NEW, more)
    }

    /// The same without a migration.
    pub fn alone(&self, image: &str, more: &[&str]) -> Run {
        self.deploy_image(image, &[&["--no-migration"], more].concat())
    }

    fn deploy_image(&self, image: &str, more: &[&str]) -> Run {
        let is_service = |flag: &&str| flag.starts_with("--service=") || flag.starts_with("--config");
        let service: &[&str] = if more.iter().any(is_service) { &[] } else { &["--service=web"] };
        let base = ["deploy", "--log-drain=1s", "--image", image];
        self.world.command(&[&base[..], &seed::MIGRATE[1..], service, more].concat())
    }

    pub async fn service(&self, name: &str) -> Service {
        let asked = self.client.describe_services().cluster(seed::CLUSTER).services(name);
        let found = asked.send().await.expect("DescribeServices");
        found.services().first().cloned().expect("the service")
    }

    /// Waits until what is seen of a service is so.
    pub async fn until(&self, name: &str, what: &str, holds: impl Fn(&Service) -> bool) {
        waits(what, async || holds(&self.service(name).await)).await;
    }

    /// Until nothing of it is under way: one deployment, COMPLETED, and its service deployment over.
    pub async fn steady(&self, name: &str) {
        self.until(name, "steady", |service| match service.deployments() {
            [one] => one.rollout_state() == Some(&DeploymentRolloutState::Completed),
            _ => false,
        })
        .await;
        waits("over", async || self.statuses(name).await.iter().all(|status| is_over(status))).await;
    }

    /// Of each service deployment, the newest first.
    pub async fn statuses(&self, name: &str) -> Vec<String> {
        let asked = self.client.list_service_deployments().cluster(seed::CLUSTER).service(name);
        let found = asked.send().await.expect("ListServiceDeployments");
        let status = found.service_deployments().iter().filter_map(|one| one.status());
        status.map(|status| status.as_str().to_owned()).collect()
    }

    /// Until the newest service deployment of all so many has this status.
    pub async fn newest_is(&self, name: &str, count: usize, wanted: &str) {
        waits(wanted, async || {
            let statuses = self.statuses(name).await;
            statuses.len() == count && statuses[0] == wanted
        })
        .await;
    }

    /// Somebody else's UpdateService.
    pub async fn somebody_deploys(&self, name: &str, revision: &str) {
        let update = self.client.update_service().cluster(seed::CLUSTER).service(name);
        let update = update.task_definition(revision).force_new_deployment(true);
        update.send().await.expect("UpdateService");
    }

    /// Waits for a hook of the newest service deployment, and answers it.
    pub async fn somebody_answers(&self, name: &str, answer: &str) {
        let (deployment, hook) = self.until_paused(name).await;
        let go_on = self.client.continue_service_deployment().service_deployment_arn(deployment);
        go_on.hook_id(hook).action(answer.into()).send().await.expect("ContinueServiceDeployment");
    }

    /// Waits for a hook of the newest service deployment: that one's ARN, and the hook's id.
    pub async fn until_paused(&self, name: &str) -> (String, String) {
        for _ in 0..2_000 {
            let listed = self.client.list_service_deployments().cluster(seed::CLUSTER).service(name);
            let listed = listed.send().await.expect("ListServiceDeployments");
            let newest = listed.service_deployments()[0].service_deployment_arn().expect("an ARN");
            let seen = self.client.describe_service_deployments().service_deployment_arns(newest);
            let seen = seen.send().await.expect("DescribeServiceDeployments");
            let hooks = seen.service_deployments()[0].lifecycle_hook_details();
            if let Some(hook) = hooks.first().and_then(|hook| hook.hook_id()) {
                return (newest.to_owned(), hook.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no hook");
    }

    pub async fn somebody_wants(&self, name: &str, count: i32) {
        let update = self.client.update_service().cluster(seed::CLUSTER).service(name);
        update.desired_count(count).send().await.expect("UpdateService");
    }

    pub async fn somebody_deletes(&self, name: &str) {
        let delete = self.client.delete_service().cluster(seed::CLUSTER).service(name).force(true);
        delete.send().await.expect("DeleteService");
    }

    /// Of the revision, by its place in the family.
    pub fn revision(&self, number: usize) -> String {
        format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{FAMILY}:{number}")
    }

    /// What UpdateService is sent for a service, and nothing else.
    pub fn update(&self, name: &str, revision: usize) -> Value {
        json!({"cluster": seed::CLUSTER, "service": name, "taskDefinition": self.revision(revision)})
    }

    /// No call that changes anything was made, but for these so many.
    #[track_caller]
    pub fn changed(&self, run_task: usize, register: usize, update: usize) {
        let of = |operation: &str| self.world.called(operation);
        let seen = (of("RunTask"), of("RegisterTaskDefinition"), of("UpdateService"));
        assert_eq!(seen, (run_task, register, update), "RunTask, RegisterTaskDefinition, UpdateService");
        assert_eq!(of("DeregisterTaskDefinition"), 0);
    }
}

/// The seed's, as iam's policies of the stories have it.
pub fn execution_role() -> Value {
    seed::task_definition().expect("the seed's task definition")["taskDefinition"]["executionRoleArn"].clone()
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn is_over(status: &str) -> bool {
    ["SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"].contains(&status)
}

/// Waits until something holds that the sandbox shows.
pub async fn waits<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// The row of a service in `--format json`.
#[track_caller]
pub fn row(run: &Finished, name: &str) -> Value {
    let result = run.result();
    let rows = result["services"].as_array().cloned().unwrap_or_default();
    rows.into_iter().find(|row| row["service"] == name).unwrap_or_else(|| panic!("no row {name} in {run:#?}"))
}

/// The verdict of `web`, with `--format json`.
#[track_caller]
pub fn is(run: &Finished, verdict: &str, code: i32) -> Value {
    let row = row(run, "web");
    assert_eq!((row["verdict"].as_str(), run.code), (Some(verdict), code), "{run:#?}");
    row
}

impl Finished {
    /// The job summary has this text.
    #[track_caller]
    pub fn sums_up(&self, text: &str) -> &Self {
        assert!(self.summary.contains(text), "{text:?} is not in {}", self.summary);
        self
    }
}
