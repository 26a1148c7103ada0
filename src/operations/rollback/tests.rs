//! Plans of rollbacks in an account that behaves as AWS does, on a clock that is paused.

use std::path::Path;
use std::time::Duration;

use sandbox::registry::ImageKey;
use sandbox::{Fault, Options, Pace, RepositorySettings, Sandbox, Script};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::adapters::Aws;
use crate::failure::ExitCode;
use crate::interrupt::Interrupt;
use crate::ports::{DeploymentStatus, Lookup, ServiceReads, ServiceWrites, UpdateService};
use crate::progress::Progress;
use crate::recorder::Recorder;

mod applied;

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SECOND: Duration = Duration::from_secs(1);
/// Longer than any rollout here takes.
const PATIENCE: u32 = 3600;

/// Cluster `c` with service `web`; images are in ECR, and scripts stand in for what they do.
struct World {
    sandbox: Sandbox,
    aws: Aws,
}

impl World {
    fn new() -> Self {
        let options = Options { pace: Pace::Realistic { scale: 1.0 }, record: None, ..Options::default() };
        let sandbox = Sandbox::in_process(options).expect("a sandbox");
        sandbox.create_cluster("c");
        sandbox.create_repository("app", RepositorySettings::default());
        sandbox.set_program("web", |_| Script::new().until_stopped());
        sandbox.set_program("broken", |_| Script::new().work(SECOND).exit(1));
        let aws = Aws::from_config(sandbox.sdk_config(), Duration::from_secs(60), 1.0);
        Self { sandbox, aws }
    }

    /// The digest of the image with this tag, which is in ECR from then on.
    fn image(&self, tag: &str) -> String {
        let key = ImageKey::tag(tag).expect("a tag");
        let put = self.sandbox.registry().put_image("app", Some(&key), None, manifest(tag).as_bytes());
        put.expect("an image").digest.to_string()
    }

    /// The same of an index of two images that are there.
    fn index(&self, tag: &str, amd64: &str, arm64: &str) -> String {
        let image = |digest: &str, architecture: &str| {
            let platform = json!({"os": "linux", "architecture": architecture});
            json!({"mediaType": INDEX, "digest": digest, "size": 1, "platform": platform})
        };
        let manifests = [image(amd64, "amd64"), image(arm64, "arm64")];
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let key = ImageKey::tag(tag).expect("a tag");
        let put = self.sandbox.registry().put_image("app", Some(&key), None, index.to_string().as_bytes());
        put.expect("an index").digest.to_string()
    }

    /// A revision of a family with this image, as an ARN.
    fn register(&self, family: &str, image: &str) -> String {
        self.register_all(family, &json!([{"name": "app", "image": image}]))
    }

    fn register_all(&self, family: &str, containers: &Value) -> String {
        let document = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "containerDefinitions": containers,
        });
        self.sandbox.register_task_definition(&document).map_err(|error| error.message).expect("a revision")
    }

    /// The same with the image of this tag, pinned by its digest.
    fn revision(&self, tag: &str) -> String {
        self.register("web", &format!("{HOST}/app@{}", self.image(tag)))
    }

    async fn create(&self, revision: &str) {
        let service = json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": revision, "desiredCount": 1,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        });
        self.sandbox.create_service(&service).map_err(|error| error.message).expect("a service");
        self.until(DeploymentStatus::Successful, 1).await;
    }

    async fn update(&self, revision: &str, force: bool) {
        let request = UpdateService {
            cluster: "c".into(),
            service: "web".into(),
            task_definition: revision.to_owned(),
            force,
        };
        self.aws.update_service(&request).await.expect("an update");
    }

    async fn deploy(&self, revision: &str) {
        let count = self.statuses().await.len();
        self.update(revision, true).await;
        self.until(DeploymentStatus::Successful, count + 1).await;
        // SUCCESSFUL comes first; what is not COMPLETED is nothing that ECS goes back to.
        let is_completed = |service: &crate::ports::Service| {
            service.primary().is_some_and(|primary| primary.rollout.as_deref() == Some("COMPLETED"))
        };
        let names = ["web".to_owned()];
        while !self.aws.services("c", &names).await.expect("a service").iter().any(is_completed) {
            sleep(SECOND).await;
        }
    }

    async fn deregister(&self, revision: &str) {
        let config = aws_sdk_ecs::config::Builder::from(&self.sandbox.sdk_config());
        let config = config.behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest()).build();
        let ecs = aws_sdk_ecs::Client::from_conf(config);
        ecs.deregister_task_definition().task_definition(revision).send().await.expect("an answer");
    }

    /// Of the service's deployments, the newest first.
    async fn statuses(&self) -> Vec<DeploymentStatus> {
        let listed = self.aws.service_deployments("c", "web", None).await.expect("a list");
        let Lookup::Found(listed) = listed else { panic!("no list") };
        listed.into_iter().map(|brief| brief.status).collect()
    }

    /// Waits until the newest of so many deployments has this status.
    async fn until(&self, status: DeploymentStatus, count: usize) {
        for _ in 0..PATIENCE {
            let statuses = self.statuses().await;
            if statuses.len() == count && statuses.first() == Some(&status) {
                return;
            }
            sleep(SECOND).await;
        }
        panic!("never {status:?}: {:?}", self.statuses().await);
    }

    /// Deploys these, and says what a rollback is planned to be then.
    async fn after(revisions: &[&str]) -> (Self, Vec<String>) {
        let world = Self::new();
        let arns: Vec<String> = revisions.iter().map(|tag| world.revision(tag)).collect();
        world.create(&arns[0]).await;
        for arn in &arns[1..] {
            world.deploy(arn).await;
        }
        (world, arns)
    }

    async fn planned(&self, flags: &[&str]) -> Result<Value, Failure> {
        let operation = operation(flags)?;
        let progress = Progress::silent();
        let (_keep, interrupt) = Interrupt::by_hand();
        let recorder = Recorder::new(operation.report(), &progress, None, None);
        let session = Session {
            world: Some(&self.aws),
            progress: &progress,
            interrupt: &interrupt,
            recorder: &recorder,
            github: None,
        };
        let plan = operation.plan(&session).await;
        plan.map(|plan| plan.document().data).map_err(|error| Failure::from_error(&error))
    }

    /// The task definition that a rollback goes to.
    async fn goes_to(&self, flags: &[&str]) -> Result<String, String> {
        let data = self.planned(flags).await.map_err(|failure| {
            assert_eq!(failure.exit_code, ExitCode::BadInput, "{failure}");
            failure.sentence()
        })?;
        Ok(data["services"][0]["to"]["task_definition"].as_str().expect("a revision").to_owned())
    }
}

fn operation(flags: &[&str]) -> Result<Rollback, Failure> {
    let arguments = [&["fargate-migrate", "rollback", "--cluster=c", "--service=web"], flags].concat();
    let arguments = arguments.iter().map(Into::into).collect();
    let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags");
    let cli::Command::Rollback(flags) = cli.command else { panic!("rollback") };
    Rollback::new(*flags, None)
}

/// An index of no images, another one for each tag.
fn manifest(tag: &str) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"tag": tag}}).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_second_rollback_goes_further_back_and_a_third_has_nothing_left() {
    let (world, arns) = World::after(&["a", "b", "c"]).await;
    let data = world.planned(&[]).await.expect("a plan");
    let one = &data["services"][0];
    assert_eq!(one["from"]["task_definition"], arns[2]);
    assert_eq!(one["to"]["task_definition"], arns[1]);
    assert_eq!(one["to"]["image_digest"], world.image("b"));
    assert_eq!(one["way"]["revision"], json!({"action": "reuse", "arn": arns[1]}));
    assert!(one["to"]["ran_from"].is_string() && one["to"]["ran_until"].is_string(), "{one}");
    world.deploy(&arns[1]).await;
    assert_eq!(world.goes_to(&[]).await.as_ref(), Ok(&arns[0]), "and not to c again");
    world.deploy(&arns[0]).await;
    let said = world.goes_to(&[]).await.expect_err("nothing is left");
    assert!(said.contains("was left already") && said.contains("--to"), "{said}");
    assert_eq!(world.goes_to(&["--to=c"]).await.as_ref(), Ok(&arns[2]), "by its tag in ECR");
}

#[tokio::test(start_paused = true)]
async fn what_the_breaker_has_rolled_back_never_counts() {
    let (world, arns) = World::after(&["a", "b"]).await;
    let broken = world.register("broken", &format!("{HOST}/app@{}", world.image("broken")));
    world.update(&broken, false).await;
    world.until(DeploymentStatus::RollbackSuccessful, 3).await;
    assert_eq!(world.goes_to(&[]).await.as_ref(), Ok(&arns[0]));
    let said = world.goes_to(&["--to=broken"]).await.expect_err("it never ran");
    assert!(said.contains("has not run broken: there is an image with this tag"), "{said}");
    let said = world.goes_to(&["--to=broken:1"]).await.expect_err("it never ran");
    assert!(said.contains("not an older revision of web:2"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_taken_back_even_before_it_is_listed() {
    let (world, arns) = World::after(&["a", "b"]).await;
    world.sandbox.faults().push(Fault::late_service_deployment(Duration::from_secs(20)));
    let c = world.revision("c");
    world.update(&c, false).await;
    let data = world.planned(&[]).await.expect("a plan");
    let one = &data["services"][0];
    assert_eq!((&one["way"]["action"], &one["way"]["status"]), (&json!("take-back"), &json!("IN_PROGRESS")));
    assert_eq!(
        (&one["from"]["task_definition"], &one["to"]["task_definition"]),
        (&json!(c), &json!(arns[1]))
    );
    assert!(
        one["to"]["service_revision"].as_str().is_some_and(|arn| arn.contains(":service-revision/c/web/"))
    );
    // To what ECS goes back to, and to nothing else.
    assert_eq!(world.goes_to(&["--to=web:2"]).await.as_ref(), Ok(&arns[1]));
    assert_eq!(world.goes_to(&["--to=b"]).await.as_ref(), Ok(&arns[1]));
    let said = world.goes_to(&["--to=a"]).await.expect_err("ECS goes back to b");
    assert!(
        said.contains("ECS goes back to service revision") && said.contains("without --to first"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_is_waited_for() {
    let (world, arns) = World::after(&["a", "b"]).await;
    let (updated, lasts) = (tokio::time::Instant::now(), Duration::from_secs(900));
    world.sandbox.faults().push(Fault::stale_service(Duration::ZERO, lasts));
    world.update(&world.revision("c"), false).await;
    world.until(DeploymentStatus::Successful, 3).await;
    // The service seems to run b, whose rollback would be a.
    let failure = world.planned(&[]).await.expect_err("it stays so for long");
    assert_eq!(failure.exit_code, ExitCode::Service);
    assert!(failure.message.contains("name different revisions"), "{failure}");
    tokio::time::sleep_until(updated + lasts - Duration::from_secs(30)).await;
    assert_eq!(world.goes_to(&[]).await.as_ref(), Ok(&arns[1]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_again_is_refused_before_anything_is_changed() {
    let world = World::new();
    let gone = format!("sha256:{}", "d".repeat(64));
    world.create(&world.register("web", &format!("{HOST}/app@{gone}"))).await;
    world.deploy(&world.revision("b")).await;
    let said = world.goes_to(&[]).await.expect_err("the image is gone");
    assert!(said.contains(&gone) && said.contains("is not in repository app any more"), "{said}");
    let calls = world.sandbox.calls();
    let looked = calls.iter().filter(|call| call.operation == "BatchGetImage").count();
    assert_eq!(looked, 2, "its digest was looked for, and that of what runs");
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_was_deregistered_is_registered_again() {
    let (world, arns) = World::after(&["a", "b"]).await;
    world.deregister(&arns[0]).await;
    let data = world.planned(&[]).await.expect("a plan");
    assert_eq!(data["services"][0]["way"]["revision"], json!({"action": "register", "arn": null}));
    assert_eq!(data["services"][0]["to"]["task_definition"], arns[0]);
}

#[tokio::test(start_paused = true)]
async fn an_older_revision_in_no_record_is_taken_on_a_persons_word() {
    let world = World::new();
    world.revision("a");
    world.create(&world.revision("b")).await;
    let data = world.planned(&["--to=web:1"]).await.expect("a plan");
    let one = &data["services"][0];
    assert_eq!((&one["to"]["service_revision"], &one["to"]["ran_from"]), (&Value::Null, &Value::Null));
    assert_eq!(one["to"]["image_digest"], world.image("a"));
    assert!(one["schema"]["since"].is_string(), "when it was registered: {one}");
    let notes = data["notes"].to_string();
    assert!(notes.contains("that web:1 ran well is your word"), "{notes}");
    world.register("web", &format!("{HOST}/app@{}", world.image("c")));
    let said = world.goes_to(&["--to=web:3"]).await.expect_err("it is new");
    assert!(said.contains("put what is new on a service with deploy"), "{said}");
    let said = world.goes_to(&["--to=web:9"]).await.expect_err("there is none");
    assert!(
        said.contains("task definition web:9, which service web would go back to, does not exist"),
        "{said}"
    );
}

/// A run that ends before the first service is updated.
async fn done(world: &World, flags: &[&str]) -> BackReport {
    let progress = Progress::silent();
    let (_keep, interrupt) = Interrupt::by_hand();
    let surroundings =
        crate::operations::Surroundings { progress: &progress, interrupt: &interrupt, github: None };
    let config = world.sandbox.sdk_config();
    let connect = async move { Ok(Aws::from_config(config, Duration::from_secs(60), 1.0)) };
    // With --yes nobody is asked, should these tests run on a terminal.
    let operation = operation(&[&["--yes"], flags].concat()).expect("flags");
    crate::operations::done(&operation, connect, &surroundings).await
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_ecs_refuses_moves_nothing() {
    let (world, arns) = World::after(&["a", "b"]).await;
    world.deregister(&arns[0]).await;
    let denied = Fault::call("ecs:RegisterTaskDefinition", sandbox::Disturbance::AccessDenied);
    world.sandbox.faults().push(denied.always());
    let before = world.sandbox.calls().len();
    let report = done(&world, &[]).await;
    let error = report.error.as_ref().expect("it is denied");
    assert!(error.message.contains("register a revision of task definition web"), "{error}");
    assert_eq!(report.exit_code(), ExitCode::Service);
    let row = &report.services[0];
    assert!(!row.registered && !row.verdict.as_ref().is_some_and(ServiceVerdict::is_done));
    assert_eq!(row.from.as_ref().map(|from| &from.task_definition), Some(&arns[1]));
    let updates =
        world.sandbox.calls()[before..].iter().filter(|call| call.operation == "UpdateService").count();
    assert_eq!(updates, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_with_exit_code_2() {
    let (world, _) = World::after(&["a"]).await;
    let before = world.sandbox.calls().len();
    let report = done(&world, &[]).await;
    assert_eq!(report.exit_code(), ExitCode::BadInput);
    let changes = |call: &&sandbox::Call| {
        let known = crate::ports::CALLS.iter().find(|known| known.operation() == call.operation);
        known.is_none_or(|known| known.changes)
    };
    assert_eq!(world.sandbox.calls()[before..].iter().filter(changes).count(), 0);
    assert!(report.ended_at.is_some() && report.services.len() == 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_history_takes_few_calls_and_none_that_changes_anything() {
    let world = World::new();
    let (a, b) = (world.revision("a"), world.revision("b"));
    world.create(&a).await;
    for _ in 0..22 {
        world.deploy(&b).await;
    }
    let before = world.sandbox.calls().len();
    assert_eq!(world.goes_to(&[]).await.as_ref(), Ok(&a), "redeployments are one content");
    let mut calls: Vec<String> =
        world.sandbox.calls()[before..].iter().map(|call| call.operation.clone()).collect();
    calls.sort_unstable();
    let mut expected = vec![
        "BatchGetImage",
        "BatchGetImage",
        "DescribeImages",
        "DescribeImages",
        "DescribeClusters",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTaskDefinition",
        "DescribeTaskDefinition",
        "GetCallerIdentity",
        "ListServiceDeployments",
    ];
    // 23 revisions, twenty a call.
    expected.extend(["DescribeServiceRevisions"; 2]);
    expected.sort_unstable();
    assert_eq!(calls, expected);
}

#[tokio::test(start_paused = true)]
async fn a_state_file_refuses_what_would_meet_a_newer_schema() {
    let (world, arns) = World::after(&["a", "b"]).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.jsonl");
    let report = json!({
        "version": 1, "database": "tenant", "pending": 0, "applied": [{"version": "7", "name": "x", "ms": 1}],
    });
    let at = jiff::Timestamp::from_millisecond(world.sandbox.now()).expect("a time").to_string();
    let lines = |account: &str| {
        let run = json!({
            "record": "run", "version": 1, "at": at, "started_by": "fargate-migrate/local-1", "account": account,
            "region": "us-east-1", "cluster": "c", "family": "f", "container": "m",
            "database_variable": "DATABASE_NAME", "revision": "f:1", "image_digest": world.image("b"),
        });
        let verdict = json!({
            "record": "verdict", "at": at, "database": "tenant", "verdict": "migrated", "task": "arn",
            "image_digest": world.image("b"), "report": report,
        });
        format!("{run}\n{verdict}\n")
    };
    let state = format!("--state={}", path.display());
    std::fs::write(&path, lines("123456789012")).expect("a state file");
    let said = world.goes_to(&[&state]).await.expect_err("tenant is newer");
    assert!(said.contains("1 database since") && said.contains(": tenant;"), "{said}");
    assert_eq!(world.goes_to(&[&state, "--accept-newer-schema"]).await.as_ref(), Ok(&arns[0]));
    std::fs::write(&path, lines("000000000000")).expect("a state file");
    let said = world.goes_to(&[&state]).await.expect_err("another account's");
    assert!(said.contains("is about account 000000000000"), "{said}");
    let said = world.goes_to(&["--state=/nowhere/state"]).await.expect_err("no such file");
    assert!(said.contains("/nowhere/state"), "{said}");
}
