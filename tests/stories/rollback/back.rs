use super::*;

#[tokio::test]
async fn each_rollback_goes_one_further_back_and_never_to_what_was_left() {
    let shop = Shop::after(&["a", "b", "c"]).await;
    for place in [1, 0] {
        let run = shop.rollback(&[]).finish().await;
        run.exits(0).says("rolled back");
        assert_eq!(shop.runs(), shop.ran[place]);
        shop.settled().await;
    }
    assert_eq!(shop.changes(), ["UpdateService", "UpdateService"]);
    for update in shop.world.inputs("UpdateService") {
        let keys: Vec<&String> = update.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["cluster", "service", "taskDefinition"]);
    }
    let run = shop.rollback(&[]).finish().await;
    run.exits(2).says("was left already").says("--to").says(&shop.ran[2]);
    assert_eq!(shop.changes().len(), 2);
}

#[tokio::test]
async fn what_the_breaker_took_back_and_what_never_ran_are_passed_over() {
    let shop = Shop::after(&["a", "b"]).await;
    // A migration's own revision, which no service ever had.
    shop.revision("migration-only");
    let broken = shop.breaks("broken");
    shop.update(&json!({"taskDefinition": broken}));
    shop.until(|shop| shop.deployments().len() == 3 && shop.status() == "ROLLBACK_SUCCESSFUL").await;
    shop.settled().await;
    shop.rollback(&[]).finish().await.exits(0);
    assert_eq!(shop.runs(), shop.ran[0], "neither what is broken, nor the one before it, nor b again");
    // All that were there are there still.
    let before = shop.sandbox().task_definitions().len();
    assert_eq!(shop.changes(), ["UpdateService"]);
    assert_eq!(shop.sandbox().task_definitions().len(), before);
}

#[tokio::test]
async fn a_deregistered_revision_is_registered_again_as_it_was() {
    let shop = Shop::after(&["a", "b"]).await;
    shop.sandbox()
        .ecs("DeregisterTaskDefinition", &json!({"taskDefinition": shop.ran[0]}))
        .expect("deregistered");
    shop.rollback(&["--plan"]).finish().await.exits(0).says("which is INACTIVE");
    assert!(shop.changes().is_empty());
    let run = shop.rollback(&["--format=json"]).finish().await;
    run.exits(0);
    assert_eq!(shop.changes(), ["RegisterTaskDefinition", "UpdateService"]);
    let copy = shop.runs();
    assert!(!shop.ran.contains(&copy), "{copy}");
    let registered = &shop.world.inputs("RegisterTaskDefinition")[0];
    let image = registered["containerDefinitions"][0]["image"].as_str();
    assert_eq!(image, Some(shop.image("a").as_str()));
    assert_eq!(run.result()["services"][0]["verdict"], "rolled back");
    shop.settled().await;
    // The copy is the content that it is a copy of, and is there already.
    shop.deploy(&shop.ran[1]).await;
    for flags in [&["--plan", "--to=a"][..], &["--plan"]] {
        shop.rollback(flags).finish().await.exits(0).says(&format!("UpdateService with {copy}"));
    }
}

#[tokio::test]
async fn a_tag_that_has_moved_comes_back_by_its_digest() {
    let shop = Shop::after(&["a", "b"]).await;
    let (old, new) = (shop.image("stable"), shop.image("later"));
    let tagged =
        old.replace(old.split_once('@').expect("a digest").1, "stable").replace("@stable", ":stable");
    shop.deploy(&shop.revision_of(&tagged)).await;
    // The same content under another name would be no step back.
    let c = shop.revision("c");
    shop.deploy(&c).await;
    let registry = shop.sandbox().registry();
    let (_, digest) = new.split_once('@').expect("a digest");
    let manifest =
        registry.manifest(seed::REPOSITORY, &ImageKey::parse(digest).expect("a digest")).expect("it");
    let tag = ImageKey::tag("stable").expect("a tag");
    registry
        .put_image(seed::REPOSITORY, Some(&tag), Some(&manifest.media_type), &manifest.bytes)
        .expect("the tag moves");
    let run = shop.rollback(&[]).finish().await;
    run.exits(0);
    assert_eq!(shop.changes(), ["RegisterTaskDefinition", "UpdateService"]);
    let registered = &shop.world.inputs("RegisterTaskDefinition")[0];
    assert_eq!(registered["containerDefinitions"][0]["image"].as_str(), Some(old.as_str()));
}

#[tokio::test]
async fn what_does_not_come_back_is_shown() {
    let shop = Shop::after(&["a"]).await;
    let b = shop.revision("b");
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60003"]}});
    shop.update(&json!({"taskDefinition": b, "networkConfiguration": network, "platformVersion": "1.4.0"}));
    shop.until(|shop| shop.deployments().len() == 2).await;
    shop.settled().await;
    let plan = shop.rollback(&["--plan"]).finish().await;
    plan.exits(0)
        .says("networkConfiguration.awsvpcConfiguration.subnets")
        .says("was subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002")
        .says("stays subnet-0a1b2c3d4e5f60003")
        .says("platformVersion");
    let plan = shop.rollback(&["--plan", "--format=json"]).finish().await.result();
    assert!(plan["services"][0].to_string().contains("subnet-0a1b2c3d4e5f60003"), "{plan}");
    shop.rollback(&[]).finish().await.exits(0);
    assert_eq!(shop.service()["networkConfiguration"], network, "it stayed");
}

#[tokio::test]
async fn a_workflow_gets_every_output_and_a_summary() {
    let shop = Shop::after(&["a", "b"]).await;
    let run = shop.rollback(&[]).in_actions().finish().await;
    run.exits(0);
    assert!(run.summary.contains("1 of 1 service went back"), "{}", run.summary);
    assert!(run.summary.contains(seed::SERVICE), "{}", run.summary);
    assert_eq!((run.outputs["service"].as_str(), run.outputs["exit-code"].as_str()), (seed::SERVICE, "0"));
    assert_eq!(run.outputs["rolled-back-to"], format!("{}={}", seed::SERVICE, shop.ran[0]));
    let outputs: Value = serde_json::from_str(&run.outputs["result"]).expect("JSON");
    assert_eq!(outputs["services"][0]["verdict"], "rolled back");
    assert_eq!(outputs["exit_code"], 0);
}
