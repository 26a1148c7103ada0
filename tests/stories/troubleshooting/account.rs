use std::time::Duration;

use sandbox::{Disturbance, Fault, Script};

use super::told::Told;
use crate::credentials::by_role;
use crate::proxy::{assuming, server::Proxy, unrecorded};
use crate::support::{HEALTH, World};

pub async fn no_credentials() -> Told {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH]).without("AWS_ACCESS_KEY_ID").finish().await;
    Told::of(&run, 2, "error: ")
}

pub async fn no_permission_for_tokens() -> Told {
    let world = World::new().await;
    let run = by_role(&world, &[]).without("ACTIONS_ID_TOKEN_REQUEST_URL").without("GITHUB_ACTIONS");
    Told::of(&run.finish().await, 2, "error: ")
}

pub async fn no_region() -> Told {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH]).without("AWS_REGION").without("AWS_DEFAULT_REGION");
    Told::of(&run.finish().await, 2, "error: ")
}

pub async fn no_trust() -> Told {
    let world = World::new().await;
    world.sandbox.issuer().set_subject("repo:octo@4242/shop@70107:ref:refs/heads/main");
    let run = by_role(&world, &[]).finish().await;
    Told::of(&run, 2, "error: ")
}

/// Before anything has begun, and while a task runs.
pub async fn expired_credentials() -> Told {
    let world = World::new().await;
    let expired = |operation: &str| Fault::call(operation, Disturbance::ExpiredToken).always();
    world.sandbox.faults().push(expired("sts:GetCallerIdentity"));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    let first = Told::of(&run, 3, "error: ");
    world.sandbox.faults().clear();
    world.program(|_| Script::new().sleep(Duration::from_secs(30)));
    world.sandbox.faults().push(expired("ecs:DescribeTasks").after(1));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    first.and(Told::of(&run, 1, "healthtech_experiment  ✖"))
}

pub async fn refused_by_the_proxy() -> Told {
    let world = World::with(unrecorded()).await;
    let proxy = Proxy::start(&[], false).await;
    let run = assuming(&world, &proxy.address).without("GITHUB_ACTIONS").finish().await;
    assert!(proxy.seen().len() > 1, "it is asked again: {:?}", proxy.seen());
    Told::of(&run, 3, "error: ")
}

/// What the identity may not do, and what RunTask may not do for it.
pub async fn denied_calls() -> Told {
    let world = World::new().await;
    let denied = Fault::call("ecs:RegisterTaskDefinition", Disturbance::AccessDenied);
    world.sandbox.faults().push(denied);
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    let first = Told::of(&run, 3, "error: ");
    let message = "User: arn:aws:sts::123456789012:assumed-role/migrations-run/gha is not authorized to perform: \
                   iam:PassRole on resource: arn:aws:iam::123456789012:role/ecsTaskRole-startupwebapp with an explicit \
                   deny in a service control policy";
    let pass_role = Disturbance::Error { code: "AccessDeniedException".into(), message: message.into() };
    world.sandbox.faults().push(Fault::call("ecs:RunTask", pass_role));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    first.and(Told::result(&run, 3))
}
