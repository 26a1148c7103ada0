use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

/// How long it may take to show one page.
const DEADLINE: Duration = Duration::from_secs(120);
/// Pixels of CSS. A page on GitHub shows images in 780 to 1,000 of them; the image has 1.6 pixels for each, which is
/// sharp on most screens and a file of some 200 KiB.
const WIDTH: u32 = 1000;
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--force-device-scale-factor=1.6",
    // Scripts of the page have so many milliseconds, which pass at once where nothing is left to do.
    "--virtual-time-budget=10000",
];
/// Of the attribute in which a page says how high its picture is.
const HEIGHT: &str = "data-height=\"";

/// Makes an image of a page, as high as the page says. Returns false where there is no browser.
///
/// # Errors
/// The browser fails, does not end in time, or the page does not say how high it is.
pub async fn shoot(page: &Path, image: &Path) -> Result<bool> {
    let Some(chromium) = found() else { return Ok(false) };
    let dom = run(&chromium, page, WIDTH, "--dump-dom").await?;
    let height = dom.split_once(HEIGHT).and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
    let height: u32 = height.with_context(|| format!("read the height of {}", page.display()))?;
    let _ = std::fs::remove_file(image);
    run(&chromium, page, height, &format!("--screenshot={}", image.display())).await?;
    ensure!(image.is_file(), "{} wrote no {}", chromium.display(), image.display());
    Ok(true)
}

fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("chromium")).find(|file| file.is_file())
}

/// Runs the browser with one page to its end, and returns what it prints.
async fn run(chromium: &Path, page: &Path, height: u32, what: &str) -> Result<String> {
    let profile = tempfile::tempdir().context("make a profile")?;
    let mut command = Command::new(chromium);
    command
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={WIDTH},{height}"))
        .arg(what)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(DEADLINE, command.output()).await.context("wait for chromium")?;
    let output = output.with_context(|| format!("run {}", chromium.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ended with {}:\n{errors}", chromium.display(), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
