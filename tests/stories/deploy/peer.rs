//! Situations that another deploy action tests, where no other story has them (docs/fidelity.md, Situations of AWS's deploy action).

use std::time::{Duration, Instant};

use sandbox::seed;
use serde_json::{Value, json};

use super::shop::{BROKEN, FAMILY, NEW, OLD, Shop, breaker, is};
use crate::support::HEALTH;

/// What of a service only its owner changes.
async fn settings(shop: &Shop) -> String {
    let service = shop.service("web").await;
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {}",
        service.network_configuration(),
        service.platform_version(),
        service.propagate_tags(),
        service.deployment_configuration(),
        service.launch_type(),
        service.load_balancers(),
        service.desired_count()
    )
}

/// Tags that are propagated, and everything else that UpdateService may set, stay as the service has them.
#[tokio::test]
async fn what_is_not_sent_stays_as_the_service_has_it() {
    for more in [
        json!({"propagateTags": "SERVICE", "tags": [{"key": "team", "value": "shop"}], "enableECSManagedTags": true}),
        json!({"platformVersion": "1.4.0", "desiredCount": 3}),
    ] {
        let shop = Shop::with(more).await;
        let before = settings(&shop).await;
        is(&shop.alone(NEW, &["--format=json"]).finish().await, "deployed", 0);
        assert_eq!(settings(&shop).await, before);
        assert_eq!(
            shop.world.inputs("UpdateService"),
            [shop.update("web", 2)],
            "no tags, no volumes, no count"
        );
    }
}

/// Their minutes are our duration; with a limit or without, nobody waits longer than the deployment takes.
#[tokio::test]
async fn a_deadline_far_away_makes_nothing_slower() {
    for timeout in ["8m", "6h"] {
        let shop = Shop::new().await;
        let began = Instant::now();
        let run = shop.alone(NEW, &["--format=json", &format!("--deploy-timeout={timeout}")]).finish().await;
        is(&run, "deployed", 0);
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn no_service_and_no_cluster_is_a_mistake_and_not_a_default() {
    let shop = Shop::new().await;
    let image = ["--image", NEW, "--no-migration"];
    let run =
        shop.world.command(&[&["deploy", "--cluster", seed::CLUSTER][..], &image].concat()).finish().await;
    run.exits(2).says("--service");
    let run = shop.world.command(&[&["deploy", "--service=web"][..], &image].concat()).finish().await;
    run.exits(2).says("--cluster");
    shop.changed(0, 0, 0);
}

#[tokio::test]
async fn a_registration_that_fails_leaves_the_service_as_it_is() {
    let shop = Shop::new().await;
    let refused =
        sandbox::Disturbance::Error { code: "ClientException".into(), message: "Invalid cpu".into() };
    shop.world.sandbox.faults().push(sandbox::Fault::call("ecs:RegisterTaskDefinition", refused));
    let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
    is(&run, "not deployed", 3);
    run.says("Invalid cpu");
    assert_eq!(shop.world.called("UpdateService"), 0);
}

/// The same revision again is not a deployment, and nobody has to ask for one: what has failed is forced anew.
#[tokio::test]
async fn a_new_deployment_is_forced_where_ecs_would_start_none_and_nowhere_else() {
    let shop = Shop::with(breaker(false)).await;
    is(&shop.alone(BROKEN, &["--format=json"]).finish().await, "failed without rollback", 1);
    shop.world.sandbox.set_program(FAMILY, |_| sandbox::Script::new().until_stopped());
    is(&shop.alone(BROKEN, &["--format=json"]).finish().await, "deployed", 0);
    shop.steady("web").await;
    is(&shop.alone(BROKEN, &["--format=json"]).finish().await, "unchanged", 0);
    let forced: Vec<Value> =
        shop.world.inputs("UpdateService").iter().map(|sent| sent["forceNewDeployment"].clone()).collect();
    assert_eq!(forced, [Value::Null, json!(true)]);
}

/// Two revisions that say the same: what runs is used, and no third is made.
#[tokio::test]
async fn the_same_image_again_registers_nothing() {
    let shop = Shop::new().await;
    let before = shop.world.sandbox.task_definitions().len();
    let run = shop.alone(OLD, &["--format=json"]).finish().await;
    is(&run, "unchanged", 0);
    assert_eq!(shop.world.sandbox.task_definitions().len(), before);
    shop.changed(0, 0, 0);
}

/// A migration with the image and a service of another image do not meet: the image that has migrated is deployed.
#[tokio::test]
async fn the_image_that_has_migrated_is_the_one_that_is_deployed() {
    let shop = Shop::new().await;
    let run = shop.deploy(&["--database", HEALTH, "--format=json"]).finish().await;
    is(&run, "deployed", 0);
    let images: Vec<Value> = shop
        .world
        .inputs("RegisterTaskDefinition")
        .iter()
        .map(|document| document["containerDefinitions"][0]["image"].clone())
        .collect();
    assert_eq!(images, [NEW, NEW], "the migration's revision and the service's");
    let calls = shop.world.operations();
    let migrated = calls.iter().rposition(|call| call == "RunTask");
    assert!(migrated < calls.iter().position(|call| call == "UpdateService"));
}
