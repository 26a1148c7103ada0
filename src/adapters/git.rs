//! Git: which commit is checked out, by git's own files, and what differs from it, by git, where there is one.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Command;
use tokio::time::timeout;

use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

/// Symbolic refs that name each other: git follows as many.
const SYMBOLIC_REFS: usize = 5;

/// Bytes of a file that holds one line.
const LINE: u64 = 4096;

/// Bytes of `packed-refs`, which has a line for each branch and tag.
const PACKED_REFS: u64 = 256 << 20;

/// Returns the commit that is checked out around `directory`; `None` where that is in no repository, or there is no
/// commit yet. Git is needed only where the repository's files do not say it, as with reftables; the files may belong
/// to anyone.
///
/// # Errors
/// There is a repository, and neither its files nor git say the commit.
pub(super) async fn commit(directory: &Path) -> Result<Option<String>> {
    let Some((tree, dot_git)) = repository_around(directory) else { return Ok(None) };
    match head(&tree, &dot_git) {
        Ok(Head::Commit(commit)) => return Ok(Some(commit)),
        Ok(Head::Unborn) => return Ok(None),
        Ok(Head::Reftable) | Err(_) => {}
    }
    // Git reads what this does not, such as reftables.
    match git(directory, &["rev-parse", "--verify", "HEAD"]).await? {
        Some(commit) if is_commit(&commit) => Ok(Some(commit)),
        _ => Err(Failure::input(format!(
            "read which commit is checked out in {}: {} does not say it",
            tree.display(),
            dot_git.display()
        ))
        .hint("name the image with --tag")
        .into()),
    }
}

/// Lists the tracked files around `directory` that differ from the commit, as the lines of `git status --porcelain`;
/// none where there is no git to tell.
pub(super) async fn changed_files(directory: &Path) -> Result<Vec<String>> {
    let status = ["status", "--porcelain", "--untracked-files=no"];
    let changed = git(directory, &status).await?.unwrap_or_default();
    Ok(changed.lines().map(|line| line.trim().to_owned()).collect())
}

/// Lists the files below `directory` that HEAD adds to a commit or has changed since, as paths from there; `None` where there
/// is no git to tell, or the commit is not in this clone. Trees are compared, so that no filter of the repository runs.
///
/// # Errors
/// Git does not answer in time.
pub(super) async fn files_since(directory: &Path, commit: &str) -> Result<Option<Vec<String>>> {
    if !is_commit(commit) {
        return Ok(None);
    }
    let diff =
        ["diff", "--name-only", "-z", "--relative", "--no-renames", "--diff-filter=AM", commit, "HEAD", "--"];
    let changed = git(directory, &diff).await?;
    let paths = |text: String| text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    Ok(changed.map(paths))
}

/// Finds the working tree around a directory, and its `.git`.
fn repository_around(directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let directory = directory.canonicalize().ok()?;
    let mut trees = directory.ancestors();
    trees.find_map(|tree| {
        let dot_git = tree.join(".git");
        dot_git.exists().then(|| (tree.to_owned(), dot_git))
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Head {
    Commit(String),
    /// On a branch that has no commit yet.
    Unborn,
    /// The refs are in a format that git alone reads.
    Reftable,
}

/// Follows HEAD to a commit (gitrepository-layout).
fn head(tree: &Path, dot_git: &Path) -> Result<Head> {
    // A worktree and a submodule have a file that says where their own directory is.
    let own = match dot_git.is_dir() {
        true => dot_git.to_owned(),
        false => {
            let text = line_of(dot_git)?;
            tree.join(text.strip_prefix("gitdir: ").context("read .git: it names no directory")?)
        }
    };
    // A worktree shares branches and tags with the repository that it belongs to.
    let common = own.join("commondir");
    let common = if common.is_file() { own.join(line_of(&common)?) } else { own.clone() };
    if common.join("reftable").exists() {
        return Ok(Head::Reftable);
    }
    let mut text = line_of(&own.join("HEAD"))?;
    for _ in 0..SYMBOLIC_REFS {
        let Some(name) = text.strip_prefix("ref: ").map(str::trim) else { break };
        let name = name.to_owned();
        let is_plain = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
        anyhow::ensure!(name.starts_with("refs/") && is_plain, "HEAD names no ref");
        let places = [own.join(&name), common.join(&name)];
        text = match places.iter().find(|place| place.is_file()) {
            Some(place) => line_of(place)?,
            None => match packed(&common.join("packed-refs"), &name)? {
                Some(commit) => commit,
                None => return Ok(Head::Unborn),
            },
        };
    }
    anyhow::ensure!(is_commit(&text), "HEAD is not a commit");
    Ok(Head::Commit(text))
}

/// Reads the first line of a file, without what follows it.
fn line_of(path: &Path) -> Result<String> {
    let mut text = String::new();
    // A pipe would never end.
    anyhow::ensure!(path.is_file(), "{} is not a file", path.display());
    File::open(path)?.take(LINE).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim_end().to_owned())
}

/// Finds the commit of a ref in `packed-refs`: lines `COMMIT NAME`, comments, and `^COMMIT` behind annotated tags.
fn packed(path: &Path, name: &str) -> Result<Option<String>> {
    if !path.is_file() {
        return Ok(None);
    }
    for line in BufReader::new(File::open(path)?.take(PACKED_REFS)).lines() {
        if let Some((commit, of)) = line?.split_once(' ')
            && of == name
        {
            return Ok(Some(commit.to_owned()));
        }
    }
    Ok(None)
}

/// Tells whether this is a SHA-1 or a SHA-256, in full.
fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the repository on GitHub that the remote `origin` names: `owner/name`.
pub(super) async fn github_repository(directory: &Path) -> Option<String> {
    let url = git(directory, &["remote", "get-url", "origin"]).await.ok()??;
    repository_in(url.trim()).map(str::to_owned)
}

/// Returns the commit that HEAD of another repository is. The repository around has no say in where that is, and in which
/// program asks: its configuration may be anyone's.
pub(super) async fn newest_commit(url: &str) -> Option<String> {
    let apart = [("GIT_DIR", "/nonexistent"), ("GIT_ALLOW_PROTOCOL", "https:ssh:file")];
    let refs = git_with(Path::new("/"), &["ls-remote", "--exit-code", url, "HEAD"], &apart).await.ok()??;
    let commit = refs.split_whitespace().next()?;
    is_commit(commit).then(|| commit.to_owned())
}

/// Reads `owner/name` from `https://github.com/owner/name.git`, `git@github.com:owner/name.git` or
/// `ssh://git@github.com/owner/name`. Another host is not GitHub, whatever its name contains.
fn repository_in(url: &str) -> Option<&str> {
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => url.split_once(':')?,
    };
    let host = host.rsplit('@').next()?;
    let host = host.split(':').next()?;
    let is_github = ["github.com", "ssh.github.com"].iter().any(|one| host.eq_ignore_ascii_case(one));
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (is_github && path.split('/').filter(|part| !part.is_empty()).count() == 2).then_some(path)
}

async fn git(directory: &Path, arguments: &[&str]) -> Result<Option<String>> {
    git_with(directory, arguments, &[]).await
}

async fn git_with(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<Option<String>> {
    let command = Command::new("git")
        // No lock is taken, and no program started that the repository's own configuration names.
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-C"])
        .arg(directory)
        .args(arguments)
        // The workspace belongs to the runner's user and a container action runs as root: git would refuse it.
        .envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "safe.directory"),
            ("GIT_CONFIG_VALUE_0", "*"),
            // Nobody is there to sign in.
            ("GIT_TERMINAL_PROMPT", "0"),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(output) = timeout(DEADLINE, command).await.context("git did not answer in time")? else {
        return Ok(None);
    };
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned()))
}

#[cfg(test)]
mod tests;
