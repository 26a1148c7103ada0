//! Several services: one registration for each family, one update each, one wait for all.

use sandbox::{Disturbance, Fault, Script};
use serde_json::json;

use super::shop::{BROKEN, FAMILY, NEW, OLD, Shop, row, serves};

/// `web` and `worker` of one family, and `cron` of another.
async fn three() -> Shop {
    let shop = Shop::new().await;
    let revision = shop.revision(1);
    shop.create("worker", json!({"taskDefinition": revision, "desiredCount": 1}));
    shop.create("cron", json!({"taskDefinition": shop.register("cron", OLD), "desiredCount": 1}));
    shop.world.sandbox.set_program("cron", serves);
    for name in ["worker", "cron"] {
        shop.steady(name).await;
    }
    shop
}

#[tokio::test]
async fn all_revisions_are_registered_before_the_first_update_and_one_wait_is_for_all() {
    let shop = three().await;
    let before = shop.world.operations().len();
    let run = shop.alone(NEW, &["--service=web,worker,cron", "--format=json"]).in_actions().finish().await;
    run.exits(0).sums_up("3 of 3 services deployed");
    assert_eq!(run.outputs["deployed"], "web,worker,cron");
    let calls = shop.world.operations().split_off(before);
    let places = |wanted: &str| -> Vec<usize> {
        calls.iter().enumerate().filter(|(_, call)| *call == wanted).map(|(place, _)| place).collect()
    };
    let (registered, updated) = (places("RegisterTaskDefinition"), places("UpdateService"));
    assert_eq!((registered.len(), updated.len()), (2, 3), "once for each family, once for each service");
    assert!(registered.last() < updated.first());
    let cron = "arn:aws:ecs:us-east-1:123456789012:task-definition/cron:2";
    let sent = shop.world.inputs("UpdateService");
    let cron = json!({"cluster": sandbox::seed::CLUSTER, "service": "cron", "taskDefinition": cron});
    assert_eq!(sent, [shop.update("web", 2), shop.update("worker", 2), cron]);
    // No service waits for another: all are updated before any of them is looked at as deployed.
    let looks = shop.world.inputs("DescribeServiceDeployments");
    let most = looks.iter().filter_map(|look| look["serviceDeploymentArns"].as_array().map(Vec::len)).max();
    assert!(most >= Some(2), "one call for those that are under way: {most:?}");
    assert!(updated.last() < places("DescribeServiceDeployments").first());
}

#[tokio::test]
async fn one_that_is_rolled_back_leaves_the_others_where_they_are() {
    let shop = three().await;
    shop.world.sandbox.set_program("cron", |_| Script::new().line("no crontab").exit(1));
    let run = shop.alone(NEW, &["--service=web,cron", "--format=json"]).in_actions().finish().await;
    run.exits(1).sums_up("1 of 2 services deployed: 1 rolled back").sums_up("no crontab");
    assert_eq!(row(&run, "web")["verdict"], "deployed");
    assert_eq!(row(&run, "cron")["verdict"], "rolled back");
    assert_eq!(run.outputs["deployed"], "web");
    assert_eq!(run.outputs["rolled-back-to"], "cron=cron:1");
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(2).as_str()));
}

#[tokio::test]
async fn on_failure_rollback_takes_those_back_that_are_done() {
    let shop = three().await;
    shop.world.sandbox.set_program("cron", |context| match context.image.as_str() {
        NEW => Script::new().line("no crontab").exit(1),
        _ => Script::new().until_stopped(),
    });
    let flags = ["--service=web,cron", "--on-failure=rollback", "--format=json"];
    let run = shop.alone(NEW, &flags).in_actions().finish().await;
    run.exits(1)
        .says("service web is taken back to shop:1 (--on-failure rollback): another service is not deployed");
    for name in ["web", "cron"] {
        assert_eq!(row(&run, name)["verdict"], "rolled back", "{run:#?}");
    }
    assert_eq!(run.outputs["deployed"], "");
    assert_eq!(run.outputs["rolled-back-to"], "web=shop:1,cron=cron:1");
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(1).as_str()));
    let of_web = shop.world.inputs("UpdateService").into_iter().filter(|sent| sent["service"] == "web");
    assert_eq!(of_web.collect::<Vec<_>>(), [shop.update("web", 2), shop.update("web", 1)]);
}

/// ECS refuses one: what was not begun is not begun any more, and what was is followed.
#[tokio::test]
async fn after_a_refusal_no_other_service_is_begun() {
    let shop = three().await;
    let refusal = Fault::call("ecs:UpdateService", Disturbance::AccessDenied).after(1);
    shop.world.sandbox.faults().push(refusal);
    let run = shop.alone(NEW, &["--service=web,worker,cron", "--format=json"]).in_actions().finish().await;
    run.exits(3);
    let verdicts = ["web", "worker", "cron"].map(|name| row(&run, name)["verdict"].clone());
    assert_eq!(verdicts, ["deployed", "not deployed", "not deployed"]);
    let cron = row(&run, "cron")["explanation"].clone();
    assert!(
        cron.as_str().is_some_and(|said| said.contains("ECS refused the update of service worker")),
        "{cron}"
    );
    run.sums_up("1 of 3 services deployed: 2 not deployed");
    assert_eq!(shop.world.called("UpdateService"), 2);
}

/// A refusal of a registration moves nothing, not even the service whose revision was registered.
#[tokio::test]
async fn a_revision_that_ecs_does_not_register_moves_no_service() {
    let shop = three().await;
    let refused =
        Disturbance::Error { code: "ClientException".into(), message: "Too many concurrent attempts".into() };
    shop.world.sandbox.faults().push(Fault::call("ecs:RegisterTaskDefinition", refused).after(1));
    let run = shop.alone(NEW, &["--service=web,cron", "--format=json"]).in_actions().finish().await;
    assert!(run.code != 0 && run.code != 2, "{run:#?}");
    for name in ["web", "cron"] {
        assert_eq!(row(&run, name)["verdict"], "not deployed");
    }
    run.sums_up("No service was deployed").says("Too many concurrent attempts");
    assert_eq!(shop.world.called("UpdateService"), 0);
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(1).as_str()));
}

/// Two causes, each with its own service.
#[tokio::test]
async fn each_failure_has_its_own_cause() {
    let shop = three().await;
    shop.world.sandbox.set_program(FAMILY, |context| match context.image.as_str() {
        BROKEN => Script::new().line("no port").exit(98),
        _ => Script::new().until_stopped(),
    });
    shop.world.sandbox.set_program("cron", |context| match context.image.as_str() {
        BROKEN => Script::new().line("no crontab").exit(1),
        _ => Script::new().until_stopped(),
    });
    let run = shop.alone(BROKEN, &["--service=web,cron", "--format=json"]).in_actions().finish().await;
    run.exits(1).sums_up("0 of 2 services deployed: 2 rolled back").sums_up("no port").sums_up("no crontab");
    assert_eq!(row(&run, "web")["cause"]["exit_code"], 98);
    assert_eq!(row(&run, "cron")["cause"]["exit_code"], 1);
}
