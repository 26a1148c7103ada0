//! What is denied, lost or late between us and ECS.

use sandbox::{Disturbance, Fault};
use serde_json::{Value, json};

use super::shop::{BROKEN, NEW, Shop, breaker, is};
use crate::support::HEALTH;

fn denied(shop: &Shop, operation: &str) {
    shop.world.sandbox.faults().push(Fault::call(operation, Disturbance::AccessDenied).always());
}

#[tokio::test]
async fn without_the_newer_calls_the_proof_is_weaker_and_said_to_be() {
    for operation in ["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments"] {
        let shop = Shop::new().await;
        denied(&shop, operation);
        let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
        let web = is(&run, "deployed", 0);
        assert_eq!((&web["evidence"], &web["proved_tasks"]), (&json!("classic"), &json!(2)), "{operation}");
        run.says("which is the weaker proof")
            .says(&format!("allow {operation}"))
            .sums_up("proved by DescribeServices alone, the weaker proof");
        assert!(!run.summary.starts_with("## ✅"), "{}", run.summary);
    }
}

#[tokio::test]
async fn without_the_newer_calls_a_rollback_is_one_all_the_same() {
    for (rolls_back, verdict) in [(true, "rolled back"), (false, "failed without rollback")] {
        let shop = Shop::with(breaker(rolls_back)).await;
        denied(&shop, "ecs:ListServiceDeployments");
        let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
        let web = is(&run, verdict, 1);
        assert!(web["cause"]["log"].to_string().contains("relation orders does not exist"), "{web:#}");
    }
}

/// What runs cannot be looked at: it is not called deployed, and not rolled back either.
#[tokio::test]
async fn what_may_not_be_looked_at_is_not_proved() {
    let shop = Shop::new().await;
    denied(&shop, "ecs:DescribeTasks");
    let run = shop.alone(NEW, &["--format=json"]).in_actions().finish().await;
    let web = is(&run, "unproved", 3);
    assert_eq!(web["done"], false);
    assert!(
        web["explanation"].as_str().is_some_and(|said| said.contains("allow ecs:DescribeTasks")),
        "{web:#}"
    );
    assert_eq!(run.outputs["deployed"], "");
    assert_eq!(shop.world.called("StopServiceDeployment"), 0, "nothing is sent back for a look that failed");
}

/// No view is left once the deployment is under way: the wait ends, and nobody takes that for a success.
#[tokio::test]
async fn a_wait_without_any_look_ends_as_unproved() {
    let before = looks_before_the_update().await;
    let shop = Shop::new().await;
    denied(&shop, "ecs:ListServiceDeployments");
    denied_after(&shop, before);
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "unproved", 3);
    assert!(
        web["explanation"].as_str().is_some_and(|said| said.contains("allow ecs:DescribeServices")),
        "{web:#}"
    );
    assert_eq!((shop.world.called("UpdateService"), shop.world.called("StopServiceDeployment")), (1, 0));
}

/// How often a run looks at its service before UpdateService.
async fn looks_before_the_update() -> u32 {
    let shop = Shop::new().await;
    let before = shop.world.operations().len();
    shop.alone(NEW, &[]).finish().await.exits(0);
    let of_run = shop.world.operations().split_off(before);
    let looks =
        of_run.iter().take_while(|one| *one != "UpdateService").filter(|one| *one == "DescribeServices");
    u32::try_from(looks.count()).expect("a few")
}

fn denied_after(shop: &Shop, looks: u32) {
    let denial = Fault::call("ecs:DescribeServices", Disturbance::AccessDenied).after(looks).always();
    shop.world.sandbox.faults().push(denial);
}

#[tokio::test]
async fn an_answer_of_update_service_that_is_lost_is_looked_for_and_not_asked_for_again() {
    for disturbance in [Disturbance::DropAfter, Disturbance::MalformedBody] {
        let shop = Shop::new().await;
        shop.world.sandbox.faults().push(Fault::call("ecs:UpdateService", disturbance));
        let run = shop.alone(NEW, &["--format=json"]).finish().await;
        is(&run, "deployed", 0);
        run.says("UpdateService got no answer, and was carried out");
        assert_eq!(shop.statuses("web").await.len(), 2, "one deployment, and the one of before");
        assert_eq!(shop.world.called("UpdateService"), 1);
    }
}

#[tokio::test]
async fn a_refusal_of_ecs_is_said_and_no_deployment_was_begun() {
    let shop = Shop::new().await;
    denied(&shop, "ecs:UpdateService");
    let run = shop.deploy(&["--database", HEALTH, "--format=json"]).in_actions().finish().await;
    let web = is(&run, "not deployed", 3);
    assert_eq!(web["deployment"], Value::Null);
    assert!(web["explanation"].as_str().is_some_and(|said| said.contains("ecs:UpdateService")), "{web:#}");
    run.sums_up("1 of 1 database proved migrated, no service was deployed");
    assert_eq!(run.outputs["migrated"], HEALTH);
    assert_eq!(shop.statuses("web").await.len(), 1);
}

#[tokio::test]
async fn throttling_and_server_errors_are_waited_out() {
    let shop = Shop::new().await;
    for (operation, disturbance) in [
        ("ecs:UpdateService", Disturbance::Throttle),
        ("ecs:ListServiceDeployments", Disturbance::Throttle),
        ("ecs:DescribeServiceDeployments", Disturbance::ServerError),
        ("ecs:DescribeServices", Disturbance::DropBefore),
    ] {
        shop.world.sandbox.faults().push(Fault::call(operation, disturbance).after(1));
    }
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!(web["evidence"], "service deployment");
    assert_eq!(shop.statuses("web").await.len(), 2);
}

/// Looks that fail are no order to go back, whatever is to be done when the run is interrupted.
#[tokio::test]
async fn looks_that_fail_send_nothing_back() {
    let shop = Shop::new().await;
    for (operation, disturbance) in [
        ("ecs:DescribeServiceDeployments", Disturbance::DropBefore),
        ("ecs:DescribeServiceDeployments", Disturbance::MalformedBody),
        ("ecs:ListServiceDeployments", Disturbance::ServerError),
        ("ecs:DescribeTasks", Disturbance::Throttle),
    ] {
        shop.world.sandbox.faults().push(Fault::call(operation, disturbance));
    }
    let flags = ["--format=json", "--on-cancel=rollback", "--on-failure=rollback"];
    let run = shop.alone(NEW, &flags).finish().await;
    is(&run, "deployed", 0);
    assert_eq!(shop.world.called("StopServiceDeployment"), 0);
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2)]);
}
