//! Fleets on the simulated AWS: the real pipeline and the SDK in one process with the sandbox, on a paused clock.
//!
//! A process per size, so that its peak of memory and its CPU seconds are its own; the sandbox's are among them.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sandbox::StandIn;
use sandbox::stand_in::{Ends, Migration};

use crate::data::{Fleet, Size};
use crate::floor;
use crate::process;
use crate::world::{Shape, World, simulate};

/// What a fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Every database has migrations to apply, 5 to 65 s of them.
    Pending,
    /// None has: one round trip each.
    UpToDate,
}

/// How long a database without pending migrations takes its container: docs/performance/packed.json has what it took
/// with a real PostgreSQL.
const ROUND_TRIP: Duration = Duration::from_millis(40);
/// What `app migrate` does at a time when it is told nothing.
const JOBS: usize = 8;

pub fn measure(quick: bool) -> Result<Fleet> {
    let sizes: &[usize] = if quick { &[1, 10, 100, 1_000] } else { &[1, 10, 100, 1_000, 5_000] };
    let sizes = sizes.iter().map(|databases| in_a_process(*databases, Kind::Pending, &[]));
    Ok(Fleet { sizes: sizes.collect::<Result<_>>()? })
}

/// [`simulated`] in a child process.
pub fn in_a_process(databases: usize, kind: Kind, flags: &[&str]) -> Result<Size> {
    let directory = tempfile::tempdir().context("make a directory")?;
    let kind = if kind == Kind::Pending { "pending" } else { "up-to-date" };
    let output = Command::new(std::env::current_exe().context("find this program")?)
        .args(["--bench", "size", "--databases", &databases.to_string(), "--kind", kind, "--"])
        .args(flags)
        // Logs of a fleet stay in the temporary directory.
        .env("TMPDIR", directory.path())
        .stderr(Stdio::inherit())
        .output()
        .context("start this program again")?;
    ensure!(output.status.success(), "{databases} databases: {}", output.status);
    let size: Size = serde_json::from_slice(&output.stdout).context("read a child's figures")?;
    println!("{size:?}");
    Ok(size)
}

pub fn simulated(databases: usize, kind: Kind, flags: &[String]) -> Size {
    let real = std::time::Instant::now();
    let image = match kind {
        Kind::Pending => Shape::default().image,
        Kind::UpToDate => StandIn::new(JOBS, |_| Migration::new(ROUND_TRIP, Ends::UpToDate)),
    };
    simulate(1, async || {
        let world = World::new(Shape { databases, image, ..Shape::default() });
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let ran = world.migrate(&[&["--max-parallel=24"], flags.as_slice()].concat()).await;
        assert_eq!(ran.migrated(), databases, "{:?}", ran.verdicts());
        assert_eq!(world.migrated_twice_at_once(), [""; 0]);
        world.all_stopped().await;
        let figures = world.figures();
        Size {
            databases,
            makespan: ran.took.as_secs_f64(),
            floor: floor::seconds(&floor::lengths(&world.lives()), world.slots()),
            tasks: figures.tasks.started,
            calls: figures.total_calls(),
            run_tasks: figures.calls_of("ecs:RunTask"),
            throttled: figures.throttled(),
            refused: figures.tasks.refused,
            peak_mib: process::peak_mib(),
            cpu_seconds: process::cpu_seconds(),
            real_seconds: real.elapsed().as_secs_f64(),
        }
    })
}
