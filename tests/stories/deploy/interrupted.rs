//! Runs that are interrupted, or killed, and the next one.

use nix::sys::signal::Signal;
use sandbox::{Disturbance, Fault, Options, Pace, Script};
use serde_json::{Value, json};

use super::shop::{NEW, Shop, is, row, waits};
use crate::support::HEALTH;

async fn slow_shop() -> Shop {
    let pace = Pace::Realistic { scale: 30.0 };
    Shop::at(Options { pace, ..Options::default() }, json!({})).await
}

#[tokio::test]
async fn an_interrupted_run_leaves_the_deployment_to_ecs_and_says_how_to_go_back() {
    for how in ["stop", "leave"] {
        let shop = slow_shop().await;
        let run = shop.alone(NEW, &["--format=json", &format!("--on-cancel={how}")]).in_actions().spawn();
        shop.newest_is("web", 2, "IN_PROGRESS").await;
        run.signal(Signal::SIGINT);
        let run = run.finish().await;
        let web = is(&run, "cancelled", 130);
        assert_eq!(web["explanation"], "the run was interrupted, and ECS goes on with the deployment");
        run.says("of service web goes on, and nothing follows it").sums_up("cancelled");
        assert_eq!((run.outputs["exit-code"].as_str(), run.outputs["deployed"].as_str()), ("130", ""));
        assert_eq!(shop.world.called("StopServiceDeployment"), 0);
        shop.newest_is("web", 2, "SUCCESSFUL").await;
    }
}

#[tokio::test]
async fn on_cancel_rollback_tells_ecs_to_go_back() {
    let shop = slow_shop().await;
    let run = shop.alone(NEW, &["--format=json", "--on-cancel=rollback"]).in_actions().spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    run.signal(Signal::SIGTERM);
    let run = run.finish().await;
    let web = is(&run, "cancelled", 130);
    assert_eq!(web["explanation"], "the run was interrupted, and ECS was told to go back to what ran before");
    let stops = shop.world.inputs("StopServiceDeployment");
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0]["stopType"], "ROLLBACK");
    shop.newest_is("web", 2, "ROLLBACK_SUCCESSFUL").await;
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(1).as_str()));
}

#[tokio::test]
async fn a_run_that_is_interrupted_while_it_migrates_touches_no_service() {
    let shop = Shop::new().await;
    shop.world.program(|_| Script::new().line("working").until_stopped());
    let flags = ["--database", HEALTH, "--format=json", "--on-cancel=rollback"];
    let run = shop.deploy(&flags).in_actions().spawn();
    waits("a migration", async || shop.world.called("RunTask") == 1).await;
    run.signal(Signal::SIGINT);
    let run = run.finish().await;
    run.exits(130);
    assert_eq!(row(&run, "web")["verdict"], "not deployed");
    let calls = ["UpdateService", "StopServiceDeployment"].map(|call| shop.world.called(call));
    assert_eq!(calls, [0, 0]);
}

/// A call without an answer may have begun a deployment: that is not "not deployed".
#[tokio::test]
async fn a_run_that_is_interrupted_before_ecs_has_answered_claims_nothing() {
    let shop = Shop::new().await;
    shop.world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::Hang));
    let run = shop.alone(NEW, &["--format=json"]).spawn();
    waits("the update", async || shop.world.called("UpdateService") == 1).await;
    run.signal(Signal::SIGINT);
    let run = run.finish().await;
    let web = row(&run, "web");
    assert_eq!((&web["verdict"], run.code), (&json!("unproved"), 130), "{run:#?}");
    assert!(
        web["explanation"].as_str().is_some_and(|said| said.contains("a deployment may be under way")),
        "{web:#}"
    );
}

/// Killed while it waits: the next run finds the deployment, and does not begin another.
#[tokio::test]
async fn a_run_that_was_killed_is_gone_on_with() {
    let shop = slow_shop().await;
    let run = shop.alone(NEW, &[]).spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    run.signal(Signal::SIGKILL);
    run.finish().await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let word = row(&run, "web")["verdict"].clone();
    assert!(
        run.code == 0 && ["deployed", "unchanged"].contains(&word.as_str().unwrap_or_default()),
        "{run:#?}"
    );
    shop.changed(0, 1, 1);
    assert_eq!(shop.statuses("web").await.len(), 2);
}

/// Killed between the registration and the update: the revision is there, and is used.
#[tokio::test]
async fn a_revision_that_a_killed_run_has_registered_is_used_by_the_next() {
    let shop = Shop::new().await;
    shop.world.sandbox.faults().push(Fault::call("ecs:UpdateService", Disturbance::Hang));
    let run = shop.alone(NEW, &[]).spawn();
    waits("the update", async || shop.world.called("UpdateService") == 1).await;
    run.signal(Signal::SIGKILL);
    run.finish().await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!((&web["registered"], &web["cause"]), (&json!(false), &Value::Null));
    shop.changed(0, 1, 2);
}
