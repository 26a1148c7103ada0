//! Git, where there is one: which commit the working tree is at.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Command;
use tokio::time::timeout;

use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

/// The commit of the working tree around `directory`; none when there is no git or no repository.
///
/// # Errors
/// Tracked files have changed: an image of them would carry the name of a commit that it does not hold.
pub(super) async fn commit(directory: &Path) -> Result<Option<String>> {
    let Some(commit) = git(directory, &["rev-parse", "HEAD"]).await? else { return Ok(None) };
    let changed =
        git(directory, &["status", "--porcelain", "--untracked-files=no"]).await?.unwrap_or_default();
    if !changed.is_empty() {
        return Err(Failure::input(format!(
            "the working tree has changes that commit {commit} does not hold"
        ))
        .hint("commit them, or name the image with --tag")
        .evidence(changed.lines().take(10).map(str::to_owned))
        .into());
    }
    Ok(Some(commit))
}

/// The repository on GitHub that the remote `origin` names: `owner/name`.
pub(super) async fn github_repository(directory: &Path) -> Option<String> {
    let url = git(directory, &["remote", "get-url", "origin"]).await.ok()??;
    repository_in(url.trim()).map(str::to_owned)
}

/// `https://github.com/owner/name.git`, `git@github.com:owner/name.git`, `ssh://git@github.com/owner/name`.
fn repository_in(url: &str) -> Option<&str> {
    let (_, path) = url.split_once("github.com")?;
    let path = path.strip_prefix(['/', ':'])?.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.split('/').filter(|part| !part.is_empty()).count() == 2).then_some(path)
}

async fn git(directory: &Path, arguments: &[&str]) -> Result<Option<String>> {
    let command = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(arguments)
        // The workspace belongs to the runner's user and a container action runs as root: git would refuse it.
        .envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "safe.directory"),
            ("GIT_CONFIG_VALUE_0", "*"),
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(output) = timeout(DEADLINE, command).await.context("git did not answer in time")? else {
        return Ok(None);
    };
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}
