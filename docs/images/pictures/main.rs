//! `cargo run --example pictures`: makes the pictures of the documentation from real runs against the sandbox.
//!
//! The runs go at Fargate's own pace, so the times in the pictures are those of a real account.

#![expect(clippy::print_stderr, reason = "a person waits for minutes")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use sandbox::Pace;

/// An account with the shop, and `fargate-migrate` in it.
mod account;
/// Chromium without a window.
mod browser;
/// The job summary of `deploy`.
mod summary;
/// A terminal's screen as SVG.
mod svg;
/// The terminal while a fleet is migrated.
mod terminal;

const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Parser)]
#[command(name = "cargo run --example pictures --", about = "Makes the pictures in docs/images")]
struct Arguments {
    /// Mermaid's `mermaid.min.js`, which draws the chart of the job summary; without it the chart is omitted
    #[arg(long, value_name = "PATH")]
    mermaid: Option<PathBuf>,
    /// How many times faster than Fargate the tasks are
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    scale: f64,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if factor.is_finite() && factor > 0.0 { Ok(factor) } else { Err("not above 0".to_owned()) }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let program = account::program()?;
    let mermaid = arguments.mermaid.as_deref().map(absolute).transpose()?;
    let pace = Pace::Realistic { scale: arguments.scale };
    let made = tokio::try_join!(
        async { summary::make(&program, pace, mermaid.as_deref()).await.context("picture the job summary") },
        async { terminal::make(&program, pace).await.context("picture the terminal") },
    );
    made.map(drop)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("find {}", path.display()))
}

/// Returns a path below `docs/images`.
fn image(name: &str) -> PathBuf {
    Path::new(CHECKOUT).join("docs/images").join(name)
}

fn say(text: &str) {
    eprintln!("{text}");
}
