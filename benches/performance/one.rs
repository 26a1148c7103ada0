//! One database, by us and by benches/baseline.sh, on the same sandbox at Fargate's own pace.
//!
//! A task's own time is from its creation to its container's exit, and everything else that a program takes is its
//! overhead: also the seconds until ECS shows the exit, which no program can do without.

/// A program, from its start to its end.
mod run;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fargate_migrate::database_name;
use futures::future::try_join_all;
use sandbox::postgres::{self, Postgres};
use sandbox::{Options, Pace, Sandbox, Script, seed};
use serde_json::{Value, json};

use self::run::{baseline, ours};
use crate::data::{Case, One, Run, WITHOUT_REPORT};
use crate::{in_a_row, ministack, programs};

/// Another registry's, for scripts; the two programs register one each, so that neither finds the other's revision.
const IMAGES: [&str; 2] = [
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "registry.example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222",
];
const TAG: &str = "0123456789abcdef0123456789abcdef01234567";
/// The baseline registers a revision each time, so reuse is looked at in a family of its own.
const BASELINE_FAMILY: &str = "startupwebapp-migration-baseline";
/// Between the starts of two rounds: they run beside each other, and their processes start one after another.
const APART: Duration = Duration::from_secs(4);
/// `--log-drain`, as it is by default.
pub const LOG_DRAIN: Duration = Duration::from_secs(12);

pub fn measure(quick: bool) -> Result<One> {
    let aws_cli = programs::needs("aws", &["--version"], "pip install awscli")?;
    programs::needs("jq", &["--version"], "apt-get install jq")?;
    let app = programs::app()?;
    let count = if quick { 3 } else { 5 };
    let in_a_row = in_a_row::measure();
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let cases = runtime.block_on(async {
        let postgres = Postgres::find_or_start(&postgres::Options::default()).await?;
        let long = try_join_all((0..count).map(|n| async move {
            tokio::time::sleep(APART * n).await;
            thirty_seconds(n).await
        }));
        let without_report = try_join_all((0..count).map(|n| async move {
            tokio::time::sleep(APART * n + APART / 4).await;
            without_report(n).await
        }));
        let real = try_join_all((0..count).map(|n| {
            let (postgres, app) = (&postgres, app.as_path());
            async move {
                tokio::time::sleep(APART * n + APART / 2).await;
                with_the_shop(n, postgres, app).await
            }
        }));
        let (long, without_report, real) = tokio::try_join!(long, without_report, real)?;
        postgres.stop();
        let (reuse, nothing) = real.into_iter().map(|[reuse, nothing]| (reuse, nothing)).unzip();
        let without_report = Case { name: WITHOUT_REPORT.into(), ours: without_report, baseline: Vec::new() };
        anyhow::Ok(vec![
            case("30 s task", long),
            without_report,
            case("image reuse", reuse),
            case("no-op", nothing),
        ])
    })?;
    let ministack = runtime.block_on(ministack::measure())?;
    let aws_cli = aws_cli.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(One {
        aws_cli,
        at_a_time: 3 * count as usize,
        log_drain: LOG_DRAIN.as_secs_f64(),
        cases,
        in_a_row,
        ministack,
    })
}

fn case(name: &str, pairs: Vec<[Run; 2]>) -> Case {
    let (ours, baseline) = pairs.into_iter().map(|[ours, baseline]| (ours, baseline)).unzip();
    Case { name: name.into(), ours, baseline }
}

/// Which of the two goes first alternates.
async fn pair(
    n: u32,
    ours: impl Future<Output = Result<Run>>,
    baseline: impl Future<Output = Result<Run>>,
) -> Result<[Run; 2]> {
    if n.is_multiple_of(2) {
        let ours = ours.await?;
        Ok([ours, baseline.await?])
    } else {
        let baseline = baseline.await?;
        Ok([ours.await?, baseline])
    }
}

fn options(n: u32) -> Options {
    Options { pace: Pace::Realistic { scale: 1.0 }, seed: u64::from(n) + 1, ..Options::default() }
}

/// A container that works for 30 s and prints a line each second, then its report; image given, revision new.
async fn thirty_seconds(n: u32) -> Result<[Run; 2]> {
    let sandbox = worker(n, true).await?;
    let home = tempfile::tempdir().context("make a directory")?;
    let pair = pair(
        n,
        ours(&sandbox, home.path(), seed::TASK_FAMILY, seed::DATABASES[0], &["--image", IMAGES[0]]),
        baseline(&sandbox, home.path(), seed::TASK_FAMILY, seed::DATABASES[0], IMAGES[1]),
    )
    .await?;
    sandbox.stop().await;
    Ok(pair)
}

/// The same container without a report. The baseline knows none, so it would take what it takes with one.
async fn without_report(n: u32) -> Result<Run> {
    let sandbox = worker(n, false).await?;
    let home = tempfile::tempdir().context("make a directory")?;
    let drain = format!("--log-drain={}s", LOG_DRAIN.as_secs());
    let flags = ["--image", IMAGES[0], "--proof", "exit-code", &drain];
    let run = ours(&sandbox, home.path(), seed::TASK_FAMILY, seed::DATABASES[0], &flags).await?;
    sandbox.stop().await;
    Ok(run)
}

async fn worker(n: u32, reports: bool) -> Result<Sandbox> {
    let sandbox = Sandbox::start(options(n)).await?;
    seed::account(&sandbox)?;
    sandbox.set_program(seed::TASK_FAMILY, move |context| {
        let database = context.environment.get("DATABASE_NAME").cloned().unwrap_or_default();
        let mut script = Script::new();
        for second in 0..30 {
            script = script.line(format!("working, {second} s")).work(Duration::from_secs(1));
        }
        if reports { script.line(report(&database)) } else { script }
    });
    Ok(sandbox)
}

fn report(database: &str) -> String {
    json!({"migration_report": {
        "version": 1, "database": database, "from": "9", "applied": [{"version": "10", "name": "a", "ms": 30_000}],
        "pending": 0, "current": "10", "tables": 57, "ms": 30_000,
    }})
    .to_string()
}

/// The shop and PostgreSQL: first all of its migrations with an image and (ours) a revision that are there, then none.
async fn with_the_shop(n: u32, postgres: &Postgres, app: &Path) -> Result<[[Run; 2]; 2]> {
    let sandbox = Sandbox::start(options(n)).await?;
    seed::seed(&sandbox, postgres).await?;
    let home = tempfile::tempdir().context("make a directory")?;
    let mut build = programs::fargate_migrate(home.path(), sandbox.environment());
    let built = build
        .args(["build", "--repository", seed::REPOSITORY, "--tag", TAG, "--format", "json", "--binary"])
        .arg(app)
        .output()
        .await
        .context("run fargate-migrate build")?;
    ensure!(built.status.success(), "build: {}", String::from_utf8_lossy(&built.stderr));
    let built: Value = serde_json::from_slice(&built.stdout).context("read the result of build")?;
    let image = built["image"]["reference"].as_str().context("read the image of build")?;

    let databases = [format!("ours_{n}"), format!("baseline_{n}")];
    for database in &databases {
        postgres.drop_database(database).await?;
        postgres.create_database(database).await?;
    }
    register(&sandbox, BASELINE_FAMILY, |_| ())?;
    // What an earlier run of ours has registered.
    register(&sandbox, seed::TASK_FAMILY, |container| {
        container["image"] = image.into();
        if let Some(environment) = container["environment"].as_array_mut() {
            environment.push(json!({"name": "DATABASE_NAME", "value": database_name::PLACEHOLDER}));
        }
    })?;

    let app = app.to_string_lossy();
    let flags = ["--repository", seed::REPOSITORY, "--tag", TAG, "--binary", &app];
    let tagged = format!("{}:{TAG}", sandbox.registry().repository_uri(seed::REPOSITORY));
    let mut pairs = Vec::new();
    for n in [n, n + 1] {
        pairs.push(
            pair(
                n,
                ours(&sandbox, home.path(), seed::TASK_FAMILY, &databases[0], &flags),
                baseline(&sandbox, home.path(), BASELINE_FAMILY, &databases[1], &tagged),
            )
            .await?,
        );
    }
    let registered = pairs.iter().any(|[ours, _]| ours.calls.contains_key("ecs:RegisterTaskDefinition"));
    ensure!(!registered, "the revision of an earlier run was not reused");
    for database in &databases {
        ensure!(postgres.count_tables(database).await? > 50, "{database} was not migrated");
    }
    sandbox.stop().await;
    let pairs: [[Run; 2]; 2] = pairs.try_into().ok().context("two pairs")?;
    Ok(pairs)
}

fn register(sandbox: &Sandbox, family: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
    let mut document = seed::task_definition()?;
    document["taskDefinition"]["family"] = family.into();
    if let Some(definition) = document["taskDefinition"].as_object_mut() {
        definition.remove("taskDefinitionArn");
        definition.remove("revision");
    }
    change(&mut document["taskDefinition"]["containerDefinitions"][0]);
    match sandbox.register_task_definition(&document) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("register {family}: {}: {}", refusal.code, refusal.message),
    }
}
