//! Packs: many databases a task, where nothing is pending. Simulated for the curve, and once with a real PostgreSQL.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use sandbox::postgres::{self, Postgres};
use sandbox::{Options, Pace, Quotas, Sandbox, seed};

use crate::data::{Packed, Real};
use crate::fleet::{Kind, in_a_process};
use crate::{process, programs};

const PACKS: &str = "--databases-per-task=auto";
const TEMPLATE: &str = "template_of_tenants";
/// What is asked of the databases: the arguments before all others.
pub type Operation = [&'static str];

const MIGRATE: &Operation = &["migrate"];
const TAG: &str = "0123456789abcdef0123456789abcdef01234567";

pub fn measure(quick: bool, databases: Option<usize>) -> Result<Packed> {
    let databases = databases.unwrap_or(if quick { 48 } else { 400 });
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let real = runtime.block_on(with_postgres(databases, MIGRATE))?;
    println!("{real:?}");
    let (packed, single): (&[usize], &[usize]) = if quick {
        (&[100, 1_000, 5_000], &[100, 1_000])
    } else {
        (&[100, 300, 1_000, 2_500, 5_000, 10_000, 20_000], &[100, 1_000, 5_000])
    };
    let run = |sizes: &[usize], flags: &[&str]| -> Result<Vec<_>> {
        sizes.iter().map(|databases| in_a_process(*databases, Kind::UpToDate, flags)).collect()
    };
    let packed = run(packed, &[PACKS])?;
    println!("one task each:");
    let single = run(single, &[])?;
    Ok(Packed { packed, single, real })
}

/// The real program, the real shop and a real PostgreSQL with so many databases, at Fargate's own pace.
pub async fn with_postgres(databases: usize, operation: &Operation) -> Result<Real> {
    let app = programs::app()?;
    let postgres = Postgres::find_or_start(&postgres::Options::default()).await?;
    let options = Options {
        pace: Pace::Realistic { scale: 1.0 },
        quotas: Quotas::Documented,
        keep_calls: false,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await?;
    seed::seed(&sandbox, &postgres).await?;
    let names: Vec<String> = (0..databases).map(|n| format!("tenant_{n:05}")).collect();
    let megabytes = create(&postgres, &app, &names).await?;

    let home = tempfile::tempdir().context("make a directory")?;
    let mut build = programs::fargate_migrate(home.path(), sandbox.environment());
    build.args(["build", "--repository", seed::REPOSITORY, "--tag", TAG, "--binary"]).arg(&app);
    let built = build.output().await.context("run fargate-migrate build")?;
    ensure!(built.status.success(), "build: {}", String::from_utf8_lossy(&built.stderr));

    let list = home.path().join("databases");
    std::fs::write(&list, names.join("\n")).context("write the databases' names")?;
    let mut command = Command::new(programs::FARGATE_MIGRATE);
    command
        .args(operation)
        .args(&seed::MIGRATE[1..])
        .args(["--repository", seed::REPOSITORY, "--tag", TAG])
        .args(["--max-parallel=24", PACKS])
        .arg("--databases-file")
        .arg(&list)
        .arg("--binary")
        .arg(&app)
        .env_clear()
        .envs(sandbox.environment())
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null());
    let before = sandbox.figures();
    let cost = tokio::task::spawn_blocking(move || process::run(&mut command)).await.context("wait")??;
    let figures = sandbox.figures();
    let spans = sandbox
        .tasks()
        .into_iter()
        .filter_map(|task| Some(task["executionStoppedAt"].as_f64()? - task["startedAt"].as_f64()?));
    let longest_container = spans.fold(0.0, f64::max);
    sandbox.stop().await;
    let origin = postgres.origin().split(" from ").next().unwrap_or_default().to_owned();
    forget(&postgres, &names).await?;
    postgres.stop();
    Ok(Real {
        databases,
        server: origin,
        megabytes_per_database: megabytes,
        makespan: cost.wall,
        tasks: figures.tasks.started,
        calls: figures.total_calls() - before.total_calls(),
        throttled: figures.throttled(),
        longest_container,
        peak_mib: cost.peak_mib,
        cpu_seconds: cost.cpu_seconds,
    })
}

/// Copies of one migrated database; answers how many megabytes each has.
async fn create(postgres: &Postgres, app: &Path, names: &[String]) -> Result<f64> {
    forget(postgres, names).await?;
    postgres.drop_database(TEMPLATE).await?;
    postgres.create_database(TEMPLATE).await?;
    let status = tokio::process::Command::new(app)
        .arg("migrate")
        .env_clear()
        .env("DATABASE_HOST", postgres.host())
        .env("DATABASE_PORT", postgres.port().to_string())
        .env("DATABASE_USER", postgres.user())
        .env("DATABASE_PASSWORD", postgres.password())
        .env("DATABASE_NAME", TEMPLATE)
        .stdout(Stdio::null())
        .status()
        .await
        .context("run app migrate")?;
    ensure!(status.success(), "app migrate ended with {status}");
    let client = postgres.connect(postgres.default_database()).await?;
    for name in names {
        let statement = format!("create database {name} template {TEMPLATE}");
        client.batch_execute(&statement).await.with_context(|| format!("create database {name}"))?;
    }
    let size =
        client.query_one("select pg_database_size($1)", &[&TEMPLATE]).await.context("ask for a size")?;
    Ok(size.get::<_, i64>(0) as f64 / 1e6)
}

async fn forget(postgres: &Postgres, names: &[String]) -> Result<()> {
    // A server of our own ends with all it has.
    if !postgres.is_ours() {
        for name in names {
            postgres.drop_database(name).await?;
        }
    }
    Ok(())
}
