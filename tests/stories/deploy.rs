use fargate_migrate::ports::CALLS;
use sandbox::{Disturbance, Fault, Script};

use crate::support::{HEALTH, IMAGE};

use self::shop::Shop;

/// ECS gives a deployment up.
mod failed;
/// --health-url.
mod health;
/// Texts that try to be more.
mod hostile;
/// Interrupted, killed, and run again.
mod interrupted;
/// What is done.
mod landed;
/// What another deploy action tests.
mod peer;
/// --plan, and what it says.
mod planned;
/// Exit code 2.
mod refused;
/// Several services in one run.
mod several;
/// A shop whose services run an older image.
pub mod shop;
/// Calls of somebody else.
mod somebody;
/// Blue/green, and hooks that pause.
mod stages;
/// Others beside us.
mod superseded;
/// What is denied, lost or late.
mod weaker;

#[tokio::test]
async fn a_plan_makes_reading_calls_only_and_hides_secrets() {
    let shop = Shop::new().await;
    let world = &shop.world;
    let before = world.sandbox.task_definitions().len();
    let planned = shop.deploy(&["--plan", "--database", HEALTH]).finish().await;
    planned
        .exits(0)
        .says("migrate 1 database, then deploy web")
        .says(&format!("+ image = {IMAGE}"))
        .says(r#""taskDefinition": "shop:<new revision>""#)
        .says("scheduled tasks (EventBridge)");
    planned.never_says("hunter2");
    for operation in world.operations() {
        let call = CALLS.iter().find(|call| call.action.ends_with(&format!(":{operation}")));
        assert!(call.is_some_and(|call| !call.changes), "{operation} is not a reading call of ports.rs");
    }
    assert_eq!(world.sandbox.task_definitions().len(), before);
}

#[tokio::test]
async fn a_commit_is_delivered_once_and_proved_again() {
    let shop = Shop::new().await;
    let world = &shop.world;
    let delivered = shop.deploy(&["--database", HEALTH]).finish().await;
    delivered.exits(0).says("service web: deployed: shop:2 in 2 running tasks");
    let updates = world.inputs("UpdateService");
    assert_eq!(updates.len(), 1);
    let keys: Vec<&str> = updates[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    shop.steady("web").await;
    let again = shop.deploy(&["--database", HEALTH]).finish().await;
    again.exits(0).says("service web: unchanged: it ran this already");
    assert_eq!(world.called("UpdateService"), 1);
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_before_any_migration() {
    let shop = Shop::new().await;
    let world = &shop.world;
    for (flags, said) in [
        (&["--database", HEALTH, "--service=nobody"][..], "service nobody does not exist"),
        (&["--database", HEALTH, "--service-container=nginx"], "no service has a container nginx"),
        (&["--database", HEALTH, "--no-migration"], "--database cannot be used with --no-migration"),
        (&[], "no service is deployed without proof of all"),
    ] {
        shop.deploy(flags).finish().await.exits(2).says(said);
    }
    assert_eq!((world.called("RunTask"), world.called("RegisterTaskDefinition")), (0, 0));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_service_as_it_is() {
    let shop = Shop::new().await;
    let world = &shop.world;
    world.program(|_| Script::new().line("no").exit(1));
    shop.deploy(&["--database", HEALTH]).finish().await.exits(1);
    assert_eq!((world.called("RunTask"), world.called("UpdateService")), (1, 0));
}

#[tokio::test]
async fn the_post_stage_knows_the_services() {
    let shop = Shop::new().await;
    let world = &shop.world;
    let refused = Disturbance::Error { code: "AccessDeniedException".into(), message: "no".into() };
    world.sandbox.faults().push(Fault::call("ecs:UpdateService", refused));
    let run = shop.deploy(&["--no-migration"]).in_actions().finish().await;
    let services = run.state.get("services").expect("the services");
    assert!(services.contains("task-definition/shop:2"), "{services}");
    assert_eq!(run.state.get("ended").map(String::as_str), Some("true"), "it came to its end by itself");
}
