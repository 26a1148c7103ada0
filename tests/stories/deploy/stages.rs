//! Blue/green deployments, and lifecycle hooks that hold them up.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::shop::{NEW, Shop, is};

fn blue_green(hooks: Value) -> Value {
    json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": hooks}})
}

async fn with_a_pause() -> Shop {
    let hook = json!([{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}]);
    Shop::with(blue_green(hook)).await
}

#[tokio::test]
async fn a_blue_green_deployment_is_followed_through_its_stages() {
    let shop = Shop::with(blue_green(json!([]))).await;
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!((&web["proved_tasks"], &web["stage"]["traffic"]), (&json!(2), &json!(100.0)), "{web:#}");
    let plan = shop.alone(NEW, &["--plan"]).finish().await;
    plan.says("blue/green");
}

#[tokio::test]
async fn a_hook_that_nobody_answers_is_a_pause_and_no_failure_of_the_image() {
    let shop = with_a_pause().await;
    let run = shop.alone(NEW, &["--format=json", "--deploy-timeout=4s"]).in_actions().finish().await;
    let web = is(&run, "paused", 4);
    let said = web["explanation"].as_str().expect("words");
    assert!(said.contains("waits for an answer; ECS waits until 20"), "{said}");
    assert!(said.ends_with("and then: ROLLBACK"), "{said}");
    run.says("lifecycle hooks may hold a deployment of service web up")
        .sums_up("web: paused")
        .sums_up("ContinueServiceDeployment");
    assert_eq!((run.outputs["exit-code"].as_str(), run.outputs["deployed"].as_str()), ("4", ""));
    assert_eq!(shop.statuses("web").await[0], "IN_PROGRESS", "ECS goes on waiting");
}

#[tokio::test]
async fn somebody_answers_the_hook_and_the_run_sees_what_follows() {
    for (answer, verdict, code, status) in
        [("CONTINUE", "deployed", 0, "SUCCESSFUL"), ("ROLLBACK", "rolled back", 1, "ROLLBACK_SUCCESSFUL")]
    {
        let shop = with_a_pause().await;
        let run = shop.alone(NEW, &["--format=json"]).spawn();
        shop.somebody_answers("web", answer).await;
        let run = run.finish().await;
        is(&run, verdict, code);
        assert_eq!(shop.statuses("web").await[0], status);
        assert_eq!(shop.world.called("ContinueServiceDeployment"), 1, "the run answers no hook");
    }
}

#[tokio::test]
async fn an_interrupted_pause_goes_back_on_request() {
    let shop = with_a_pause().await;
    let run = shop.alone(NEW, &["--format=json", "--on-cancel=rollback"]).spawn();
    shop.until_paused("web").await;
    run.signal(Signal::SIGINT);
    let run = run.finish().await;
    is(&run, "cancelled", 130);
    shop.newest_is("web", 2, "ROLLBACK_SUCCESSFUL").await;
}
