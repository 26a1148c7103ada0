use sandbox::Fault;

use super::*;

/// A deployment of `c` that bakes for minutes.
async fn baking(shop: &Shop) -> String {
    let revision = shop.revision("c");
    let configuration = json!({
        "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
        "bakeTimeInMinutes": 1440,
    });
    shop.update(&json!({"taskDefinition": revision, "deploymentConfiguration": configuration}));
    let count = shop.ran.len() + 1;
    shop.until(|shop| shop.deployments().len() == count && shop.status() == "IN_PROGRESS").await;
    revision
}

#[tokio::test]
async fn ecs_takes_it_back_and_only_its_word_for_it_counts() {
    let shop = Shop::after(&["a", "b"]).await;
    baking(&shop).await;
    shop.rollback(&["--plan"]).finish().await.exits(0).says("StopServiceDeployment with ROLLBACK");
    let run = shop.rollback(&["--format=json"]).finish().await;
    run.exits(0);
    assert_eq!(run.result()["services"][0]["verdict"], "rolled back");
    assert_eq!(shop.changes(), ["StopServiceDeployment"]);
    assert_eq!(shop.world.inputs("StopServiceDeployment")[0]["stopType"], "ROLLBACK");
    assert_eq!((shop.status(), shop.runs()), ("ROLLBACK_SUCCESSFUL".to_owned(), shop.ran[1].clone()));
}

#[tokio::test]
async fn another_target_than_that_of_ecs_is_refused_while_it_is_under_way() {
    let shop = Shop::after(&["a", "b"]).await;
    baking(&shop).await;
    shop.rollback(&["--to=a"]).finish().await.exits(2).says("is under way, and from it ECS goes back to");
    shop.rollback(&["--plan", "--to=b"]).finish().await.exits(0);
    assert!(shop.changes().is_empty());
}

#[tokio::test]
async fn what_is_paused_at_a_hook_is_told_there_to_go_back() {
    let shop = Shop::after(&["a", "b"]).await;
    let hook = json!({"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
        "timeoutConfiguration": {"timeoutInMinutes": 1440, "action": "ROLLBACK"}});
    let configuration = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [hook]});
    let revision = shop.revision("c");
    shop.update(&json!({"taskDefinition": revision, "deploymentConfiguration": configuration}));
    shop.until(|shop| {
        let arn = shop.deployments()[0]["serviceDeploymentArn"].clone();
        let input = json!({"serviceDeploymentArns": [arn]});
        let seen = shop.sandbox().ecs("DescribeServiceDeployments", &input).expect("it");
        seen["serviceDeployments"][0].to_string().contains("AWAITING_ACTION")
    })
    .await;
    let plan = shop.rollback(&["--plan"]).finish().await;
    plan.exits(0).says("which is paused at lifecycle hook").says("ContinueServiceDeployment");
    shop.rollback(&[]).finish().await.exits(0).says("rolled back");
    assert_eq!(shop.changes(), ["ContinueServiceDeployment"]);
    assert_eq!(shop.world.inputs("ContinueServiceDeployment")[0]["action"], "ROLLBACK");
    assert_eq!(shop.runs(), shop.ran[1]);
}

#[tokio::test]
async fn a_deployment_that_was_faster_is_gone_back_from() {
    let shop = Shop::after(&["a", "b"]).await;
    shop.sandbox().faults().push(Fault::late_stop());
    let revision = shop.revision("c");
    let configuration = json!({
        "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
        // Of a day's 216 seconds, three.
        "bakeTimeInMinutes": 20,
    });
    shop.update(&json!({"taskDefinition": revision, "deploymentConfiguration": configuration}));
    shop.until(|shop| shop.deployments().len() == 3 && shop.status() == "IN_PROGRESS").await;
    shop.rollback(&[]).finish().await.exits(0).says("rolled back");
    assert_eq!(shop.changes(), ["StopServiceDeployment", "UpdateService"]);
    assert_eq!(shop.runs(), shop.ran[1]);
    let statuses: Vec<String> =
        shop.deployments().iter().filter_map(|one| one["status"].as_str().map(str::to_owned)).collect();
    assert!(statuses[1..].iter().all(|status| status == "SUCCESSFUL"), "{statuses:?}");
}

#[tokio::test]
async fn an_interrupt_leaves_ecs_with_its_order() {
    let shop = Shop::after(&["a", "b"]).await;
    baking(&shop).await;
    // What it goes back to is there at once, and the new tasks are slow to go.
    shop.sandbox().set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped().ignores_sigterm());
    let running = shop.rollback(&[]).spawn();
    shop.until(|shop| shop.world.called("StopServiceDeployment") == 1).await;
    running.signal(nix::sys::signal::Signal::SIGINT);
    let run = running.finish().await;
    assert!([0, 130].contains(&run.code), "{run:#?}");
    shop.until(|shop| shop.status() == "ROLLBACK_SUCCESSFUL").await;
    assert_eq!(shop.changes(), ["StopServiceDeployment"]);
}
