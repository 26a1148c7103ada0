//! What is refused with exit code 2, before anything is changed.

use sandbox::registry::ImageKey;
use sandbox::{Options, Pace, seed};
use serde_json::{Value, json};

use super::shop::{FAMILY, NEW, OLD, Shop, execution_role, is, row};
use crate::support::HEALTH;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// With a migration that would run before it: none does.
async fn is_refused(shop: &Shop, flags: &[&str], said: &str) -> Value {
    let run =
        shop.deploy(&[&["--database", HEALTH, "--format=json"], flags].concat()).in_actions().finish().await;
    run.exits(2).says(said);
    assert_eq!((run.outputs["exit-code"].as_str(), run.outputs["deployed"].as_str()), ("2", ""));
    assert!(run.summary.to_lowercase().contains("no service was deployed"), "{}", run.summary);
    for changes in ["RunTask", "UpdateService", "StopServiceDeployment", "DeregisterTaskDefinition"] {
        assert_eq!(shop.world.called(changes), 0, "{changes}");
    }
    assert_eq!(shop.world.called("RegisterTaskDefinition"), 0);
    row(&run, "web")
}

#[tokio::test]
async fn a_service_of_another_controller() {
    for (controller, hint) in [
        ("CODE_DEPLOY", "create its deployments with AWS CodeDeploy"),
        ("EXTERNAL", "this program needs the controller ECS"),
    ] {
        let shop = Shop::closed(Options::default()).await;
        let mut service = shop.creation("web", json!({"deploymentController": {"type": controller}}));
        if controller == "EXTERNAL" {
            for member in ["taskDefinition", "launchType", "networkConfiguration"] {
                service.as_object_mut().expect("an object").remove(member);
            }
        }
        service.as_object_mut().expect("an object").remove("deploymentConfiguration");
        let created = shop.world.sandbox.create_service(&service);
        created.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message));
        let web =
            is_refused(&shop, &[], &format!("service web has the deployment controller {controller}")).await;
        assert_eq!(web["verdict"], "not deployed");
        is_refused(&shop, &[], hint).await;
    }
}

#[tokio::test]
async fn an_express_mode_service() {
    let shop = Shop::closed(Options::default()).await;
    let input = shop.creation("web", json!({}));
    let created = shop.world.sandbox.create_express_service(&input);
    created.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message));
    is_refused(&shop, &[], "service web is an Express Mode service, which ECS manages").await;
}

#[tokio::test]
async fn a_service_that_is_deleted_or_was_never_there() {
    let shop = Shop::closed(Options::default()).await;
    shop.create("web", json!({}));
    shop.steady("web").await;
    shop.somebody_deletes("web").await;
    // DRAINING or INACTIVE already, whichever the run meets.
    is_refused(&shop, &[], "not ACTIVE").await;
    shop.until("web", "INACTIVE", |service| service.status() == Some("INACTIVE")).await;
    is_refused(&shop, &[], "service web is INACTIVE, not ACTIVE").await;

    let shop = Shop::closed(Options::default()).await;
    is_refused(&shop, &[], "service web does not exist in cluster startupwebapp-cluster").await;
}

#[tokio::test]
async fn counts_with_which_no_deployment_moves() {
    let shop =
        Shop::with(json!({"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}))
            .await;
    is_refused(&shop, &[], "ECS may neither start a task nor stop one").await;
}

#[tokio::test]
async fn an_image_for_another_platform() {
    let shop = Shop::closed(Options::default()).await;
    let image =
        seed::push_image(&shop.world.sandbox, "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567").expect("pushed");
    let (repository, digest) = image.split_once('@').expect("a digest");
    // One of several platforms says which.
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 400,
        "platform": {"os": "linux", "architecture": "amd64"},
    }]});
    let key = ImageKey::tag("two").expect("a tag");
    let registry = shop.world.sandbox.registry();
    let put = registry.put_image(seed::REPOSITORY, Some(&key), Some(INDEX), index.to_string().as_bytes());
    let image = format!("{repository}@{}", put.expect("an index").digest);
    let container = json!({"name": "web", "image": format!("{repository}:old")});
    let arm = shop.register_document(&json!({
        "family": FAMILY, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": execution_role(),
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [container],
    }));
    shop.create("web", json!({"taskDefinition": arm, "desiredCount": 0}));
    shop.steady("web").await;
    let run = shop.alone(&image, &["--format=json"]).finish().await;
    is(&run, "not deployed", 2);
    run.says("is for linux/amd64, and the task definition runs on linux/arm64");
    shop.changed(0, 0, 0);
}

#[tokio::test]
async fn a_deployment_that_is_under_way() {
    let slow = Options { pace: Pace::Realistic { scale: 20.0 }, ..Options::default() };
    let shop = Shop::at(slow, json!({})).await;
    let other = shop.register(FAMILY, OLD);
    shop.somebody_deploys("web", &other).await;
    let run = shop.deploy(&["--database", HEALTH]).finish().await;
    run.exits(2)
        // PENDING or IN_PROGRESS, as the machine is fast.
        .says(") of shop:2 of service web is under way")
        .says("--on-deploying wait")
        .says("--on-deploying supersede");
    shop.changed(0, 0, 1);
    // Asked to, the run lets it end, and only then is the service updated.
    let run = shop.alone(NEW, &["--on-deploying=wait", "--format=json"]).finish().await;
    is(&run, "deployed", 0);
    run.says("its end is waited for before the service is updated");
    assert_eq!(shop.statuses("web").await, ["SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"]);
    assert_eq!(shop.world.inputs("UpdateService").pop(), Some(shop.update("web", 3)));
}

#[tokio::test]
async fn flags_that_contradict_each_other_and_containers_that_nobody_has() {
    let shop = Shop::new().await;
    let run = shop.deploy(&["--database", HEALTH, "--no-migration"]).finish().await;
    run.exits(2).says("--database cannot be used with --no-migration");
    is_refused(&shop, &["--service-container=nginx"], "no service has a container nginx").await;
    for (flag, said) in
        [("--health-expect=abc", "--health-url"), ("--deploy-timeout=never", "--deploy-timeout")]
    {
        shop.alone(NEW, &[flag]).finish().await.exits(2).says(said);
    }
    let elsewhere = shop.register(FAMILY, "registry.example/other:1");
    shop.create("other", json!({"taskDefinition": elsewhere}));
    shop.steady("other").await;
    let run = shop.alone(NEW, &["--service=web,other"]).finish().await;
    // The containers that there are, with their repositories.
    run.exits(2).says("service other").says("registry.example/other");
    shop.changed(0, 0, 0);
}
