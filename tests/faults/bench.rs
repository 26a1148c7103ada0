//! `cargo bench -- faults`: as many days on which anything may go wrong as it is told, and their figures.
//!
//! A program of its own, since the simulation is a crate of its own. With another first argument it has nothing to do.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

mod account;
mod databases;
mod day;
mod image;
mod oracle;
mod people;
mod shrink;
mod sum;
mod told;
mod trial;

#[derive(Parser)]
#[command(name = "cargo bench -- faults", about = "Lives through days on which anything may go wrong")]
struct Arguments {
    #[arg(hide = true)]
    what: String,
    /// Days, each with its runs
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    runs: u64,
    /// The seed of the first one
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// Write the figures into this directory, as reliability.json
    #[arg(long, value_name = "DIRECTORY")]
    json: Option<PathBuf>,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() != Some("faults") {
        return Ok(ExitCode::SUCCESS);
    }
    let Arguments { runs, first, json, .. } = Arguments::parse();
    let sum = sum::all(first..first + runs, sum::ENOUGH);
    println!("{sum}");
    if let Some(directory) = json {
        let path = directory.join("reliability.json");
        let figures = serde_json::to_string_pretty(&sum).context("write figures as JSON")? + "\n";
        std::fs::write(&path, figures).with_context(|| format!("write {}", path.display()))?;
    }
    if sum.violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", sum::told(&sum));
    Ok(ExitCode::FAILURE)
}
