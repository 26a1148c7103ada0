//! Whole deploys on a simulated account and a paused clock.

use std::time::Duration;

use futures::FutureExt as _;
use sandbox::{Disturbance, Fault, Script, TaskFault, seed};
use serde_json::json;

use super::Deploy;
use super::ready::tests::World;
use crate::adapters::Aws;
use crate::failure::ExitCode;
use crate::interrupt::Interrupt;
use crate::operations::{Operation as _, Surroundings, done};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::{Report, Stage};
use crate::session::Session;
use crate::settings::DeploySettings;
use crate::settings::deploy_samples::tried;

impl World {
    /// `fargate-migrate deploy` to its end.
    async fn deploy(&self, flags: &[&str]) -> Report {
        self.run(self.settings(flags)).await
    }

    /// The same of an image of the seed's own service.
    async fn deploy_shop(&self, image: &str) -> Report {
        let image = format!("--image={image}");
        let service = format!("--service={}", seed::SERVICE);
        let base = ["fargate-migrate", "deploy", "--no-migration", &service, &image];
        self.run(tried(&[&base[..], &seed::MIGRATE[1..]].concat()).expect("settings")).await
    }

    async fn run(&self, settings: DeploySettings) -> Report {
        let (_keep, interrupt) = Interrupt::by_hand();
        self.run_until(settings, &interrupt).await
    }

    async fn run_until(&self, settings: DeploySettings, interrupt: &Interrupt) -> Report {
        let progress = Progress::silent();
        let surroundings = Surroundings { progress: &progress, interrupt, github: None };
        let config = self.sandbox.sdk_config();
        let connect = async move { Ok(Aws::from_config(config, Duration::from_secs(60), 1.0)) };
        done(&Deploy::of(settings), connect, &surroundings).boxed_local().await
    }
}

fn words(report: &Report) -> Vec<&'static str> {
    report.services.iter().filter_map(|row| Some(row.verdict.as_ref()?.word())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_commit_goes_to_migrated_databases_and_then_to_the_services() {
    let world = World::new().await;
    let report = world.deploy(&["--database=shop_a,shop_b"]).await;
    assert_eq!(words(&report), ["deployed", "deployed"], "{report:?}");
    assert_eq!(report.migrated().count(), 2);
    let revision = report.services[0].to.as_ref().expect("a revision").task_definition.clone();
    let updates = world.inputs("UpdateService");
    let input = |service| json!({"cluster": seed::CLUSTER, "service": service, "taskDefinition": revision});
    assert_eq!(updates, [input("web"), input("worker")], "exactly these keys, once for each");
    let calls: Vec<String> = world.sandbox.calls().into_iter().map(|call| call.operation).collect();
    let last = |name: &str| calls.iter().rposition(|call| call == name).expect(name);
    let first = |name: &str| calls.iter().position(|call| call == name).expect(name);
    assert!(last("RunTask") < first("UpdateService"));
    assert!(last("RegisterTaskDefinition") < first("UpdateService"));

    // The same again: nothing is registered, and no service is updated.
    for service in ["web", "worker"] {
        world.completed(service).await;
    }
    let again = world.deploy(&["--database=shop_a,shop_b"]).await;
    assert_eq!(words(&again), ["unchanged", "unchanged"], "{again:?}");
    assert_eq!(world.inputs("UpdateService").len(), 2);
    assert_eq!(world.registered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_not_proved_keeps_every_service_as_it_is() {
    let world = World::new().await;
    let report = world.deploy(&["--database=shop_a,bad_b"]).await;
    assert_eq!(words(&report), ["not deployed", "not deployed"]);
    assert_eq!(report.exit_code(), ExitCode::MigrationFailed);
    assert!(world.inputs("UpdateService").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_plan_changes_nothing_and_every_row_says_why() {
    let world = World::new().await;
    let report = world.deploy(&["--database=shop_a", "--service-container=nginx"]).await;
    assert_eq!(words(&report), ["not deployed", "not deployed"]);
    assert_eq!(report.exit_code(), ExitCode::BadInput);
    assert!(world.inputs("RunTask").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_while_it_deploys_is_followed_by_the_next() {
    let world = World::new().await;
    let first = tokio::time::timeout(Duration::from_secs(20), world.deploy(&["--no-migration"]));
    assert!(first.await.is_err(), "killed");
    assert_eq!(world.inputs("UpdateService").len(), 2);
    let report = world.deploy(&["--no-migration"]).await;
    assert!(
        report.services.iter().all(|row| row.verdict.as_ref().is_some_and(|one| one.proof().is_some())),
        "{report:?}"
    );
    assert_eq!(world.inputs("UpdateService").len(), 2, "it was followed");
    assert_eq!(world.registered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_start_is_taken_back_by_ecs_and_seen() {
    let world = World::new().await;
    world.sandbox.set_program("shop", |context| match context.image.contains("sha256:1111") {
        true => Script::new().work(Duration::from_secs(1)).exit(1),
        false => Script::new().until_stopped(),
    });
    let report = world.deploy(&["--no-migration"]).await;
    assert_eq!(words(&report), ["rolled back", "rolled back"], "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_update_service_that_is_lost_is_looked_for() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::DropAfter));
    let report = world.deploy(&["--no-migration"]).await;
    assert_eq!(words(&report), ["deployed", "deployed"], "{report:?}");
    assert_eq!(world.inputs("UpdateService").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_image_for_two_platforms_is_proved_by_the_index_or_by_its_image_for_the_platform() {
    let digest = |reference: &str| reference.split_once('@').expect("a digest").1.to_owned();
    for (shown, word) in [(None, "deployed"), (Some(0), "deployed"), (Some(1), "unproved")] {
        let world = World::new().await;
        world.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
        // In-process, the registry has no address.
        let in_ecr = |reference: String| {
            format!(
                "{}/{}@{}",
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                seed::REPOSITORY,
                digest(&reference)
            )
        };
        let push = |tag: &str| in_ecr(seed::push_image(&world.sandbox, tag).expect("an image"));
        let older = "f".repeat(40);
        seed::create_service(&world.sandbox, &push(&older)).expect("the service");
        world.completed(seed::SERVICE).await;
        let images = [push("amd64"), push("arm64")];
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let index = seed::push_index(&world.sandbox, commit, &images[0], &images[1]);
        let index = in_ecr(index.expect("an index"));
        if let Some(shown) = shown {
            let (named, shown) = (digest(&index), digest(&images[shown]));
            world.sandbox.faults().push(Fault::task(TaskFault::ImageShownAs { named, shown }).always());
        }
        let report = world.deploy_shop(&index).await;
        assert_eq!(words(&report), [word], "{shown:?}: {report:?}");
        let row = &report.services[0];
        let tags = [&row.from, &row.to].map(|side| side.as_ref().and_then(|side| side.tag.clone()));
        assert_eq!(tags, [Some(older), Some(commit.to_owned())]);
        assert!(row.url.as_ref().is_some_and(|url| url.contains("/services/startupwebapp-web/")), "{row:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_ecs_refuses_is_never_success() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::AccessDenied).always());
    let report = world.deploy(&["--no-migration"]).await;
    assert_eq!(words(&report), ["not deployed", "not deployed"], "{report:?}");
    assert_eq!((report.exit_code(), report.error.as_ref()), (ExitCode::Service, None));
    assert_eq!(world.inputs("UpdateService").len(), 1, "after a refusal none is begun");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_nobody_may_look_at_prove_nothing_and_are_no_failure_of_theirs() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:ListTasks", Disturbance::AccessDenied).always());
    let report = world.deploy(&["--no-migration"]).await;
    assert_eq!(words(&report), ["unproved", "unproved"], "{report:?}");
    assert_eq!(report.exit_code(), ExitCode::Service);
}

#[tokio::test(start_paused = true)]
async fn a_row_says_what_its_service_waits_for() {
    let world = World::new().await;
    let operation = Deploy::of(world.settings(&["--no-migration", "--on-deploying=wait"]));
    world.begin_another("web").await;
    let progress = Progress::silent();
    let (_keep, interrupt) = Interrupt::by_hand();
    let recorder = Recorder::new(operation.report(), &progress, None, None);
    let aws = Aws::from_config(world.sandbox.sdk_config(), Duration::from_secs(60), 1.0);
    let session = Session {
        world: &aws,
        progress: &progress,
        interrupt: &interrupt,
        recorder: &recorder,
        github: None,
    };
    let deploying = async {
        let plan = operation.plan(&session.on(Some(&aws))).boxed_local().await.expect("a plan");
        operation.apply(&plan, &session).boxed_local().await.expect("applied");
    };
    let waits = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let stages: Vec<Option<Stage>> =
                recorder.update(|report| report.services.iter().map(|row| row.stage.clone()).collect());
            if let [Some(web), worker] = &stages[..] {
                break (web.waits_for.clone().unwrap_or_default(), worker.is_none());
            }
        }
    };
    let ((), (said, is_alone)) = tokio::join!(deploying, waits);
    assert!(said.starts_with("deployment ") && said.ends_with("(--on-deploying wait)"), "{said}");
    assert!(is_alone, "nothing is in the way of the other");
    assert_eq!(words(&recorder.close(None)), ["deployed", "deployed"]);
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_an_interrupt_cuts_off_may_have_left_a_revision() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:RegisterTaskDefinition", Disturbance::Hang));
    let (set, interrupt) = Interrupt::by_hand();
    let interrupting = async {
        while world.inputs("RegisterTaskDefinition").is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        set.send_replace(true);
    };
    let deploying = world.run_until(world.settings(&["--no-migration"]), &interrupt);
    let (report, ()) = tokio::join!(deploying, interrupting);
    assert_eq!((words(&report), report.exit_code()), (vec!["not deployed"; 2], ExitCode::Cancelled));
    let said = report.notes.join("\n");
    assert!(said.contains("a new revision of shop may be there, and nothing uses it"), "{said}");
    assert!(world.inputs("UpdateService").is_empty());
}
