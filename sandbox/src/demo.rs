//! `sandbox demo`: the main job from end to end, from source to three migrated databases and the shop that serves one
//! of them, with the proof of both.

mod build;
mod http;
mod images;
mod page;
mod proof;
mod serving;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sandbox::options::{Engine, Options};
use sandbox::postgres::{self, Postgres};
use sandbox::seed::{CLUSTER, DATABASES, REPOSITORY, SECURITY_GROUPS, SUBNETS, SeedSystem, TASK_FAMILY};
use serde_json::Value;
use tokio::process::Command;

use crate::cli::Demo;
use crate::console;
use crate::interrupt::Interrupts;

/// The tag when there is no git to ask, as in an unpacked archive.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What is left in target/demo for a person to look at.
const PAGES: [&str; 6] =
    ["summary.html", "summary.md", "result.json", "deploy.html", "deploy-broken.html", "rollback.html"];

pub async fn run(flags: Demo) -> anyhow::Result<ExitCode> {
    let interrupts = Interrupts::listen()?;
    let checkout = checkout()?;
    let directory = checkout.join("target/demo");
    let state = directory.join("state");
    if flags.again && !state.join("sandbox.json").exists() {
        bail!(
            "go on from the last demo: there is no state in {}; run the demo without --again first",
            state.display()
        );
    }

    if flags.docker {
        // Before the last demo is forgotten.
        check_docker(&interrupts).await?;
    }

    console::step("1 · Build");
    let program = build::fargate_migrate(&checkout, &interrupts).await?;
    let app = build::app(&checkout, &interrupts).await?;
    let source = if flags.docker { Source::Dockerfile } else { Source::Binary(app.clone()) };

    console::step("2 · Start AWS and PostgreSQL, on this machine only");
    if !flags.again {
        forget(&directory)?;
    }
    let engine = if flags.docker { Engine::Docker } else { Engine::Process };
    let options = Options { pace: flags.pace, engine, ..Options::default() };
    let postgres = postgres::Options { announce: Arc::new(console::line), ..postgres::Options::default() };
    let system = interrupts.or(SeedSystem::start(options, postgres, Some(&state))).await?;
    introduce(&system);

    let migration = Migration {
        program,
        app,
        source,
        tag: match flags.tag {
            Some(tag) => tag,
            None => commit(&checkout).await,
        },
        checkout,
        directory,
    };
    let shown = show(&migration, &system, &interrupts).await;
    if flags.docker {
        remove_images(system.sandbox.registry().repository_uri(REPOSITORY)).await;
    }
    // Everything ends before the outcome is printed, whatever it is.
    system.stop().await?;
    let result = shown?;

    console::step("Done");
    for name in PAGES {
        console::line(&migration.directory.join(name).display().to_string());
    }
    proof::check(&result)?;
    if flags.again {
        proof::nothing_was_left_to_do(&result)?;
    } else {
        console::line("once more, with nothing left to do: cargo demo --again");
    }
    Ok(ExitCode::SUCCESS)
}

/// What fargate-migrate is run with.
struct Migration {
    program: PathBuf,
    /// The app as a static executable.
    app: PathBuf,
    source: Source,
    tag: String,
    checkout: PathBuf,
    directory: PathBuf,
}

enum Source {
    /// A static executable, packaged without Docker.
    Binary(PathBuf),
    /// app/Dockerfile.
    Dockerfile,
}

async fn show(migration: &Migration, system: &SeedSystem, interrupts: &Interrupts) -> anyhow::Result<Value> {
    console::step("3 · Plan: what would be done; nothing is changed");
    let mut command = migration.command(system, "migrate", &["--plan"]);
    let plan = interrupts.output(command.stdout(Stdio::inherit())).await?;
    if !plan.status.success() {
        bail!("plan the migration: fargate-migrate ended with {}", plan.status);
    }
    proof::nothing_changed(system).await?;

    console::step("4 · Migrate");
    let summary = migration.directory.join("summary.md");
    fs::create_dir_all(&migration.directory).context("create target/demo")?;
    let summary_flag: OsString =
        [OsString::from("--summary-file="), summary.clone().into()].into_iter().collect();
    let flags = ["--format".as_ref(), "json".as_ref(), summary_flag.as_os_str()];
    let mut command = migration.command(system, "migrate", &flags);
    let output = interrupts.output(command.stdout(Stdio::piped())).await?;
    keep(migration, &summary, &output.stdout)?;
    let result: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("read the result of fargate-migrate, which ended with {}", output.status))?;
    if !output.status.success() {
        bail!("migrate: fargate-migrate ended with {}; see {}", output.status, summary.display());
    }

    console::step("5 · Prove it with SQL, past everything that reported it");
    proof::ask_the_databases(&system.postgres, &result).await?;
    serving::show(migration, system, interrupts).await?;
    Ok(result)
}

impl Migration {
    /// Makes the command `fargate-migrate` over all databases, with the image of the commit.
    fn command(&self, system: &SeedSystem, operation: &str, flags: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.bare(system, operation, flags);
        command.args(["--task-definition", TASK_FAMILY]);
        command.args(["--subnets", SUBNETS, "--security-groups", SECURITY_GROUPS, "--tag", &self.tag]);
        command.args(["--max-parallel", "3"]);
        for database in DATABASES {
            command.args(["--database", database]);
        }
        match &self.source {
            Source::Binary(path) => command.arg("--binary").arg(path),
            Source::Dockerfile => {
                command.args(["--dockerfile", "app/Dockerfile", "--context", ".", "--target", "production"])
            }
        };
        command
    }

    /// Makes the command `fargate-migrate` on the seed's cluster, without the variables of a workflow.
    fn bare(&self, system: &SeedSystem, operation: &str, flags: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(operation).args(flags);
        if operation != "build" {
            command.args(["--cluster", CLUSTER]);
        }
        // In CI the demo is one step among others, and must not write to that step's workflow files.
        let ours = |name: &str| {
            ["GITHUB_", "INPUT_", "RUNNER_", "ACTIONS_"].iter().any(|start| name.starts_with(start))
        };
        let workflow = std::env::vars_os().map(|(name, _)| name).filter(|name| ours(&name.to_string_lossy()));
        for variable in workflow.chain(crate::interfering_variables()) {
            command.env_remove(variable);
        }
        command.envs(system.sandbox.environment()).current_dir(&self.checkout);
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }
}

/// Writes what is there before anything is judged: a failed demo is looked at, too.
fn keep(migration: &Migration, summary: &Path, result: &[u8]) -> anyhow::Result<()> {
    let write = |name: &str, bytes: &[u8]| {
        let path = migration.directory.join(name);
        fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
    };
    write("result.json", result)?;
    if let Ok(markdown) = fs::read_to_string(summary) {
        write("summary.html", page::page("fargate-migrate demo", &markdown).as_bytes())?;
    }
    Ok(())
}

fn introduce(system: &SeedSystem) {
    console::line(&format!("ECS, ECR, CloudWatch Logs and Secrets Manager at {}", system.sandbox.endpoint()));
    console::line(&format!("{} on 127.0.0.1:{}", system.postgres.origin(), system.postgres.port()));
    console::line(&format!("task definition {TASK_FAMILY}, which names no database"));
    if !system.postgres.is_ours() {
        console::line("the server is yours: its databases stay when the demo ends");
    }
}

/// Asks the Docker Engine for its version. The error has the client's own words.
async fn check_docker(interrupts: &Interrupts) -> anyhow::Result<()> {
    let mut docker = Command::new("docker");
    docker.args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null());
    docker.stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = interrupts.output(&mut docker).await.context("ask for the Docker Engine")?;
    if !answer.status.success() {
        let why = String::from_utf8_lossy(&answer.stderr);
        bail!("ask for the Docker Engine: {}\nstart it, or run the demo without --docker", why.trim());
    }
    Ok(())
}

/// Removes the engine's copies of the images: the registry that they are named after is about to end, and has its
/// own.
async fn remove_images(name: String) {
    let docker = |arguments: &[&str]| {
        let mut docker = Command::new("docker");
        docker.args(arguments).stdin(Stdio::null()).output()
    };
    let format = "{{.Repository}}:{{.Tag}}\t{{.Repository}}@{{.Digest}}";
    let Ok(found) = docker(&["images", "--digests", "--format", format, &name]).await else { return };
    for reference in
        String::from_utf8_lossy(&found.stdout).split_whitespace().filter(|name| !name.contains("<none>"))
    {
        // One that is in use stays, and harms nobody.
        let _ = docker(&["rmi", reference]).await;
    }
}

/// Removes what the last demo left.
fn forget(directory: &Path) -> anyhow::Result<()> {
    Postgres::forget(&directory.join("state/postgres"))?;
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Finds the workspace above this package, whose directory cargo names, or above the current directory.
fn checkout() -> anyhow::Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = package.map_or_else(std::env::current_dir, Ok).context("find the current directory")?;
    start
        .ancestors()
        .find(|directory| directory.join("app/Cargo.toml").is_file() && directory.join("sandbox").is_dir())
        .map(Path::to_owned)
        .context("find the checkout with app/ and sandbox/: run cargo demo inside of it")
}

async fn commit(checkout: &Path) -> String {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(checkout).stderr(Stdio::null()).stdin(Stdio::null());
    match git.output().await {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => NO_COMMIT.to_owned(),
    }
}
