//! What is done: deployed, unchanged, and with no tasks wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sandbox::{Options, Script, seed};
use serde_json::json;

use super::shop::{BROKEN, NEW, OLD, Shop, breaker, is, row, serves};
use crate::support::{HEALTH, PROD, World, database, migrates};

#[tokio::test]
async fn a_commit_replaces_the_one_before_in_the_shops_own_service() {
    let world = World::new().await;
    world.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
    let commits = ["0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "f00dfeedf00dfeedf00dfeedf00dfeedf00dfeed"];
    let [old, new] = commits.map(|commit| seed::push_image(&world.sandbox, commit).expect("pushed"));
    seed::create_service(&world.sandbox, &old).expect("a service");
    let service = format!("--service={}", seed::SERVICE);
    let flags = ["--image", &new, &service, "--on-deploying=wait", "--log-drain=1s"];
    let run = world.command(&[&["deploy"], &seed::MIGRATE[1..], &flags, &["--database", HEALTH]].concat());
    let run = run.in_actions().finish().await;
    run.exits(0)
        .says("startupwebapp-web:3 in 2 running tasks, each with the image's digest")
        .sums_up("1 of 1 database proved migrated, 1 of 1 service deployed")
        .sums_up("deployed")
        .sums_up(&new[new.len() - 64..][..12]);
    assert_eq!(run.outputs["service"], seed::SERVICE);
    assert_eq!(run.outputs["deployed"], seed::SERVICE);
    assert_eq!((run.outputs["exit-code"].as_str(), run.outputs["rolled-back-to"].as_str()), ("0", ""));
    assert_eq!(run.outputs["migrated"], HEALTH);
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-web:3";
    let sent = json!({"cluster": seed::CLUSTER, "service": seed::SERVICE, "taskDefinition": revision});
    assert_eq!(world.inputs("UpdateService"), [sent], "exactly these keys");
    let registered = world.inputs("RegisterTaskDefinition").pop().expect("one");
    let container = &registered["containerDefinitions"][0];
    assert_eq!((&registered["family"], &container["image"]), (&json!(seed::SERVICE_FAMILY), &json!(new)));
    assert_eq!(container["command"], json!(["app", "serve"]), "nothing of the migration is in it");
    assert_eq!(world.called("DeregisterTaskDefinition"), 0);
}

#[tokio::test]
async fn what_ecs_says_is_told_to_programs_and_seen_within_seconds() {
    let shop = Shop::new().await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!((&web["done"], &web["proved_tasks"]), (&json!(true), &json!(2)));
    assert_eq!(web["evidence"], "service deployment");
    assert_eq!(web["from"]["image"], OLD);
    assert_eq!(web["to"]["task_definition"], shop.revision(2));
    assert_eq!(web["to"]["image"], NEW);
    assert!(web["deployment"].as_str().is_some_and(|arn| arn.contains(":service-deployment/")), "{web:#}");
    // A waiter that grows its pauses looks 15 s after the update for the first time.
    let late = web["durations"]["seen_after_ms"].as_i64().expect("a time");
    assert!((0..5_000).contains(&late), "seen after {late} ms");
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2)]);
    shop.changed(0, 1, 1);
    let result = run.result();
    assert_eq!(result["exit_code"], 0, "{result:#}");
}

#[tokio::test]
async fn what_runs_already_is_proved_and_nothing_is_called() {
    let shop = Shop::closed(Options::default()).await;
    let running = shop.register(super::shop::FAMILY, NEW);
    shop.create("web", json!({"taskDefinition": running}));
    shop.steady("web").await;
    let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "unchanged", 0);
    assert_eq!(
        (&web["done"], &web["proved_tasks"], &web["registered"]),
        (&json!(true), &json!(2), &json!(false))
    );
    run.sums_up("unchanged");
    assert_eq!(run.outputs["deployed"], "web");
    shop.changed(0, 0, 0);
}

/// The revision is on the service and has failed: that it is there says nothing, and without force ECS starts nothing.
#[tokio::test]
async fn a_revision_that_is_there_and_has_failed_is_not_taken_for_deployed() {
    let shop = Shop::with(breaker(false)).await;
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = is_mended.clone();
    shop.world.sandbox.set_program(super::shop::FAMILY, move |context| {
        match mended.load(Ordering::Relaxed) {
            true => Script::new().until_stopped(),
            false => serves(context),
        }
    });
    let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
    is(&run, "failed without rollback", 1);
    // Still broken: the same again is not "unchanged".
    let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
    let word = row(&run, "web")["verdict"].clone();
    assert!(run.code == 1 && word != "unchanged", "{word}: {run:#?}");
    is_mended.store(true, Ordering::Relaxed);
    let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
    is(&run, "deployed", 0);
    let mut forced = shop.update("web", 2);
    forced["forceNewDeployment"] = true.into();
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2), forced.clone(), forced]);
    shop.changed(0, 1, 3);
}

#[tokio::test]
async fn no_tasks_wanted_proves_that_none_starts() {
    let shop = Shop::with(json!({"desiredCount": 0})).await;
    let run = shop.alone(BROKEN, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "deployed with no tasks wanted", 0);
    assert_eq!(web["proved_tasks"], json!(null));
    run.says("wants no tasks: nothing will prove that one starts")
        .sums_up("nothing proves that a task of the image starts")
        .sums_up("0 of 1 service deployed");
    assert!(!run.summary.contains("1 of 1 service deployed"));
    shop.changed(0, 1, 1);
}

/// Autoscaling moves the count during the deployment: its status decides, and nobody sends a count.
#[tokio::test]
async fn autoscaling_beside_a_deployment_changes_nothing_for_it() {
    let pace = sandbox::Pace::Realistic { scale: 40.0 };
    let shop = Shop::at(Options { pace, ..Options::default() }, json!({})).await;
    let run = shop.alone(NEW, &["--format=json"]).spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    shop.somebody_wants("web", 4).await;
    let run = run.finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!(web["stage"]["wanted"], 4, "{web:#}");
    assert_eq!(shop.service("web").await.desired_count(), 4);
    assert_eq!(shop.world.inputs("UpdateService")[0], shop.update("web", 2), "no count is in it");
}

/// The bake time of an alarm: the service is stable, and the deployment is not over.
#[tokio::test]
async fn a_deployment_that_bakes_is_not_deployed_yet() {
    let alarms = json!({"deploymentConfiguration": {
        "bakeTimeInMinutes": 40, "alarms": {"alarmNames": ["5xx"], "enable": true, "rollback": true},
    }});
    let shop = Shop::with(alarms).await;
    let run = shop.alone(NEW, &["--format=json", "--deploy-timeout=4s"]).finish().await;
    let web = is(&run, "timed out", 4);
    assert_eq!((&web["stage"]["running"], &web["stage"]["wanted"]), (&json!(2), &json!(2)), "all of it runs");
    assert_eq!(web["stage"]["status"], "IN_PROGRESS");
    let service = shop.service("web").await;
    assert_eq!(service.running_count(), 2, "stable for a waiter that counts");
}

#[tokio::test]
async fn a_stage_that_fails_keeps_the_service_as_it_is() {
    let shop = Shop::new().await;
    let world = &shop.world;
    let config = world.directory.path().join("rollout.yml");
    let stages = "rollout:\n- databases: [healthtech_experiment]\n- databases: ['*']\n";
    std::fs::write(&config, stages).expect("write it");
    let config = format!("--config={}", config.display());
    let both = [config.as_str(), "--service=web", "--database", HEALTH, "--database", PROD];
    world.program(|context| match database(context) {
        name if name == HEALTH => Script::new().line("no").exit(1),
        name => migrates(name),
    });
    let failed = shop.deploy(&both).finish().await;
    failed.exits(1).says("of stage healthtech_experiment was not migrated");
    assert_eq!((world.called("RunTask"), world.called("UpdateService")), (1, 0));
    world.program(|context| migrates(database(context)));
    let delivered = shop.deploy(&both).finish().await;
    delivered.exits(0).says("stage * (2 of 2): 1 database");
    assert_eq!(world.called("UpdateService"), 1);
}
