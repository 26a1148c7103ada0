//! `--plan`, and what it says that is to be known before.

use sandbox::{Options, Script, seed};
use serde_json::{Value, json};

use super::shop::{FAMILY, NEW, OLD, Shop, execution_role, is, row};
use crate::support::{HEALTH, database, migrates};

#[tokio::test]
async fn a_plan_shows_the_difference_and_the_call_in_every_format_and_changes_nothing() {
    let shop = Shop::new().await;
    let plan = shop.deploy(&["--plan", "--database", HEALTH, "--format=json"]).finish().await;
    plan.exits(0);
    let plan = plan.result();
    let web = &plan["services"][0];
    assert_eq!(web["service"], "web", "{plan:#}");
    let shown = web.to_string();
    assert!(
        shown.contains(&format!("+ image = {NEW}")) && shown.contains(&format!("- image = {OLD}")),
        "{web:#}"
    );
    assert!(!plan.to_string().contains("hunter2"));
    let call = &web["update_service"];
    let keys: Vec<&str> =
        call.as_object().map(|call| call.keys().map(String::as_str).collect()).unwrap_or_default();
    assert_eq!(keys, ["cluster", "service", "taskDefinition"], "{web:#}");

    let plan =
        shop.deploy(&["--plan", "--database", HEALTH, "--format=markdown"]).in_actions().finish().await;
    plan.exits(0).says("```diff").says(&format!("+ image = {NEW}")).sums_up("```diff").never_says("hunter2");
    assert!(plan.summary.contains("scheduled tasks"), "{}", plan.summary);
    shop.changed(0, 0, 0);
    assert_eq!(shop.statuses("web").await.len(), 1);
}

/// Terraform has registered a revision that the service does not run yet.
#[tokio::test]
async fn a_newer_revision_is_drift_which_is_said_and_taken_on_request() {
    let shop = Shop::new().await;
    shop.register_with(FAMILY, OLD, json!({"environment": [{"name": "MODE", "value": "turbo"}]}));
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    is(&run, "deployed", 0);
    run.says("shop:2 is newer than shop:1, which service web runs: what else it changes is not deployed");
    let registered = || shop.world.inputs("RegisterTaskDefinition").pop().expect("a revision");
    let environment = |document: &Value| document["containerDefinitions"][0]["environment"].clone();
    assert!(environment(&registered()).to_string().contains("hunter2"), "made from what runs");

    let shop = Shop::new().await;
    shop.register_with(FAMILY, OLD, json!({"environment": [{"name": "MODE", "value": "turbo"}]}));
    let run = shop.alone(NEW, &["--format=json", "--service-base=latest"]).finish().await;
    is(&run, "deployed", 0);
    run.says("the new revision is made from shop:2, and service web runs shop:1");
    let registered = shop.world.inputs("RegisterTaskDefinition").pop().expect("a revision");
    assert_eq!(environment(&registered), json!([{"name": "MODE", "value": "turbo"}]));
}

/// A proxy of another repository keeps its image; of two that have ours, one may be named.
#[tokio::test]
async fn containers_with_the_image_get_it_and_no_others() {
    let shop = Shop::closed(Options::default()).await;
    let image = |name: &str, image: &str| json!({"name": name, "image": image, "essential": name == "web"});
    let document = json!({
        "family": FAMILY, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": execution_role(),
        "containerDefinitions": [
            image("web", OLD), image("worker", "registry.example/app:older"), image("proxy", "registry.example/nginx:1"),
        ],
    });
    let revision = shop.register_document(&document);
    shop.create("web", json!({"taskDefinition": revision}));
    shop.steady("web").await;
    let images = |shop: &Shop| {
        let registered = shop.world.inputs("RegisterTaskDefinition").pop().expect("a revision");
        let containers = registered["containerDefinitions"].as_array().cloned().unwrap_or_default();
        containers.iter().map(|one| one["image"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let run = shop.alone(NEW, &["--format=json", "--service-container=web"]).finish().await;
    is(&run, "deployed", 0);
    assert_eq!(images(&shop), [NEW, "registry.example/app:older", "registry.example/nginx:1"]);
    shop.steady("web").await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    is(&run, "deployed", 0);
    assert_eq!(images(&shop), [NEW, NEW, "registry.example/nginx:1"]);
}

#[tokio::test]
async fn a_configuration_file_names_the_services() {
    let shop = Shop::new().await;
    shop.create("worker", json!({}));
    shop.steady("worker").await;
    let file = shop.world.directory.path().join("deploy.yml");
    let text = format!(
        "cluster: startupwebapp-cluster\nservices: [web, worker]\nimage: {NEW}\ndeploy-timeout: 5m\n"
    );
    std::fs::write(&file, text).expect("write it");
    let run = shop.world.command(&[
        "deploy",
        "--config",
        file.to_str().expect("UTF-8"),
        "--no-migration",
        "--format=json",
    ]);
    let run = run.in_actions().finish().await;
    run.exits(0);
    for name in ["web", "worker"] {
        assert_eq!(row(&run, name)["verdict"], "deployed");
    }
    assert_eq!(
        (run.outputs["service"].as_str(), run.outputs["deployed"].as_str()),
        ("web,worker", "web,worker")
    );
}

#[tokio::test]
async fn without_a_migration_the_summary_says_that_no_database_was_looked_at() {
    let shop = Shop::new().await;
    let run = shop.alone(NEW, &[]).in_actions().finish().await;
    run.exits(0)
        .sums_up("1 of 1 service deployed, without a migration")
        .sums_up("Deployed without a migration (`--no-migration`): the databases were not looked at.");
    assert_eq!(run.outputs["migrated"], "");
    shop.changed(0, 1, 1);
}

/// The service and the migration have one base: the migration's revision goes where no deployment takes it from.
#[tokio::test]
async fn a_service_of_the_migrations_family_gets_no_revision_of_a_migration() {
    let shop = Shop::closed(Options::default()).await;
    shop.world.sandbox.set_program("shop-migrations", |context| migrates(database(context)));
    shop.world.program(|_| Script::new().until_stopped());
    shop.create("web", json!({"taskDefinition": seed::TASK_FAMILY}));
    shop.steady("web").await;
    let named = ["--database", HEALTH, "--service-container=migration"];
    let plan = shop.deploy(&[&named[..], &["--plan"]].concat()).finish().await;
    plan.exits(0)
        .says("the migration's revision goes into family startupwebapp-migration-task-migration")
        .says("--family names another one");
    for verdict in ["deployed", "unchanged"] {
        let run = shop
            .deploy(&[&named[..], &["--family=shop-migrations", "--format=json"]].concat())
            .finish()
            .await;
        is(&run, verdict, 0);
        shop.steady("web").await;
    }
    let of_service = shop.service("web").await.task_definition().expect("a revision").to_owned();
    let documents = shop.world.sandbox.task_definitions();
    let deployed = documents.iter().find(|one| one["taskDefinition"]["taskDefinitionArn"] == of_service);
    let deployed = deployed.expect("its revision").to_string();
    assert!(deployed.contains(NEW) && !deployed.contains("DATABASE_NAME"), "{deployed}");
}
