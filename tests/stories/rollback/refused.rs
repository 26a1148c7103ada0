use sandbox::{Disturbance, Fault};

use super::*;

#[tokio::test]
async fn without_anything_to_go_back_to_nothing_is_changed() {
    let shop = Shop::after(&["a"]).await;
    for more in [&["--plan"][..], &[]] {
        shop.rollback(more).finish().await.exits(2).says("ran before");
    }
    assert!(shop.world.operations().iter().any(|one| one == "ListServiceDeployments"));
    assert!(shop.changes().is_empty());
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_said() {
    let world = World::new().await;
    let cluster = format!("--cluster={}", seed::CLUSTER);
    let said = world.command(&["rollback", &cluster]).finish().await;
    said.exits(2).says("no service given");
    let said = world.command(&["rollback", &cluster, "--service=nowhere"]).finish().await;
    said.exits(2).says(&format!("service nowhere does not exist in cluster {}", seed::CLUSTER));
}

#[tokio::test]
async fn an_image_that_is_gone_is_seen_before_anything_is_changed() {
    let shop = Shop::after(&["a", "b"]).await;
    let gone = shop.image("a");
    shop.expire("a");
    let digest = gone.split_once('@').expect("a digest").1;
    let run = shop.rollback(&[]).in_actions().finish().await;
    run.exits(2).says(digest).says("any more");
    assert!(shop.changes().is_empty());
    assert!(run.summary.contains("No service went back"), "{}", run.summary);
    assert_eq!(run.outputs["exit-code"], "2");
    assert_eq!(shop.runs(), shop.ran[1]);
}

/// Between the plan and the update: ECS itself cannot pull it, and its breaker takes the service back.
#[tokio::test]
async fn an_image_that_expires_after_the_plan_is_no_success() {
    let shop = Shop::after(&["a", "b"]).await;
    // Every task of it is refused, as ECS refuses one whose image is gone; the image is there for the plan.
    let gone = shop.image("a");
    shop.sandbox().set_program(seed::SERVICE_FAMILY, move |context| match context.image == gone {
        true => Script::new()
            .cannot_start("CannotPullContainerError: pull image manifest has been retried 1 time(s)"),
        false => Script::new().until_stopped(),
    });
    let run = shop.rollback(&[]).finish().await;
    run.exits(1).says("cause: the image could not be pulled");
    assert_eq!(shop.runs(), shop.ran[1], "it runs what it ran");
    assert_eq!(shop.changes(), ["UpdateService"]);
}

#[tokio::test]
async fn a_rollback_that_ecs_takes_back_itself_is_no_success() {
    let shop = Shop::after(&["a", "b"]).await;
    let a = shop.image("a");
    shop.sandbox().set_program(seed::SERVICE_FAMILY, move |context| match context.image == a {
        true => Script::new().line("cannot read table orders").exit(3),
        false => Script::new().until_stopped(),
    });
    let run = shop.rollback(&["--format=json"]).finish().await;
    run.exits(1).says("cannot read table orders");
    let row = &run.result()["services"][0];
    assert_eq!(row["verdict"], "rolled back", "that the order to go back was taken back has a word: {row}");
    assert_eq!(shop.runs(), shop.ran[1]);
    assert_eq!(shop.changes(), ["UpdateService"]);
}

#[tokio::test]
async fn a_copy_or_an_update_that_is_refused_leaves_the_service_as_it_is() {
    let shop = Shop::after(&["a", "b"]).await;
    let refused = || Disturbance::Error { code: "AccessDeniedException".into(), message: "no".into() };
    shop.sandbox().faults().push(Fault::call("ecs:UpdateService", refused()));
    shop.rollback(&[]).finish().await.exits(3).says("not deployed").says("allow ecs:UpdateService");
    assert_eq!(shop.runs(), shop.ran[1]);
    let input = json!({"taskDefinition": shop.ran[0]});
    shop.sandbox().ecs("DeregisterTaskDefinition", &input).expect("deregistered");
    shop.sandbox().faults().push(Fault::call("ecs:RegisterTaskDefinition", refused()));
    shop.rollback(&[]).finish().await.exits(3).says("register a revision");
    assert_eq!(shop.deployments().len(), 2);
}

#[tokio::test]
async fn without_the_record_of_deployments_nothing_is_guessed() {
    let shop = Shop::after(&["a", "b"]).await;
    let denied = Fault::call("ecs:ListServiceDeployments", Disturbance::AccessDenied);
    shop.sandbox().faults().push(denied.always());
    shop.rollback(&[]).finish().await.exits(3).says("ListServiceDeployments");
    assert!(shop.changes().is_empty());
}
