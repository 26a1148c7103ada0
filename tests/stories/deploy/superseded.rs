//! Somebody else's deployments beside ours, and looks that show the service as it was.

use std::time::Duration;

use sandbox::{Disturbance, Fault, Options, Pace};
use serde_json::json;

use super::shop::{BROKEN, FAMILY, NEW, SLOW, Shop, breaker, is};

/// Slow enough for others to come in between, and fast enough to see the end.
fn paced(scale: f64) -> Options {
    Options { pace: Pace::Realistic { scale }, ..Options::default() }
}

#[tokio::test]
async fn a_newer_deployment_of_another_revision_is_named_and_is_no_rollback() {
    let shop = Shop::at(paced(40.0), json!({})).await;
    let other = shop.register(FAMILY, SLOW);
    let run = shop.alone(NEW, &["--format=json"]).in_actions().spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    shop.somebody_deploys("web", &other).await;
    let run = run.finish().await;
    let web = is(&run, "superseded", 1);
    let said = web["explanation"].as_str().expect("words");
    assert!(said.ends_with("was started after this one, of shop:2"), "{said}");
    run.sums_up("web: superseded").sums_up("see who else deploys the service during this run");
    run.never_says("rolled back");
    assert_eq!(run.outputs["rolled-back-to"], "");
    // Ours, and theirs: what they have begun is not touched.
    assert_eq!(shop.world.inputs("UpdateService").len(), 2);
    assert_eq!(shop.world.called("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn a_newer_deployment_of_the_same_revision_is_followed_to_its_end() {
    let shop = Shop::at(paced(40.0), json!({})).await;
    let run = shop.alone(NEW, &["--format=json"]).spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    shop.somebody_deploys("web", &shop.revision(2)).await;
    let run = run.finish().await;
    let web = is(&run, "deployed", 0);
    run.says("a newer deployment of the same revision");
    assert_eq!((&web["proved_tasks"], &web["evidence"]), (&json!(2), &json!("service deployment")));
    assert_eq!(shop.statuses("web").await[..2], ["SUCCESSFUL", "STOPPED"]);
}

/// The same revision, forced anew and rolled back: the task definition alone would not tell the two apart.
#[tokio::test]
async fn a_forced_deployment_of_the_same_revision_that_is_rolled_back_is_not_deployed() {
    let shop = Shop::at(paced(40.0), json!({})).await;
    let run = shop.alone(BROKEN, &["--format=json"]).spawn();
    shop.newest_is("web", 2, "IN_PROGRESS").await;
    shop.somebody_deploys("web", &shop.revision(2)).await;
    let run = run.finish().await;
    is(&run, "rolled back", 1);
    run.says("a newer deployment of the same revision");
    assert_eq!(shop.statuses("web").await[..2], ["ROLLBACK_SUCCESSFUL", "STOPPED"]);
}

/// DescribeServices shows the service as it was, right after the update and for longer than the deployment takes to begin.
#[tokio::test]
async fn a_look_at_the_service_as_it_was_is_neither_a_rollback_nor_the_end() {
    let shop = Shop::new().await;
    let faults = shop.world.sandbox.faults();
    faults.push(Fault::stale_service(Duration::ZERO, Duration::from_secs(4)));
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!(web["proved_tasks"], 2);
    run.never_says("rolled back");
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2)]);
}

/// The same where DescribeServices is all there is: two running tasks of the old revision are no end either.
#[tokio::test]
async fn the_first_look_is_not_the_end_where_nothing_else_is_to_be_seen() {
    let shop = Shop::new().await;
    let faults = shop.world.sandbox.faults();
    faults.push(Fault::stale_service(Duration::ZERO, Duration::from_secs(3)));
    faults.push(Fault::call("ecs:ListServiceDeployments", Disturbance::AccessDenied).always());
    let run = shop.alone(NEW, &["--format=json"]).finish().await;
    let web = is(&run, "deployed", 0);
    assert_eq!(web["evidence"], "classic");
    run.never_says("rolled back");
}

#[tokio::test]
async fn a_stale_look_beside_a_rollback_hides_nothing() {
    let shop = Shop::new().await;
    shop.world
        .sandbox
        .faults()
        .push(Fault::stale_service(Duration::from_millis(200), Duration::from_secs(4)));
    let run = shop.alone(BROKEN, &["--format=json"]).finish().await;
    is(&run, "rolled back", 1);
}

/// Two deployments in one second, another service's beside them: ours is the one whose revision has our number.
#[tokio::test]
async fn ours_is_found_by_its_number_among_others_of_the_same_moment() {
    let shop = Shop::with(breaker(false)).await;
    shop.create("worker", json!({}));
    shop.steady("worker").await;
    let broken = shop.register(FAMILY, BROKEN);
    shop.somebody_deploys("web", &broken).await;
    // Theirs is under way: a deployment beside it is what nobody does without being asked.
    let run = shop.alone(NEW, &["--format=json", "--on-deploying=supersede"]).spawn();
    shop.somebody_deploys("worker", &broken).await;
    let run = run.finish().await;
    is(&run, "deployed", 0);
    assert_eq!(shop.statuses("web").await[0], "SUCCESSFUL");
    let numbers = run.result()["services"][0]["timeline"][0]["what"].as_str().expect("words").to_owned();
    let primary = shop.service("web").await.deployments()[0].id().expect("an id").to_owned();
    assert!(numbers.starts_with(&format!("deployment {primary} of shop:")), "{numbers}: {primary}");
}

#[tokio::test]
async fn a_deployment_that_is_pending_or_listed_late_is_waited_for() {
    for fault in [
        Fault::pending_service_deployment(Duration::from_secs(3)),
        Fault::late_service_deployment(Duration::from_secs(3)),
    ] {
        let shop = Shop::new().await;
        shop.world.sandbox.faults().push(fault);
        let run = shop.alone(NEW, &["--format=json"]).finish().await;
        let web = is(&run, "deployed", 0);
        assert_eq!(web["evidence"], "service deployment");
        assert_eq!(shop.world.called("UpdateService"), 1);
    }
}
