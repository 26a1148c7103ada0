//! The last resort on Debian as root: its own package.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use nix::unistd::Uid;

use super::binaries::{self, Binaries};

pub(super) fn is_possible() -> bool {
    Uid::effective().is_root()
        && Path::new("/etc/debian_version").exists()
        && Path::new("/usr/bin/apt-get").exists()
}

pub(super) async fn run(announce: &(dyn Fn(&str) + Send + Sync)) -> anyhow::Result<Binaries> {
    announce("installing postgresql with apt-get, since this machine has no PostgreSQL and no Docker");
    // Package lists may be missing altogether, as in a base image.
    apt_get(&["update"]).await?;
    apt_get(&["install", "--yes", "--no-install-recommends", "postgresql"]).await?;
    binaries::find().context("install postgresql: the package brought no initdb and postgres")
}

async fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let output = tokio::process::Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=120"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // invoke-rc.d starts no service in single-user mode: the sandbox runs a server of its own.
        .env("RUNLEVEL", "1")
        .stdin(Stdio::null())
        .output()
        .await
        .context("run apt-get")?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!("run apt-get {}: {}", arguments.join(" "), reason.trim());
    }
    Ok(())
}
