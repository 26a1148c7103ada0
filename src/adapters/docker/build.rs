//! `docker build`: its input, its arguments, and why it failed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;
use walkdir::{DirEntry, WalkDir};

use super::build_failure::{self, is_vertex_digest};
use super::cli::{DockerCli, Way};
use super::process;
use crate::failure::{Failure, listed};
use crate::ports::{DockerBuild, ImageProgress, ImageTag};

/// A cold Rust build in a container takes 10 minutes on two slow cores; nothing honest takes an hour.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// A build's input, found on disk; both paths are absolute, so neither can be taken for a flag, for `-` (standard
/// input) or for an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Input {
    context: PathBuf,
    dockerfile: PathBuf,
}

impl Input {
    /// Finds the context and the Dockerfile, and checks that secrets and SSH keys are there.
    ///
    /// # Errors
    /// A [`Failure`] when the context is not a directory, the Dockerfile is not a file, or a secret or an SSH key is
    /// missing.
    pub(super) fn find(build: &DockerBuild) -> Result<Self> {
        let context = build.context.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
            let given = build.context.display();
            Failure::input(format!("build an image: build context {given} is not a directory"))
                .hint("give the directory that the Dockerfile copies from, with --context")
        })?;
        let dockerfile = build.dockerfile.canonicalize().ok().filter(|path| path.is_file());
        let dockerfile = dockerfile.ok_or_else(|| {
            let mut hint = "give its path with --dockerfile".to_owned();
            let found = dockerfiles(&context);
            if !found.is_empty() {
                hint += &format!("; in the build context: {}", listed(&found));
            }
            Failure::input(format!("build an image: no Dockerfile at {}", build.dockerfile.display()))
                .hint(hint)
        })?;
        build.mounts.secrets.iter().try_for_each(|secret| secret_is_there(secret))?;
        build.mounts.ssh.iter().try_for_each(|ssh| ssh_is_there(ssh))?;
        Ok(Self { context, dockerfile })
    }
}

/// Checks that a secret's file or variable is there; docker alone reads what is in it.
fn secret_is_there(secret: &str) -> Result<(), Failure> {
    let part = |names: [&str; 2]| {
        let mut parts = secret.split(',').filter_map(|part| part.split_once('='));
        parts.find(|(name, _)| names.contains(name)).map(|(_, value)| value)
    };
    let (missing, hint) = match (part(["src", "source"]), part(["env", "env"])) {
        (Some(path), _) if !Path::new(path).is_file() => {
            (format!("{path} is not a file"), "write the secret to that file first, or give its path")
        }
        (_, Some(name)) if std::env::var_os(name).is_none() => {
            (format!("variable {name} is not set"), "set it in the environment of this command or step")
        }
        _ => return Ok(()),
    };
    let id = part(["id", "id"]).unwrap_or_default();
    Err(Failure::input(format!("build an image: secret {id} of --build-secret: {missing}")).hint(hint))
}

/// Checks that an SSH agent's socket, or a key, is there: `default`, or `ID=PATH`.
fn ssh_is_there(ssh: &str) -> Result<(), Failure> {
    let (missing, hint) = match ssh.split_once('=') {
        Some((_, paths)) => match paths.split(',').find(|path| !Path::new(path).exists()) {
            Some(path) => {
                (format!("{path} does not exist"), "give the path of a key or of an agent's socket")
            }
            None => return Ok(()),
        },
        None if std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| Path::new(&socket).exists()) => {
            return Ok(());
        }
        None => (
            "no SSH agent answers at SSH_AUTH_SOCK".to_owned(),
            "start one (on GitHub: webfactory/ssh-agent), or give a key as ID=PATH",
        ),
    };
    Err(Failure::input(format!("build an image: --build-ssh {ssh}: {missing}")).hint(hint))
}

/// Refuses what only buildx can do, before anything is built.
pub(super) fn fits(build: &DockerBuild, way: Way) -> Result<(), Failure> {
    let is_image = |cache: &&String| !cache.contains('=');
    let only_buildx = match way {
        Way::Buildx => None,
        Way::BuiltIn if !build.mounts.cache_to.is_empty() => Some("--cache-to"),
        Way::BuiltIn if !build.mounts.cache_from.iter().all(|cache| is_image(&cache)) => {
            Some("--cache-from with a type")
        }
        Way::BuiltIn => None,
    };
    only_buildx.map_or(Ok(()), |flag| {
        Err(Failure::input(format!("build an image: {flag} needs docker's buildx plugin, which is not here"))
            .hint("install it (on GitHub: docker/setup-buildx-action), or omit the flag"))
    })
}

/// Lists the Dockerfiles at the top of a directory, and one level below.
fn dockerfiles(dir: &Path) -> Vec<String> {
    let is_one = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.file_type().is_file() && (name.starts_with("Dockerfile") || name.ends_with(".Dockerfile"))
    };
    let entries = WalkDir::new(dir).max_depth(2).follow_links(true).into_iter().flatten();
    entries.filter(is_one).map(|entry| entry.path().display().to_string()).collect()
}

/// Builds and leaves the image in the engine, tagged as `to`.
pub(super) async fn build(
    cli: &DockerCli,
    config: &Path,
    build: &DockerBuild,
    to: &ImageTag,
    progress: &dyn ImageProgress,
) -> Result<()> {
    let input = Input::find(build)?;
    let command = command(cli, config, &input, build, to);
    let ended = process::stream(command, DEADLINE, |line| {
        if !is_vertex_digest(line) {
            progress.build_line(line);
        }
    })
    .await
    .with_context(|| format!("build {}", input.dockerfile.display()))?;
    match ended {
        Some(ended) if ended.success => Ok(()),
        Some(ended) => Err(build_failure::read(build, &ended.tail).into()),
        None => Err(Failure::service(format!(
            "build {}: not done after {} minutes",
            build.dockerfile.display(),
            DEADLINE.as_secs() / 60
        ))
        .hint("the last lines that it printed say what it waited for")
        .into()),
    }
}

fn command(cli: &DockerCli, config: &Path, input: &Input, build: &DockerBuild, to: &ImageTag) -> Command {
    let mut command = cli.command(config);
    match cli.way {
        // --load: the push is one command of its own, the same for both ways, and can be tried again alone.
        Way::Buildx => command.args(["buildx", "build", "--load"]),
        Way::BuiltIn => command.env("DOCKER_BUILDKIT", "1").arg("build"),
    };
    // An attestation makes the image an index, which ECS runs but an ECR scan and Lambda refuse.
    command.env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1").env("BUILDX_GIT_INFO", "false");
    command.args(arguments(input, build, to));
    command
}

/// Returns every value in the `--flag=value` form: a target named `--push` stays a target.
fn arguments(input: &Input, build: &DockerBuild, to: &ImageTag) -> Vec<String> {
    let mut arguments = vec![
        "--progress=plain".to_owned(),
        format!("--platform={}", build.platform),
        format!("--file={}", input.dockerfile.display()),
        format!("--tag={}", to.reference()),
    ];
    arguments.extend(build.target.iter().map(|target| format!("--target={target}")));
    arguments.extend(build.build_args.iter().map(|argument| format!("--build-arg={argument}")));
    let mounts = &build.mounts;
    for (flag, values) in [
        ("--secret", &mounts.secrets),
        ("--ssh", &mounts.ssh),
        ("--cache-from", &mounts.cache_from),
        ("--cache-to", &mounts.cache_to),
    ] {
        arguments.extend(values.iter().map(|value| format!("{flag}={value}")));
    }
    arguments.push(input.context.display().to_string());
    arguments
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ports::{BuildMounts, Repository};

    fn sample() -> DockerBuild {
        DockerBuild {
            context: ".".into(),
            dockerfile: "app/Dockerfile".into(),
            target: None,
            build_args: vec![],
            mounts: BuildMounts::default(),
            platform: "linux/amd64".into(),
        }
    }

    fn to() -> ImageTag {
        ImageTag {
            repository: Repository { name: "app".into(), uri: "r.example/app".into(), registry: None },
            tag: "1".into(),
        }
    }

    fn input() -> Input {
        Input { context: "/src".into(), dockerfile: "/src/Dockerfile".into() }
    }

    #[test]
    fn hostile_values_stay_values() {
        let build = DockerBuild {
            target: Some("--push".into()),
            build_args: vec!["-v=/:/host; rm -rf $HOME".into(), "TOKEN".into()],
            mounts: BuildMounts {
                secrets: vec!["id=npm,src=--push".into()],
                ssh: vec!["default".into()],
                cache_from: vec!["type=gha".into()],
                cache_to: vec!["type=gha,mode=max".into()],
            },
            ..sample()
        };
        assert_eq!(
            arguments(&input(), &build, &to()),
            [
                "--progress=plain",
                "--platform=linux/amd64",
                "--file=/src/Dockerfile",
                "--tag=r.example/app:1",
                "--target=--push",
                "--build-arg=-v=/:/host; rm -rf $HOME",
                "--build-arg=TOKEN",
                "--secret=id=npm,src=--push",
                "--ssh=default",
                "--cache-from=type=gha",
                "--cache-to=type=gha,mode=max",
                "/src",
            ]
        );
    }

    #[test]
    fn both_ways_build_with_buildkit_and_without_attestations() {
        for (way, words) in [
            (Way::Buildx, ["buildx", "build", "--load"]),
            (Way::BuiltIn, ["build", "--progress=plain", "--platform=linux/amd64"]),
        ] {
            let cli = DockerCli { path: "/usr/bin/docker".into(), way };
            let command = command(&cli, Path::new("/private"), &input(), &sample(), &to());
            let arguments: Vec<_> = command.as_std().get_args().take(3).collect();
            assert_eq!(arguments, words);
            let env = |name: &str| {
                let found = command.as_std().get_envs().find(|(key, _)| *key == name)?.1?;
                Some(found.to_string_lossy().into_owned())
            };
            assert_eq!(env("DOCKER_CONFIG").as_deref(), Some("/private"));
            assert_eq!(env("BUILDX_NO_DEFAULT_ATTESTATIONS").as_deref(), Some("1"));
            assert_eq!(env("DOCKER_BUILDKIT").is_some(), way == Way::BuiltIn);
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_named_before_anything_is_built() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let said = |secret: String| secret_is_there(&secret).err().map(|failure| failure.message);
        assert!(said(format!("id=npm,src={}", file.display())).unwrap().contains("token is not a file"));
        fs::write(&file, "hunter2").unwrap();
        assert_eq!(said(format!("id=npm,src={}", file.display())), None);
        assert_eq!(said(format!("type=file,id=npm,source={}", file.display())), None);
        assert_eq!(said("id=npm,env=PATH".into()), None);
        let message = said("id=npm,env=NO_SUCH_VARIABLE_HERE".into()).unwrap();
        assert_eq!(
            message,
            "build an image: secret npm of --build-secret: variable NO_SUCH_VARIABLE_HERE is not set"
        );
        assert!(
            ssh_is_there("key=/nowhere/id_rsa")
                .unwrap_err()
                .message
                .ends_with("/nowhere/id_rsa does not exist")
        );
        assert_eq!(ssh_is_there(&format!("key={}", file.display())), Ok(()));
    }

    #[test]
    fn a_cache_is_refused_where_only_buildx_could_use_it() {
        let with = |from: &[&str], to: &[&str]| DockerBuild {
            mounts: BuildMounts {
                cache_from: from.iter().map(|cache| (*cache).to_owned()).collect(),
                cache_to: to.iter().map(|cache| (*cache).to_owned()).collect(),
                ..BuildMounts::default()
            },
            ..sample()
        };
        for (build, built_in) in [
            (with(&[], &[]), true),
            (with(&["r.example/app:cache"], &[]), true),
            (with(&["r.example/app:cache", "type=gha"], &[]), false),
            (with(&[], &["type=inline"]), false),
        ] {
            assert_eq!(fits(&build, Way::Buildx), Ok(()));
            assert_eq!(fits(&build, Way::BuiltIn).is_ok(), built_in, "{build:?}");
        }
    }

    #[test]
    fn missing_input_is_named_and_what_there_is_offered() {
        let dir = tempfile::tempdir().unwrap();
        let at = |context: &Path, dockerfile: &str| DockerBuild {
            context: context.into(),
            dockerfile: context.join(dockerfile),
            ..sample()
        };
        let failure = |build: &DockerBuild| Failure::find(&Input::find(build).unwrap_err()).unwrap().clone();

        let no_context = failure(&at(&dir.path().join("nowhere"), "Dockerfile"));
        assert!(no_context.message.ends_with("nowhere is not a directory"), "{no_context}");

        let nothing = failure(&at(dir.path(), "Dockerfile"));
        assert_eq!(nothing.exit_code, crate::failure::ExitCode::BadInput);
        assert_eq!(nothing.hint.as_deref(), Some("give its path with --dockerfile"));

        fs::create_dir(dir.path().join("app")).unwrap();
        fs::write(dir.path().join("app/Dockerfile"), "FROM scratch").unwrap();
        let hint = failure(&at(dir.path(), "Dockerfile")).hint.unwrap();
        assert!(hint.ends_with("/app/Dockerfile"), "{hint}");
        assert!(Input::find(&at(dir.path(), "app/Dockerfile")).unwrap().dockerfile.is_absolute());
    }
}
