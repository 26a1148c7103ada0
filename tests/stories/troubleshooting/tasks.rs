use nix::sys::signal::Signal;
use sandbox::{Disturbance, Fault, Script, seed};

use super::told::Told;
use crate::lifecycle::{running, until};
use crate::support::{HEALTH, World};

pub async fn throttled() -> Told {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::Throttle).times(6));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::of(&run, 0, "note: RunTask is throttled")
}

/// A run in GitHub Actions has the task.
pub async fn migrated_by_another_task() -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let other = world.migrate(&["--database", HEALTH]).in_actions().variable("GITHUB_RUN_ID", "77").spawn();
    until("a running task", || running(&world) == 1).await;
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    other.signal(Signal::SIGINT);
    other.finish().await.exits(130);
    Told::result(&run, 1)
}

pub async fn no_report() -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().line("No migrations to apply."));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 1)
}

pub async fn unreadable_logs() -> Told {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::call("logs:GetLogEvents", Disturbance::AccessDenied).always());
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 1)
}

/// The seed's task definition says nothing of a mode.
pub async fn non_blocking_logs() -> Told {
    let world = World::new().await;
    let definition = seed::task_definition().expect("the seed's");
    let options = &definition["taskDefinition"]["containerDefinitions"][0]["logConfiguration"]["options"];
    assert_eq!(options.get("mode"), None);
    let run = world.migrate(&["--database", HEALTH, "--plan"]).finish().await;
    Told::of(&run, 0, "note: container migration logs")
}
