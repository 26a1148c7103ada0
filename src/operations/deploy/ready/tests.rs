//! A deploy up to its first UpdateService, on a simulated account and a paused clock.

use std::path::Path;
use std::time::Duration;

use futures::FutureExt as _;

use sandbox::{Disturbance, Fault, Options, Pace, Sandbox, Script, seed};
use serde_json::{Value, json};

use super::*;
use crate::adapters::Aws;
use crate::choices::OnCancel;
use crate::interrupt::Interrupt;
use crate::operations::{Operation as _, post};
use crate::ports::{ServiceReads as _, ServiceWrites as _, UpdateService};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::settings::DeploySettings;
use crate::settings::deploy_samples::tried;

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

const STAGE: Duration = Duration::from_secs(150);

fn image() -> String {
    format!("registry.example/app@{DIGEST}")
}

pub(in crate::operations::deploy) struct World {
    pub(in crate::operations::deploy) sandbox: Sandbox,
    aws: Aws,
}

impl World {
    /// The seed's account, with services `web` and `worker` of one family, whose image is older than ours.
    pub(in crate::operations::deploy) async fn new() -> Self {
        let options = Options { pace: Pace::Realistic { scale: 1.0 }, record: None, ..Options::default() };
        let sandbox = Sandbox::in_process(options).expect("start the sandbox");
        seed::account(&sandbox).expect("the seed's account");
        sandbox.set_program(seed::TASK_FAMILY, |context| {
            let database = context.environment.get("DATABASE_NAME").cloned().unwrap_or_default();
            let report = json!({"migration_report":
                {"version": 1, "database": database, "applied": [], "pending": 0, "current": "1"}});
            let script = Script::new().work(Duration::from_secs(2));
            if database.starts_with("bad") { script.exit(1) } else { script.line(report.to_string()) }
        });
        sandbox.set_program("shop", |_| Script::new().until_stopped());
        let aws = Aws::from_config(sandbox.sdk_config(), Duration::from_secs(60), 1.0);
        let world = Self { sandbox, aws };
        world.register("old");
        for service in ["web", "worker"] {
            world.create(service);
        }
        for service in ["web", "worker"] {
            world.completed(service).await;
        }
        world
    }

    /// A revision of the services' family.
    fn register(&self, tag: &str) -> String {
        let app = format!("registry.example/app:{tag}");
        let containers = json!([
            {"name": "web", "image": app, "environment": [{"name": "DATABASE_NAME", "value": "shop"}]},
            {"name": "proxy", "image": "registry.example/proxy:1"},
        ]);
        let document = json!({"family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512", "containerDefinitions": containers});
        self.sandbox.register_task_definition(&document).expect("registered")
    }

    fn create(&self, service: &str) {
        let input = json!({
            "cluster": seed::CLUSTER, "serviceName": service, "taskDefinition": "shop", "desiredCount": 1,
            "launchType": "FARGATE",
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        });
        self.sandbox.create_service(&input).expect("a service");
    }

    async fn service(&self, name: &str) -> Service {
        let services = self.aws.services(seed::CLUSTER, &[name.to_owned()]).await.expect("described");
        services.into_iter().next().expect("there")
    }

    pub(in crate::operations::deploy) async fn completed(&self, name: &str) {
        let completed = async {
            loop {
                let service = self.service(name).await;
                let is_over = service.deployments.len() == 1
                    && service.primary().is_some_and(|one| one.rollout.as_deref() == Some("COMPLETED"));
                if is_over {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1800), completed).await.expect("completed");
    }

    /// Someone else begins a deployment of a service.
    pub(in crate::operations::deploy) async fn begin_another(&self, service: &str) {
        self.update(service, &self.register("another")).await;
    }

    async fn update(&self, service: &str, revision: &str) {
        let request = UpdateService {
            cluster: seed::CLUSTER.into(),
            service: service.into(),
            task_definition: revision.into(),
            force: false,
        };
        self.aws.update_service(&request).await.expect("updated");
    }

    pub(in crate::operations::deploy) fn settings(&self, flags: &[&str]) -> DeploySettings {
        let image = format!("--image={}", image());
        let base = ["fargate-migrate", "deploy", "--service=web,worker", "--log-drain=1s", &image];
        let migration = &seed::MIGRATE[1..];
        tried(&[&base[..], migration, flags].concat()).expect("settings")
    }

    async fn ready(&self, flags: &[&str]) -> Outcome {
        self.ready_with(self.settings(flags)).await
    }

    /// Plans, and does all that comes before the first UpdateService.
    async fn ready_with(&self, settings: DeploySettings) -> Outcome {
        let operation = Deploy::of(settings);
        let progress = Progress::silent();
        let (_keep, interrupt) = Interrupt::by_hand();
        let recorder = Recorder::new(operation.report(), &progress, None, None);
        let session = Session {
            world: &self.aws,
            progress: &progress,
            interrupt: &interrupt,
            recorder: &recorder,
            github: None,
        };
        let doing = async {
            let plan = operation.plan(&session.on(Some(&self.aws))).boxed_local().await?;
            rows::planned(&plan, session.recorder);
            let ready = operation.ready(&plan, None, &session).boxed_local().await;
            if let Err(error) = &ready {
                rows::not_deployed(session.recorder, &Failure::from_error(error).message);
            }
            ready
        };
        let ready = doing.await;
        let error = ready.as_ref().err().map(Failure::from_error);
        Outcome { ready: ready.ok().flatten(), report: recorder.close(error) }
    }

    pub(in crate::operations::deploy) fn inputs(&self, operation: &str) -> Vec<Value> {
        let calls = self.sandbox.calls().into_iter().filter(|call| call.operation == operation);
        calls.map(|call| call.input).collect()
    }

    /// Revisions of the services' family that were registered by a call.
    pub(in crate::operations::deploy) fn registered(&self) -> Vec<Value> {
        self.inputs("RegisterTaskDefinition").into_iter().filter(|input| input["family"] == "shop").collect()
    }
}

struct Outcome {
    ready: Option<Ready>,
    report: Report,
}

impl Outcome {
    fn ready(&self) -> &Ready {
        self.ready.as_ref().unwrap_or_else(|| panic!("not ready: {:?}", self.report))
    }

    /// The verdicts' sentences.
    fn whys(&self) -> Vec<String> {
        assert!(self.ready.is_none());
        let verdicts = self.report.services.iter().filter_map(|row| row.verdict.as_ref());
        verdicts.map(|verdict| format!("{}: {}", verdict.word(), verdict.explain())).collect()
    }

    fn error(&self) -> &Failure {
        self.report.error.as_ref().expect("an error")
    }
}

#[tokio::test(start_paused = true)]
async fn services_get_the_image_that_has_migrated_all_databases() {
    let world = World::new().await;
    let outcome = world.ready(&["--database=shop_a,shop_b"]).await;
    let Ready { deployable, rollouts } = outcome.ready();
    assert_eq!(deployable.digest(), Some(DIGEST));
    assert_eq!(outcome.report.migrated().count(), 2);
    let registered = world.registered();
    let [document] = &registered[..] else { panic!("once for both: {registered:?}") };
    assert_eq!(document["containerDefinitions"][0]["image"], image());
    assert_eq!(document["containerDefinitions"][0]["environment"][0]["value"], "shop");
    assert_eq!(document["containerDefinitions"][1]["image"], "registry.example/proxy:1");
    for ((_, rollout), name) in rollouts.iter().zip(["web", "worker"]) {
        assert_eq!((rollout.before.name.as_str(), rollout.force), (name, false));
        assert!(rollout.revision.ends_with("task-definition/shop:2"), "{}", rollout.revision);
        assert_eq!(rollout.digests, [("web".to_owned(), DIGEST.to_owned())]);
    }
    let row = &outcome.report.services[1];
    assert_eq!(row.from.as_ref().and_then(|from| from.tag.as_deref()), Some("old"));
    assert_eq!(row.to.as_ref().and_then(|to| to.digest.as_deref()), Some(DIGEST));
    assert!(row.registered && row.diff.contains(DIGEST));
    assert!(world.inputs("UpdateService").is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_proof_of_every_database_nothing_of_a_service_is_touched() {
    let world = World::new().await;
    let outcome = world.ready(&["--database=shop_a,bad_b", "--keep-going"]).await;
    for why in outcome.whys() {
        assert_eq!(why, "not deployed: 1 database is not proved migrated: bad_b");
    }
    assert_eq!(outcome.report.error, None, "the migration's verdicts say it");
    assert_eq!(outcome.report.exit_code(), ExitCode::MigrationFailed);
    assert!(world.registered().is_empty() && world.inputs("UpdateService").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_ecs_refuses_moves_no_service_and_the_rows_say_what_is_left() {
    let world = World::new().await;
    // A family of its own, so that there are two registrations; that of the migration comes first.
    let mut own = json!({"family": "other", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512"});
    own["containerDefinitions"] = json!([{"name": "web", "image": "registry.example/app:old"}]);
    let other = world.sandbox.register_task_definition(&own).expect("registered");
    world.sandbox.set_program("other", |_| Script::new().until_stopped());
    world.update("worker", &other).await;
    world.completed("worker").await;
    let refusal =
        Disturbance::Error { code: "InvalidParameterException".into(), message: "no such role".into() };
    world.sandbox.faults().push(Fault::call("ecs:RegisterTaskDefinition", refusal).after(2));
    let outcome = world.ready(&["--database=shop_a"]).await;
    assert_eq!(world.inputs("RegisterTaskDefinition").len(), 3);
    let whys = outcome.whys();
    assert!(whys[0].ends_with("; shop:2 is registered, and the service was not updated"), "{whys:?}");
    assert!(whys[1].contains("no such role") && !whys[1].contains("is registered"), "{whys:?}");
    assert_ne!(outcome.error().exit_code, ExitCode::BadInput, "the databases are migrated");
    assert_eq!(world.inputs("UpdateService").len(), 1, "that of this test alone");

    // The next run uses what is there.
    let again = world.ready(&["--database=shop_a"]).await;
    assert!(again.ready().rollouts[0].1.revision.ends_with("shop:2"));
    assert_eq!(world.registered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_runs_already_is_only_to_be_proved() {
    let world = World::new().await;
    let first = world.ready(&["--no-migration"]).await;
    assert!(first.report.no_migration && world.inputs("RunTask").is_empty());
    assert_eq!(first.ready().deployable.digest(), Some(DIGEST));
    let revision = first.ready().rollouts[0].1.revision.clone();
    for service in ["web", "worker"] {
        world.update(service, &revision).await;
        world.completed(service).await;
    }
    let second = world.ready(&["--no-migration"]).await;
    for (_, rollout) in &second.ready().rollouts {
        assert_eq!((rollout.force, &rollout.revision), (false, &revision));
        assert_eq!(rollout.before.task_definition.as_ref(), Some(&revision));
    }
    assert_eq!(world.registered().len(), 1);
    assert!(second.report.services.iter().all(|row| !row.registered && row.diff.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_under_way_is_refused_before_anything_is_changed_or_waited_for() {
    let world = World::new().await;
    let newer = world.register("newer");
    world.update("web", &newer).await;
    let refused = world.ready(&["--database=shop_a"]).await;
    assert_eq!(refused.error().exit_code, ExitCode::BadInput);
    assert!(refused.error().message.contains("of service web is under way"), "{:?}", refused.error());
    assert!(world.inputs("RunTask").is_empty() && world.inputs("RegisterTaskDefinition").is_empty());

    let began = tokio::time::Instant::now();
    let waited = world.ready(&["--no-migration", "--on-deploying=wait"]).await;
    assert_eq!(waited.ready().rollouts[0].1.before.deployments.len(), 1);
    assert!(began.elapsed() > Duration::from_secs(20), "{:?}", began.elapsed());

    world.update("web", &world.register("newest")).await;
    let at_once = world.ready(&["--no-migration", "--on-deploying=supersede"]).await;
    assert_eq!(at_once.ready().rollouts[0].1.before.deployments.len(), 2);

    // One that is what is wanted is in nobody's way: it is followed.
    let ours = at_once.ready().rollouts[0].1.revision.clone();
    world.update("web", &ours).await;
    let followed = world.ready(&["--no-migration"]).await;
    assert_eq!(
        (&followed.ready().rollouts[0].1.revision, followed.ready().rollouts[0].1.force),
        (&ours, false)
    );
    assert!(followed.report.notes.iter().any(|note| note.contains("it is followed")));
    let forced = world.ready(&["--no-migration", "--on-deploying=supersede"]).await;
    assert!(forced.ready().rollouts[0].1.force);

    world.update("web", &world.register("and newer")).await;
    let late = world.ready(&["--no-migration", "--on-deploying=wait", "--deploy-timeout=1s"]).await;
    let whys = late.whys();
    assert!(
        whys[0].contains("was still under way after") && whys[0].contains("--deploy-timeout"),
        "{whys:?}"
    );
    assert!(whys[1].contains("service web cannot be updated, so none is"), "{whys:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_service_is_not_fit_for_is_refused_before_any_migration() {
    let world = World::new().await;
    for (flags, said) in [
        (&["--database=a", "--service=nobody"][..], "service nobody does not exist"),
        (&["--database=a", "--service-container=nginx"], "no service has a container nginx"),
    ] {
        let outcome = world.ready(flags).await;
        assert!(outcome.error().message.contains(said), "{:?}", outcome.error());
        assert_eq!(outcome.error().exit_code, ExitCode::BadInput);
    }
    assert!(world.inputs("RunTask").is_empty() && world.inputs("RegisterTaskDefinition").is_empty());
}

#[tokio::test(start_paused = true)]
async fn whether_something_is_under_way_is_seen_in_the_service_alone_where_no_more_may_be_read() {
    let world = World::new().await;
    let denied = Fault::call("ecs:ListServiceDeployments", Disturbance::AccessDenied).always();
    world.sandbox.faults().push(denied);
    let outcome = world.ready(&["--no-migration"]).await;
    assert_eq!(outcome.ready().rollouts.len(), 2);
    assert!(outcome.report.notes.iter().any(|note| note.contains("was seen in DescribeServices alone")));
    world.update("web", &world.register("newer")).await;
    assert_eq!(world.ready(&["--no-migration"]).await.error().exit_code, ExitCode::BadInput);
}

#[tokio::test(start_paused = true)]
async fn the_post_stage_takes_back_what_is_under_way_where_it_is_told_to() {
    let world = World::new().await;
    let outcome = world.ready(&["--no-migration", "--on-cancel=rollback"]).await;
    let Ready { rollouts, .. } = outcome.ready();
    let settings = world.settings(&["--no-migration", "--on-cancel=rollback"]);
    assert_eq!(settings.on_cancel, OnCancel::Rollback);
    let state = post::ServicesState::new(&settings, rollouts, "us-east-1");
    world.update("web", &rollouts[0].1.revision).await;
    let said = post::taken_back(&state, &world.aws, STAGE).await;
    assert_eq!(said[0], ("web".to_owned(), "ECS was told to go back to what ran before".to_owned()));
    assert_eq!(said[1], ("worker".to_owned(), "no deployment of the new revision was seen".to_owned()));
    assert_eq!(world.inputs("StopServiceDeployment").len(), 1);
    // A second time, it goes back already, or is there.
    let again = post::taken_back(&state, &world.aws, STAGE).await;
    assert!(!again[0].1.contains("not taken back"), "{again:?}");
    assert_eq!(world.inputs("StopServiceDeployment").len(), 1);
    world.completed("web").await;
    let web = world.service("web").await;
    assert!(web.task_definition.is_some_and(|arn| arn.ends_with("shop:1")));
}

/// Each of the others would be looked for until a deployment may be listed.
#[tokio::test(start_paused = true)]
async fn the_post_stage_waits_once_for_all_services_that_were_not_begun() {
    let (world, state) = many(15).await;
    let before = tokio::time::Instant::now();
    let said = post::taken_back(&state, &world.aws, STAGE).await;
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
    assert_eq!(said.len(), 17);
    for (name, fate) in &said {
        let expected = match name.as_str() {
            "web" => "ECS was told to go back to what ran before",
            _ => "no deployment of the new revision was seen",
        };
        assert_eq!(fate, expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_post_stage_has_taken_back_is_kept_when_its_time_is_over() {
    let (world, state) = many(15).await;
    let said = post::taken_back(&state, &world.aws, Duration::from_secs(6)).await;
    assert_eq!(said[0].1, "ECS was told to go back to what ran before");
    assert!(
        said[1..].iter().all(|(_, fate)| fate == "not taken back: AWS did not answer in time"),
        "{said:?}"
    );
}

/// `web` is being deployed, `worker` and as many others as that are not: the run was cut off before.
async fn many(others: usize) -> (World, post::ServicesState) {
    let world = World::new().await;
    let outcome = world.ready(&["--no-migration", "--on-cancel=rollback"]).await;
    let Ready { rollouts, .. } = outcome.ready();
    let settings = world.settings(&["--no-migration", "--on-cancel=rollback"]);
    world.update("web", &rollouts[0].1.revision).await;
    let state = post::ServicesState::new(&settings, rollouts, "us-east-1");
    let mut state = serde_json::to_value(state).expect("JSON");
    let services = state["services"].as_array_mut().expect("services");
    services.extend(vec![services[1].clone(); others]);
    let state = serde_json::from_value(state).expect("a state");
    (world, state)
}

#[test]
fn nothing_of_a_deploy_is_planned_without_aws() {
    let directory = Path::new("/nowhere").join("task.json");
    let file = format!("--task-definition={}", directory.display());
    let settings = tried(&[
        "fargate-migrate",
        "deploy",
        "--cluster=c",
        "--service=web",
        "--database=shop",
        "--subnets=subnet-1",
        &file,
    ]);
    let operation = Deploy::of(settings.expect("settings"));
    assert!(!operation.plans_without_aws());
    let progress = Progress::silent();
    let (_keep, interrupt) = Interrupt::by_hand();
    let recorder = Recorder::new(operation.report(), &progress, None, None);
    let session = Session {
        world: None::<&Aws>,
        progress: &progress,
        interrupt: &interrupt,
        recorder: &recorder,
        github: None,
    };
    let error = operation.plan(&session).boxed_local().now_or_never().expect("at once").expect_err("refused");
    assert!(Failure::from_error(&error).message.contains("cannot be planned without AWS"));
}
