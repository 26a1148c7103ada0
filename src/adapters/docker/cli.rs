//! Which docker command can build with BuildKit, and does its engine answer?
//!
//! There may be several on one machine. A CLI from 23 on builds with BuildKit only through the buildx plugin, and
//! without it falls back to the classic builder, which knows neither cache mounts nor secrets. An older CLI has
//! BuildKit built in, behind DOCKER_BUILDKIT=1. So every docker on PATH is looked at, not only the first.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tokio::process::Command;

use super::process;
use crate::failure::Failure;

/// For questions such as `docker version`; a remote engine over SSH takes a few seconds.
const QUERY_DEADLINE: Duration = Duration::from_secs(20);

/// Where a docker may be although PATH leaves it out, as in a CI job's reduced environment.
const USUAL_PLACES: &[&str] = &["/usr/bin/docker", "/usr/local/bin/docker"];

/// The first major version whose CLI has no BuildKit of its own.
const FIRST_WITHOUT_BUILDKIT: u32 = 23;

/// How an image is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `docker buildx build`
    Buildx,
    /// `DOCKER_BUILDKIT=1 docker build`, with a CLI before 23.
    BuiltIn,
}

/// A docker command that can build with BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DockerCli {
    pub path: PathBuf,
    pub way: Way,
}

/// A docker command and what it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Probed {
    path: PathBuf,
    /// `28.2.2`; absent when `docker --version` says something else.
    version: Option<String>,
    buildx: bool,
}

impl DockerCli {
    /// Finds the first docker with buildx, else the first with BuildKit built in, once its engine has answered.
    ///
    /// # Errors
    /// A [`Failure`] that tells apart: no docker, none that can build with BuildKit, a missing engine, a socket that
    /// the user may not open, a docker context that does not exist, and an engine too new for this CLI.
    pub(super) async fn find() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut probed = Vec::new();
        for candidate in candidates(&path) {
            probed.push(probe(candidate).await);
            if probed.last().is_some_and(|found| found.buildx) {
                break;
            }
        }
        let found = choose(&probed)?;
        let mut command = Command::new(&found.path);
        command.args(["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]);
        match process::ask(command, QUERY_DEADLINE).await? {
            Some(answer) if answer.success => Ok(found),
            Some(answer) => Err(unreachable_engine(&answer.stderr).into()),
            None => Err(unreachable_engine("it did not answer in time").into()),
        }
    }
}

/// Lists every docker on PATH in its order, then the usual places; each program once, whatever the links to it.
fn candidates(path: &OsStr) -> Vec<PathBuf> {
    let on_path = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join("docker"));
    let mut seen = HashSet::new();
    on_path
        .chain(USUAL_PLACES.iter().map(PathBuf::from))
        .filter(|file| file.is_file() && file.canonicalize().is_ok_and(|real| seen.insert(real)))
        .collect()
}

async fn probe(path: PathBuf) -> Probed {
    let ask = async |arguments: &[&str]| {
        let mut command = Command::new(&path);
        command.args(arguments);
        // A file that cannot be started is not a docker, whatever its name.
        process::ask(command, QUERY_DEADLINE).await.ok().flatten().filter(|answer| answer.success)
    };
    let buildx = ask(&["buildx", "version"]).await.is_some();
    let version = ask(&["--version"]).await.and_then(|answer| client_version(&answer.stdout));
    Probed { path, version, buildx }
}

/// Reads the version from `Docker version 20.10.24+dfsg1, build 297e128`.
fn client_version(text: &str) -> Option<String> {
    let version = text.strip_prefix("Docker version ")?.split([',', '\n']).next()?.trim();
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

fn choose(probed: &[Probed]) -> Result<DockerCli, Failure> {
    let has_buildkit = |found: &&Probed| {
        let major =
            found.version.as_deref().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        major.is_some_and(|major| major < FIRST_WITHOUT_BUILDKIT)
    };
    let with_buildx = probed.iter().find(|found| found.buildx).map(|found| (found, Way::Buildx));
    let built_in = || probed.iter().find(has_buildkit).map(|found| (found, Way::BuiltIn));
    if let Some((found, way)) = with_buildx.or_else(built_in) {
        return Ok(DockerCli { path: found.path.clone(), way });
    }
    if probed.is_empty() {
        return Err(Failure::service("build an image: no docker command on PATH").hint(
            "install Docker, or push without it: --binary for a static executable, --image for an image that \
             was built elsewhere",
        ));
    }
    let described = |found: &Probed| {
        let version = found.version.as_deref().unwrap_or("unknown version");
        format!("{} ({version}, without buildx)", found.path.display())
    };
    let found: Vec<String> = probed.iter().map(described).collect();
    Err(Failure::service(format!("build an image: no BuildKit for {}", found.join(", "))).hint(
        "install Docker's buildx plugin (package docker-buildx-plugin from Docker, docker-buildx from Debian or \
         Ubuntu); `docker buildx version` must answer",
    ))
}

/// Says why the engine did not answer, from what docker printed.
pub(super) fn unreachable_engine(stderr: &str) -> Failure {
    let words = stderr.to_lowercase();
    let (message, hint) = if words.contains("permission denied") {
        (
            "reach the Docker Engine: no permission for its socket",
            "add the user to the group `docker` (`sudo usermod -aG docker $USER`, then log in anew), or run as a \
             user that may open the socket",
        )
    } else if words.contains("is too old") {
        (
            "reach the Docker Engine: it is too new for this docker command",
            "upgrade the docker command: the engine refuses its API version",
        )
    } else if words.contains("context") && words.contains("not found") {
        (
            "reach the Docker Engine: the docker context does not exist",
            "choose one with `docker context use`, or unset DOCKER_CONTEXT",
        )
    } else {
        (
            "reach the Docker Engine: it does not answer",
            "start it (`sudo systemctl start docker`, or Docker Desktop), mount its socket into this container, or \
             set DOCKER_HOST",
        )
    };
    Failure::service(message).hint(hint).evidence(stderr.lines().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn probed(path: &str, version: Option<&str>, buildx: bool) -> Probed {
        Probed { path: path.into(), version: version.map(str::to_owned), buildx }
    }

    #[test]
    fn buildx_wins_then_a_cli_with_buildkit_built_in() {
        let new = probed("/usr/local/bin/docker", Some("28.2.2"), false);
        let old = probed("/usr/bin/docker", Some("20.10.24+dfsg1"), false);
        let buildx = probed("/opt/docker", Some("29.4.2"), true);
        let chosen = |all: &[&Probed]| {
            let all: Vec<Probed> = all.iter().map(|&one| one.clone()).collect();
            choose(&all).map(|cli| (cli.path.display().to_string(), cli.way))
        };
        assert_eq!(chosen(&[&new, &old]).unwrap(), ("/usr/bin/docker".into(), Way::BuiltIn));
        assert_eq!(chosen(&[&new, &old, &buildx]).unwrap(), ("/opt/docker".into(), Way::Buildx));

        let failure = chosen(&[&new]).unwrap_err();
        assert!(failure.message.contains("/usr/local/bin/docker (28.2.2, without buildx)"), "{failure}");
        assert!(failure.hint.unwrap().contains("docker-buildx-plugin"));
        assert!(chosen(&[]).unwrap_err().hint.unwrap().contains("--binary"));
        assert!(chosen(&[&probed("/usr/bin/docker", None, false)]).is_err());
    }

    #[test]
    fn versions_are_read() {
        for (text, version) in [
            ("Docker version 28.2.2, build e6534b4", Some("28.2.2")),
            ("Docker version 20.10.24+dfsg1, build 297e128", Some("20.10.24+dfsg1")),
            ("podman version 4.9.3", None),
            ("Docker version ", None),
            ("", None),
        ] {
            assert_eq!(client_version(text).as_deref(), version);
        }
    }

    #[test]
    fn each_docker_on_path_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (first, second, linked) = (make("first"), make("second"), make("linked"));
        fs::write(first.join("docker"), "").unwrap();
        fs::write(second.join("docker"), "").unwrap();
        symlink(first.join("docker"), linked.join("docker")).unwrap();
        let path =
            std::env::join_paths([&first, &make("empty"), &linked, &second, &"relative".into()]).unwrap();
        let found: Vec<PathBuf> =
            candidates(&path).into_iter().filter(|file| file.starts_with(dir.path())).collect();
        assert_eq!(found, [first.join("docker"), second.join("docker")]);
    }

    #[test]
    fn a_silent_engine_and_a_closed_socket_are_told_apart() {
        for (stderr, message) in [
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                "it does not answer",
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at \
                 unix:///var/run/docker.sock: Get \"http://…\": dial unix: connect: permission denied",
                "no permission for its socket",
            ),
            (
                "Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44",
                "too new for this docker command",
            ),
            (
                "Failed to initialize: unable to resolve docker endpoint: context \"x\": context not found",
                "the docker context does not exist",
            ),
        ] {
            let failure = unreachable_engine(stderr);
            assert!(failure.message.contains(message), "{stderr}: {failure}");
            assert_eq!(failure.evidence.len(), 1);
        }
    }
}
