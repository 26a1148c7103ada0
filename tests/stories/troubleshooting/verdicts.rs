use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::{Fault, Script, TaskFault, seed};
use serde_json::json;

use super::page;
use super::told::Told;
use crate::lifecycle::{running, started_by_hand, until};
use crate::support::{HEALTH, PROD, World, report};

const ROW: &str = "healthtech_experiment  ✖";

/// A migration of one database by this program.
async fn row(script: impl Fn() -> Script + Send + Sync + 'static, flags: &[&str], code: i32) -> Told {
    let world = World::new().await;
    world.program(move |_| script());
    let run = world.migrate(&[&["--database", HEALTH], flags].concat()).finish().await;
    Told::result(&run, code)
}

pub async fn failed() -> Told {
    let script = || Script::new().line("ERROR: relation \"orders\" already exists").exit(1);
    row(script, &[], 1).await
}

/// The README shows this line.
pub async fn wrong_database() -> Told {
    let told = row(|| Script::new().line(report(PROD)), &[], 1).await;
    let readme = page("README.md");
    let shown = readme.lines().find(|line| line.starts_with(ROW)).expect("a row");
    let without_duration = |row: &str| row.rsplit_once(", ").map(|(row, _)| row.to_owned());
    assert_eq!(told.text().lines().next().and_then(without_duration), without_duration(shown));
    told
}

pub async fn killed() -> Told {
    let world = World::new().await;
    let fault = TaskFault::OutOfMemory { after: Duration::from_secs(1) };
    world.sandbox.faults().push(Fault::task(fault));
    world.program(|_| Script::new().line("rewriting table client_events").until_stopped());
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 1)
}

pub async fn unproved() -> Told {
    let pending = report(HEALTH).replace("\"pending\":0", "\"pending\":2");
    row(move || Script::new().line(pending.clone()), &[], 1).await
}

/// A person has started the task.
pub async fn already_running() -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let told = json!([{"name": "DATABASE_NAME", "value": HEALTH}]);
    let overrides = json!({"containerOverrides": [{"name": "migration", "environment": told}]});
    started_by_hand(&world, seed::TASK_FAMILY, overrides);
    until("the task by hand", || running(&world) == 1).await;
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 1)
}

pub async fn wrong_input() -> Told {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH, "--timeout=soon"]).finish().await;
    Told::of(&run, 2, "error: ")
}

pub async fn never_started() -> Told {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::run_task("MISSING"));
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::result(&run, 3)
}

pub async fn timed_out() -> Told {
    let script = || Script::new().line("rewriting table client_events").until_stopped();
    row(script, &["--timeout=4s"], 4).await
}

/// `fargate-migrate run` of a command that goes on until it is stopped.
async fn command(flags: &[&str], code: i32, text: &str) -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().line("begun").until_stopped());
    let run = world.command(&[&["run"], &seed::MIGRATE[1..], &["--log-drain=1s"], flags].concat());
    Told::of(&run.finish().await, code, text)
}

pub async fn command_timed_out() -> Told {
    command(&["--timeout=2s", "--", "app"], 124, "still running at --timeout").await
}

pub async fn command_not_run() -> Told {
    command(&["--named=vacuum"], 125, "error: ").await
}

pub async fn cancelled() -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().until_stopped());
    let run = world.migrate(&["--database", HEALTH]).spawn();
    until("a running task", || running(&world) == 1).await;
    run.signal(Signal::SIGINT);
    Told::result(&run.finish().await, 130)
}

pub async fn not_run() -> Told {
    let world = World::new().await;
    world.program(|_| Script::new().line("no").exit(1));
    let run = world.migrate(&["--database", PROD, "--database", HEALTH]).finish().await;
    Told::result(&run, 1)
}
