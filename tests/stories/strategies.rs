//! Services that shift traffic, or pause: what a person sees of their deployments by the real binary.

use nix::sys::signal::Signal;
use sandbox::seed;
use serde_json::{Value, json};

use crate::rollback::Shop;
use crate::support::Run;

/// A service that runs `a`, and whose next deployments are configured so.
async fn configured(configuration: Value) -> Shop {
    let shop = Shop::after(&["a"]).await;
    shop.update(&json!({"deploymentConfiguration": configuration}));
    shop
}

fn deploy(shop: &Shop, more: &[&str]) -> Run {
    let image = shop.image("b");
    let base = ["deploy", "--no-migration", "--cluster", seed::CLUSTER, "--service", seed::SERVICE];
    shop.world.command(&[&base[..], &["--image", &image], more].concat())
}

fn pause() -> Value {
    json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [{
        "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
        "timeoutConfiguration": {"timeoutInMinutes": 1440, "action": "CONTINUE"},
    }]})
}

async fn is_paused(shop: &Shop) {
    shop.until(|shop| {
        let listed = shop.deployments();
        let arn = &listed[0]["serviceDeploymentArn"];
        let seen = shop.sandbox().ecs("DescribeServiceDeployments", &json!({"serviceDeploymentArns": [arn]}));
        listed.len() == 2 && seen.expect("it").to_string().contains("AWAITING_ACTION")
    })
    .await;
}

#[tokio::test]
async fn blue_green_shows_its_stages_its_traffic_and_its_bake_time() {
    // Of the sandbox's time, three seconds.
    let shop = configured(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 20})).await;
    let plan = deploy(&shop, &["--plan"]).finish().await;
    plan.exits(0).says("50 min");
    let run = deploy(&shop, &[]).in_actions().finish().await;
    run.exits(0)
        .says("stage BAKE_TIME")
        .says("100 % of production traffic")
        .says("waits for the end of the bake time of 20 min")
        .says("deployed");
    assert!(run.summary.contains("BAKE_TIME"), "{}", run.summary);
    assert_eq!((shop.status(), shop.world.called("UpdateService")), ("SUCCESSFUL".to_owned(), 1));
}

#[tokio::test]
async fn a_pause_at_the_deadline_says_what_it_waits_for_until_when() {
    let shop = configured(pause()).await;
    let run = deploy(&shop, &["--deploy-timeout=4s"]).in_actions().finish().await;
    run.exits(4).says("waits for an answer").says("CONTINUE");
    assert!(run.summary.contains("paused") && run.summary.contains("lifecycle hook"), "{}", run.summary);
    assert_eq!(run.outputs["exit-code"], "4");
    assert_eq!((shop.world.called("StopServiceDeployment"), shop.status()), (0, "IN_PROGRESS".to_owned()));
}

#[tokio::test]
async fn an_interrupt_at_a_pause_is_answered_there() {
    let shop = configured(pause()).await;
    let running = deploy(&shop, &["--on-cancel=rollback"]).spawn();
    is_paused(&shop).await;
    let looks = |shop: &Shop| shop.world.called("DescribeServiceDeployments");
    let before = looks(&shop);
    // The second look begins when the run has seen the first.
    shop.until(|shop| looks(shop) >= before + 2).await;
    running.signal(Signal::SIGINT);
    running.finish().await.exits(130).says("ECS was told to go back");
    let continued = shop.world.inputs("ContinueServiceDeployment");
    assert_eq!(continued.len(), 1);
    assert_eq!(continued[0]["action"], "ROLLBACK");
    shop.until(|shop| shop.status() == "ROLLBACK_SUCCESSFUL").await;
    assert_eq!(shop.runs(), shop.ran[0]);
}
