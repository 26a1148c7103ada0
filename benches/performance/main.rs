//! `cargo bench`: what a run costs, measured here. docs/performance.md is made from its results.
//!
//! Ratios are between things of the same run on the same machine. Where a clock is simulated, it says so.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::data::Measured;
use crate::machine::Began;

/// Every database asked how far it is.
mod check;
/// What was found, as it is committed.
mod data;
/// Services rolled onto an image, on a simulated AWS.
mod deploy;
/// Fleets on a simulated AWS.
mod fleet;
/// The floor of a run: what a launcher that knew everything would take.
#[path = "../../tests/fleet/floor.rs"]
mod floor;
/// What was wanted, and whether it is so.
mod goals;
/// An executable into a registry.
mod image;
/// Databases one after the other.
mod in_a_row;
/// Log lines into files.
mod logs;
/// One database on MiniStack, in a real container.
mod ministack;
/// One database, against the steps that people write with the AWS CLI.
mod one;
/// The machine, its load, the commit.
mod machine;
/// Many databases a task.
mod packed;
/// docs/performance.md, made from the figures.
mod page;
/// What a process costs.
mod process;
/// The programs under measurement.
mod programs;
/// The listing of a database's schema.
mod schema;
/// How long it takes to begin.
mod start_up;
/// What stands in front of a command, and in an image.
mod witness;
/// What was found, for a terminal and the page.
mod tables;
/// AWS as another program plays it, and what it is started with.
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/fidelity/elsewhere.rs"]
mod elsewhere;
#[path = "../../tests/support/python.rs"]
mod environment;
#[expect(unused_imports, reason = "its own test needs more")]
#[path = "../../tests/fidelity/python.rs"]
mod python;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/support/world.rs"]
mod support;
/// A simulated account with services, and runs on it.
#[expect(dead_code, reason = "the simulation of rollouts needs more of it")]
#[path = "../../tests/rollouts/world.rs"]
mod services;
/// A simulated account with a fleet of databases, and runs on it.
#[expect(dead_code, reason = "the tests of fleets need more of it")]
#[path = "../../tests/fleet/world.rs"]
mod world;

#[derive(Parser)]
#[command(name = "cargo bench --", about = "Measures what fargate-migrate costs", version)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Write the figures into this directory, as NAME.json for each measurement.
    #[arg(long, value_name = "DIRECTORY", global = true)]
    json: Option<PathBuf>,
    /// Fewer rounds and smaller sizes.
    #[arg(long, global = true)]
    quick: bool,
    /// Cargo passes it.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand, Clone, PartialEq, Eq)]
enum What {
    /// One database: its container's exit to the end of the program, overhead and calls, against benches/baseline.sh.
    One,
    /// 1 to 5,000 databases, one task each, on a simulated AWS.
    Fleet,
    /// 1 to 10 services, on a simulated AWS: how late the end of a deployment is seen, and the calls that it takes.
    Deploy,
    /// 100 to 20,000 databases without pending migrations, many a task, and some of them with a real PostgreSQL.
    Packed {
        /// Databases in the real PostgreSQL: some 11 MB of TMPDIR each
        #[arg(long, value_name = "N")]
        databases: Option<usize>,
    },
    /// 1,000 databases of a real PostgreSQL, asked how far they are.
    Check {
        /// Databases in the real PostgreSQL: some 11 MB of TMPDIR each
        #[arg(long, value_name = "N")]
        databases: Option<usize>,
    },
    /// Lines a second from CloudWatch Logs into files.
    Logs,
    /// `--plan` and the size of the program.
    StartUp,
    /// `--binary` against docker build.
    Image,
    /// The shop's hash of a database's schema, in a real PostgreSQL.
    Schema,
    /// The witness: in front of a command that does nothing, and as a layer of an image.
    Witness,
    /// Days on which anything may go wrong, simulated: docs/reliability.md.
    #[command(disable_help_flag = true)]
    Faults(Others),
    /// The real program, killed and resumed, with a real PostgreSQL: docs/reliability.md.
    #[command(disable_help_flag = true)]
    Kills(Others),
    /// Nothing is measured: docs/performance.md is made from docs/performance/*.json.
    Report,
    /// One fleet, in this process.
    #[command(hide = true)]
    Size {
        #[arg(long)]
        databases: usize,
        #[arg(long)]
        kind: fleet::Kind,
        #[arg(last = true)]
        flags: Vec<String>,
    },
}

/// What another program of `cargo bench` does. Each is started with the same arguments.
#[derive(Args, Clone, PartialEq, Eq)]
struct Others {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    all: Vec<String>,
}

const ALL: [What; 10] = [
    What::StartUp,
    What::Image,
    What::Logs,
    What::One,
    What::Fleet,
    What::Deploy,
    What::Packed { databases: None },
    What::Check { databases: None },
    What::Schema,
    What::Witness,
];

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(what @ (What::Faults(_) | What::Kills(_))) = &arguments.what {
        // The programs that do it look at their first argument.
        let is_first = std::env::args().nth(1).as_deref() == Some(what.name());
        ensure!(is_first, "write {} first, and its flags behind it", what.name());
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.bench {
        // `cargo test --all-targets` and the like: nothing is timed there.
        eprintln!("measures under cargo bench only");
        return Ok(ExitCode::SUCCESS);
    }
    // Before an hour of measuring, not after it.
    if let Some(directory) = &arguments.json {
        std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let file = |what: &What| arguments.json.as_ref().map(|to| to.join(format!("{}.json", what.name())));
    let Some(what) = arguments.what else {
        let mut code = ExitCode::SUCCESS;
        for what in ALL {
            // What one of them lacks keeps the others from nothing.
            if let Err(error) = measure(&what, arguments.quick, file(&what).as_deref()) {
                eprintln!("{}: {error:#}", what.name());
                code = ExitCode::FAILURE;
            }
        }
        return Ok(code);
    };
    measure(&what, arguments.quick, file(&what).as_deref())?;
    Ok(ExitCode::SUCCESS)
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Fleet => "fleet",
            Self::Deploy => "deploy",
            Self::Packed { .. } => "packed",
            Self::Check { .. } => "check",
            Self::Report => "report",
            Self::Logs => "logs",
            Self::StartUp => "start-up",
            Self::Image => "image",
            Self::Schema => "schema",
            Self::Witness => "witness",
            Self::Size { .. } => "size",
            Self::Faults(_) => "faults",
            Self::Kills(_) => "kills",
        }
    }

    /// As it was asked for.
    fn command(&self) -> String {
        match self {
            Self::Packed { databases: Some(databases) } => format!("packed --databases {databases}"),
            Self::Check { databases: Some(databases) } => format!("check --databases {databases}"),
            other => other.name().to_owned(),
        }
    }
}

fn measure(what: &What, quick: bool, file: Option<&Path>) -> Result<()> {
    if let What::Size { databases, kind, flags } = what {
        let size = fleet::simulated(*databases, *kind, flags);
        println!("{}", serde_json::to_string(&size).context("write figures as JSON")?);
        return Ok(());
    }
    println!("\n=== {}", what.name());
    match what {
        What::One => keep(what, quick, file, one::measure, tables::one),
        What::Fleet => keep(what, quick, file, fleet::measure, tables::fleet),
        What::Deploy => keep(what, quick, file, deploy::measure, tables::deploy),
        What::Packed { databases } => {
            keep(what, quick, file, |quick| packed::measure(quick, *databases), tables::packed)
        }
        What::Check { databases } => {
            keep(what, quick, file, |quick| check::measure(quick, *databases), tables::check)
        }
        What::Logs => keep(what, quick, file, logs::measure, tables::logs),
        What::StartUp => keep(what, quick, file, start_up::measure, tables::start_up),
        What::Image => keep(what, quick, file, image::measure, tables::image),
        What::Schema => keep(what, quick, file, schema::measure, tables::schema),
        What::Witness => keep(what, quick, file, witness::measure, tables::witness),
        What::Report => page::write(Path::new(programs::CHECKOUT)),
        What::Size { .. } | What::Faults(_) | What::Kills(_) => Ok(()),
    }
}

fn keep<T: Serialize>(
    what: &What,
    quick: bool,
    file: Option<&Path>,
    measure: impl FnOnce(bool) -> Result<T>,
    tables: fn(&T) -> String,
) -> Result<()> {
    let began = Began::now(&what.command(), quick);
    let found = measure(quick)?;
    let measured = Measured { circumstances: began.ended(), found };
    println!("{}", tables::told(&measured, tables));
    let text = serde_json::to_string_pretty(&measured).context("write figures as JSON")? + "\n";
    match file {
        Some(file) => std::fs::write(file, text).with_context(|| format!("write {}", file.display())),
        None => {
            println!("{text}");
            Ok(())
        }
    }
}
