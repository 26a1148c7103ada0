//! The witness: what it adds to a command that does nothing, with a real PostgreSQL, and what a run takes longer that adds
//! it to an image.
//!
//! Each image with it is a new one: one byte more in the executable.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use sandbox::postgres::{self, Postgres};
use sandbox::seed;

use crate::data::{Rounds, Witness};
use crate::programs;
use crate::support::{HEALTH, World};

const DATABASE: &str = "witnessed";

pub fn measure(quick: bool) -> Result<Witness> {
    let executable = programs::package("witness")?;
    let app = programs::app()?;
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    let rounds = if quick { 5 } else { 40 };
    let (server, alone, in_front) = runtime.block_on(no_op(&executable, rounds))?;
    let (without, with) = runtime.block_on(layer(&executable, &app, if quick { 3 } else { 7 }))?;
    let bytes = fs::metadata(&executable).context("read the size of the witness")?.len();
    Ok(Witness {
        server,
        bytes,
        alone: Rounds(alone),
        in_front: Rounds(in_front),
        without: Rounds(without),
        with: Rounds(with),
    })
}

/// `true` alone and behind the witness, in turn: seconds of each.
async fn no_op(witness: &Path, rounds: usize) -> Result<(String, Vec<f64>, Vec<f64>)> {
    let postgres = Postgres::find_or_start(&postgres::Options::default()).await?;
    postgres.drop_database(DATABASE).await?;
    postgres.create_database(DATABASE).await?;
    let history = "create table schema_migrations (version varchar primary key); insert into schema_migrations values ('001')";
    postgres.connect(DATABASE).await?.batch_execute(history).await.context("make a history")?;
    let folder = tempfile::tempdir().context("make a directory")?;
    fs::create_dir_all(folder.path().join("db/migrations")).context("make a directory")?;
    fs::write(folder.path().join("db/migrations/001_one.sql"), "").context("write a migration")?;
    let command = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs([
            ("PGHOST", postgres.host()),
            ("PGPORT", &postgres.port().to_string()),
            ("PGUSER", postgres.user()),
            ("PGPASSWORD", postgres.password()),
            ("PGDATABASE", DATABASE),
        ]);
        command
    };
    let (mut alone, mut in_front) = (Vec::new(), Vec::new());
    // The first one warms both up, and is not counted.
    for round in 0..=rounds {
        let own = command(Path::new("true"), &[]);
        let witnessed = command(witness, &["--history=dbmate", "--", "true"]);
        for (mut command, times) in [(own, &mut alone), (witnessed, &mut in_front)] {
            let began = Instant::now();
            let status = command.status().context("run a command")?;
            ensure!(status.success(), "it ended with {status}");
            if round > 0 {
                times.push(began.elapsed().as_secs_f64());
            }
        }
    }
    let server = postgres.origin().split(" from ").next().unwrap_or_default().to_owned();
    postgres.drop_database(DATABASE).await?;
    postgres.stop();
    Ok((server, alone, in_front))
}

/// The same migration of an image that is in ECR, without and with the witness: seconds of each.
async fn layer(witness: &Path, app: &Path, rounds: u8) -> Result<(Vec<f64>, Vec<f64>)> {
    let world = World::new().await;
    let binary = app.display().to_string();
    let build = ["build", "--binary", &binary, "--tag=v1", "--repository", seed::REPOSITORY];
    world.command(&build).finish().await.exits(0);
    let image = format!("{}:v1", world.sandbox.registry().repository_uri(seed::REPOSITORY));
    let path = world.directory.path().join("witness");
    let executable = format!("--witness-executable={}", path.display());
    let mut bytes = fs::read(witness).context("read the witness")?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        bytes.push(round);
        fs::write(&path, &bytes).context("write the witness")?;
        let flags = ["--image", &image, "--database", HEALTH];
        let both = [&flags[..], &["--witness", &executable]].concat();
        for (flags, times) in [(&flags[..], &mut without), (&both[..], &mut with)] {
            let began = Instant::now();
            world.migrate(flags).finish().await.exits(0);
            if round > 0 {
                times.push(began.elapsed().as_secs_f64());
            }
        }
    }
    Ok((without, with))
}
