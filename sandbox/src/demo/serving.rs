//! The service: created, deployed, asked; then a broken image, which ECS takes back; then a rollback.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sandbox::seed::{
    REPOSITORY, SERVICE, SERVICE_CONTAINER, SERVICE_LOG_GROUP, SERVICE_TASKS, SeedSystem, create_service,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Migration, http, images, page};
use crate::console;
use crate::interrupt::Interrupts;

/// How long the first tasks of the service may take, whatever the pace.
const FIRST_TASKS: Duration = Duration::from_secs(600);
/// Between two looks at them.
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn show(
    migration: &Migration,
    system: &SeedSystem,
    interrupts: &Interrupts,
) -> anyhow::Result<()> {
    console::step("6 · A service that runs the commit before");
    let earlier = images::earlier(&migration.app, &migration.directory)?;
    let earlier = build(migration, system, interrupts, &earlier, "earlier").await?;
    create_service(&system.sandbox, &earlier)?;
    interrupts.or(asked_when_all_run(system, &earlier)).await?;

    console::step("7 · Deploy: migrate, then the service, and prove both");
    let command = migration.command(system, "deploy", &DEPLOY);
    let (code, result) = shown(migration, command, "deploy", interrupts).await?;
    expect(&result, code, 0, "deployed")?;
    let current = format!("{}@{}", uri(system), text(&result["image"]["digest"])?);
    ask(system, &current).await?;

    console::step("8 · Deploy an image that crashes: ECS takes it back, and the run is red");
    let broken = images::broken(&migration.app, &migration.directory)?;
    let broken = build(migration, system, interrupts, &broken, "broken").await?;
    let flags = ["--service", SERVICE, "--format", "json", "--no-migration", "--image", &broken];
    let command = migration.bare(system, "deploy", &flags);
    let (code, result) = shown(migration, command, "deploy-broken", interrupts).await?;
    expect(&result, code, 1, "rolled back")?;
    console::line("exit code 1, as it has to be; the shop serves what it served before:");
    ask(system, &current).await?;

    console::step("9 · Roll back, to what really ran before");
    let flags = ["--service", SERVICE, "--format", "json"];
    let command = migration.bare(system, "rollback", &flags);
    let (code, result) = shown(migration, command, "rollback", interrupts).await?;
    expect(&result, code, 0, "rolled back")?;
    ask(system, &earlier).await
}

const DEPLOY: [&str; 4] = ["--service", SERVICE, "--format", "json"];

fn uri(system: &SeedSystem) -> String {
    system.sandbox.registry().repository_uri(REPOSITORY)
}

/// Packages an executable as an image of the repository. Returns its reference by digest.
async fn build(
    migration: &Migration,
    system: &SeedSystem,
    interrupts: &Interrupts,
    executable: &Path,
    tag: &str,
) -> anyhow::Result<String> {
    let executable = executable.display().to_string();
    let flags = ["--repository", REPOSITORY, "--tag", tag, "--binary", &executable, "--format", "json"];
    let (code, result) = run(migration.bare(system, "build", &flags), interrupts).await?;
    if code != 0 {
        bail!("build the image {tag}: fargate-migrate ended with {code}");
    }
    text(&result["image"]["reference"]).map(str::to_owned)
}

/// Runs a command. Returns its exit code, -1 after a signal, and the result that it printed.
async fn run(mut command: tokio::process::Command, interrupts: &Interrupts) -> anyhow::Result<(i32, Value)> {
    let output = interrupts.output(command.stdout(Stdio::piped())).await?;
    let code = output.status.code().unwrap_or(-1);
    let result = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("read the result of fargate-migrate, which ended with {code}"))?;
    Ok((code, result))
}

/// Does the same, and writes the job summary as a page of this name.
async fn shown(
    migration: &Migration,
    mut command: tokio::process::Command,
    name: &str,
    interrupts: &Interrupts,
) -> anyhow::Result<(i32, Value)> {
    let summary = migration.directory.join(format!("{name}.md"));
    command.arg("--summary-file").arg(&summary);
    let ended = run(command, interrupts).await;
    let markdown = fs::read_to_string(&summary).with_context(|| format!("read {}", summary.display()))?;
    let path = summary.with_extension("html");
    let title = format!("fargate-migrate demo: {name}");
    fs::write(&path, page::page(&title, &markdown)).with_context(|| format!("write {}", path.display()))?;
    ended
}

fn expect(result: &Value, code: i32, expected: i32, verdict: &str) -> anyhow::Result<()> {
    let actual = &result["services"][0]["verdict"];
    if code != expected || actual != verdict {
        bail!(
            "service {SERVICE}: exit code {code} and verdict {actual}, where {expected} and {verdict} were expected"
        );
    }
    Ok(())
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().with_context(|| format!("read the result: {value} is not text"))
}

/// Lists the running tasks of the service: their ids, with the digest of their image.
fn running(system: &SeedSystem) -> Vec<(String, String)> {
    let group = format!("service:{SERVICE}");
    let of_service = |task: &Value| task["group"] == *group && task["lastStatus"] == "RUNNING";
    let tasks = system.sandbox.tasks().into_iter().filter(of_service);
    tasks
        .map(|task| {
            let id = task["taskArn"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            let digest = task["containers"][0]["imageDigest"].as_str().unwrap_or_default();
            (id.to_owned(), digest.to_owned())
        })
        .collect()
}

/// Waits until the first tasks of a service run and listen, and then asks them.
async fn asked_when_all_run(system: &SeedSystem, image: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let tasks = running(system);
        let all = tasks.len() == SERVICE_TASKS as usize;
        if all && tasks.iter().all(|(id, _)| address(system, id).is_some()) {
            return ask(system, image).await;
        }
        if began.elapsed() > FIRST_TASKS {
            bail!(
                "create service {SERVICE}: {} of {SERVICE_TASKS} tasks run after {FIRST_TASKS:?}",
                tasks.len()
            );
        }
        sleep(LOOK).await;
    }
}

/// Reads from a task's log where it listens; `None` before it says so.
fn address(system: &SeedSystem, task: &str) -> Option<String> {
    let stream = format!("{SERVICE_CONTAINER}/{SERVICE_CONTAINER}/{task}");
    let events = system.sandbox.log_events(SERVICE_LOG_GROUP, &stream);
    events.iter().find_map(|event| {
        let address = event.message.strip_prefix("listening on http://")?;
        address.split(' ').next().map(str::to_owned)
    })
}

/// Asks every running task whether it is ready, and for a product; each must run this image.
async fn ask(system: &SeedSystem, image: &str) -> anyhow::Result<()> {
    let tasks = running(system);
    if tasks.len() != SERVICE_TASKS as usize {
        bail!("ask service {SERVICE}: {} tasks run, and {SERVICE_TASKS} are wanted", tasks.len());
    }
    for (id, digest) in tasks {
        if !image.ends_with(&digest) || digest.is_empty() {
            bail!("task {id} runs {digest}, not {image}");
        }
        let address =
            address(system, &id).with_context(|| format!("task {id} does not say where it listens"))?;
        let ready = http::get(&address, "/ready").await?;
        let list = http::get(&address, "/products?limit=1").await?;
        let first = list["products"][0]["id"].as_i64().context("the shop has no product")?;
        let product = http::get(&address, &format!("/products/{first}")).await?;
        console::line(&format!(
            "task {} at {address}: ready on version {}, sells \"{}\", image {}",
            &id[..8.min(id.len())],
            ready["current"],
            product["title"].as_str().unwrap_or_default(),
            digest.get(..19).unwrap_or(&digest),
        ));
    }
    Ok(())
}
