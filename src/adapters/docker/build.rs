//! `docker build`: its input, its arguments, and why it failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::cli::{DockerCli, Way, unreachable_engine};
use super::process;
use crate::failure::{Failure, listed};
use crate::ports::{DockerBuild, ImageTag};
use crate::progress::Progress;

/// A cold Rust build in a container takes 10 minutes on two slow cores; nothing honest takes an hour.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// A build's input, found on disk; both paths are absolute, so neither can be taken for a flag, for `-` (standard
/// input) or for an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    context: PathBuf,
    dockerfile: PathBuf,
}

impl Input {
    /// # Errors
    /// A [`Failure`] when the context is no directory, or the Dockerfile no file.
    pub fn find(build: &DockerBuild) -> Result<Self> {
        let context = build.context.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Failure::input(format!(
                "build an image: build context {} is not a directory",
                build.context.display()
            ))
            .hint("give the directory that the Dockerfile copies from, with --context")
        })?;
        let dockerfile =
            build.dockerfile.canonicalize().ok().filter(|path| path.is_file()).ok_or_else(|| {
                let found = dockerfiles(&context);
                let hint = match found.as_slice() {
                    [] => "give its path with --dockerfile".to_owned(),
                    found => {
                        format!("give its path with --dockerfile; in the build context: {}", listed(found))
                    }
                };
                Failure::input(format!("build an image: no Dockerfile at {}", build.dockerfile.display()))
                    .hint(hint)
            })?;
        Ok(Self { context, dockerfile })
    }
}

/// The Dockerfiles at the top of a directory, and one level below.
fn dockerfiles(dir: &Path) -> Vec<String> {
    let entries = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = entries(dir).filter(|path| path.is_dir()).flat_map(|path| entries(&path).collect::<Vec<_>>());
    entries(dir)
        .chain(below)
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_file() && (name.starts_with("Dockerfile") || name.ends_with(".Dockerfile"))
        })
        .map(|path| path.display().to_string())
        .collect()
}

/// Builds and leaves the image in the engine, tagged as `to`.
pub async fn build(
    cli: &DockerCli,
    config: &Path,
    build: &DockerBuild,
    to: &ImageTag,
    progress: &Progress,
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
        Some(ended) => Err(failure(build, &ended.tail).into()),
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

/// Every value in the `--flag=value` form: a target named `--push` stays a target.
fn arguments(input: &Input, build: &DockerBuild, to: &ImageTag) -> Vec<String> {
    let mut arguments = vec![
        "--progress=plain".to_owned(),
        format!("--platform={}", build.platform),
        format!("--file={}", input.dockerfile.display()),
        format!("--tag={}", to.reference()),
    ];
    arguments.extend(build.target.iter().map(|target| format!("--target={target}")));
    arguments.extend(build.build_args.iter().map(|argument| format!("--build-arg={argument}")));
    arguments.push(input.context.display().to_string());
    arguments
}

/// What a build that failed says about itself, with its last lines as evidence.
fn failure(build: &DockerBuild, tail: &[String]) -> Failure {
    let text = tail.join("\n");
    let words = text.to_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if has(&["cannot connect to the docker daemon", "permission denied while trying to connect"]) {
        return unreachable_engine(&text);
    }
    let hint = if has(&["no space left on device"]) {
        "free space where the Docker Engine keeps its data, such as with `docker system prune`".to_owned()
    } else if has(&["exec format error"]) {
        format!(
            "the engine can not run {} programs: install QEMU (on GitHub: docker/setup-qemu-action), or build on a \
             machine of that platform",
            build.platform
        )
    } else if has(&["target stage"]) {
        "give a stage of the Dockerfile with --target (a name after AS, or a number)".to_owned()
    } else if has(&["toomanyrequests", "pull rate limit"]) {
        "the base image's registry limits anonymous pulls: log in with `docker login`, or use a mirror such as \
         public.ecr.aws/docker/library"
            .to_owned()
    } else if has(&["pull access denied", "failed to resolve source metadata", "failed to load metadata"])
        || has(&["failed to do request", "failed to authorize"])
    {
        "the base image can not be pulled: check its name, and log in to its registry with `docker login` when it \
         is private"
            .to_owned()
    } else if has(&["failed to calculate checksum", "failed to compute cache key"]) {
        "a file that the Dockerfile copies is not in the build context: check its path, --context and .dockerignore"
            .to_owned()
    } else if has(&["exit code: 137"]) {
        "the step was killed, most likely for want of memory".to_owned()
    } else {
        format!(
            "see the lines below; the same build by hand: docker build -f {} {}",
            build.dockerfile.display(),
            build.context.display()
        )
    };
    let step = failed_step(tail).map_or_else(String::new, |step| format!("step {step}: "));
    let message = format!("build {}: {step}{}", build.dockerfile.display(), cause(tail));
    let evidence = tail.iter().filter(|line| !is_vertex_digest(line)).cloned();
    Failure::service(message).hint(hint).evidence(evidence)
}

/// An engine of 20.10 prints `#7 sha256:…` below each step's title.
fn is_vertex_digest(line: &str) -> bool {
    let digest = line.strip_prefix('#').and_then(|line| line.split_once(' '));
    digest.is_some_and(|(_, rest)| rest.starts_with("sha256:") && rest.len() == "sha256:".len() + 64)
}

/// The step that BuildKit repeats in its error: ` > [build 3/5] RUN cargo build:`.
fn failed_step(tail: &[String]) -> Option<&str> {
    let line = tail.iter().rev().map(|line| line.trim()).find(|line| line.starts_with("> ["))?;
    Some(line.trim_start_matches("> ").trim_end_matches(':'))
}

/// The last line, without the layers of wrapping that say nothing.
fn cause(tail: &[String]) -> &str {
    const WRAPPING: &[&str] = &[
        "ERROR: ",
        "error: ",
        "failed to solve: ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to build LLB: ",
        "failed to create LLB definition: ",
        "rpc error: code = Unknown desc = ",
    ];
    let Some(mut cause) = tail.last().map(|line| line.trim()) else { return "it failed and printed nothing" };
    while let Some(rest) = WRAPPING.iter().find_map(|prefix| cause.strip_prefix(prefix)) {
        cause = rest;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Repository;

    fn sample() -> DockerBuild {
        DockerBuild {
            context: ".".into(),
            dockerfile: "app/Dockerfile".into(),
            target: None,
            build_args: vec![],
            platform: "linux/amd64".into(),
        }
    }

    fn to() -> ImageTag {
        ImageTag {
            repository: Repository { name: "app".into(), uri: "r.example/app".into() },
            tag: "1".into(),
        }
    }

    fn input() -> Input {
        Input { context: "/src".into(), dockerfile: "/src/Dockerfile".into() }
    }

    fn tail(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn hostile_values_stay_values() {
        let build = DockerBuild {
            target: Some("--push".into()),
            build_args: vec!["-v=/:/host; rm -rf $HOME".into(), "TOKEN".into()],
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

    #[test]
    fn a_failed_step_is_named_with_its_cause() {
        let buildx = tail(
            "#6 [build 2/3] RUN cargo build\n#6 0.412 error: could not compile `app`\n#6 ERROR: process \"/bin/sh -c \
             cargo build\" did not complete successfully: exit code: 101\n------\n > [build 2/3] RUN cargo build:\n\
             0.412 error: could not compile `app`\n------\nERROR: failed to solve: process \"/bin/sh -c cargo build\" \
             did not complete successfully: exit code: 101",
        );
        let failed = failure(&sample(), &buildx);
        assert_eq!(
            failed.message,
            "build app/Dockerfile: step [build 2/3] RUN cargo build: process \"/bin/sh -c cargo build\" did not \
             complete successfully: exit code: 101"
        );
        assert_eq!(failed.evidence, buildx);

        let engine = tail(
            "------\n > [2/2] RUN false:\n------\nexecutor failed running [/bin/sh -c false]: exit code: 1",
        );
        assert_eq!(
            failure(&sample(), &engine).message,
            "build app/Dockerfile: step [2/2] RUN false: executor failed running [/bin/sh -c false]: exit code: 1"
        );
        assert_eq!(failure(&sample(), &[]).message, "build app/Dockerfile: it failed and printed nothing");
    }

    #[test]
    fn common_causes_have_a_hint() {
        for (line, hint) in [
            ("write /x: no space left on device", "docker system prune"),
            ("exec /bin/sh: exec format error", "can not run linux/amd64 programs"),
            ("ERROR: failed to solve: target stage \"x\" could not be found", "--target"),
            ("toomanyrequests: You have reached your pull rate limit.", "public.ecr.aws"),
            ("ERROR: failed to solve: nosuch: failed to resolve source metadata for x", "docker login"),
            ("failed to compute cache key: \"/x\" not found: not found", ".dockerignore"),
            ("process \"/bin/sh -c cargo build\" did not complete successfully: exit code: 137", "memory"),
            ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "start it"),
            (
                "dockerfile parse error on line 1: unknown instruction: FORM",
                "docker build -f app/Dockerfile .",
            ),
        ] {
            let failed = failure(&sample(), &tail(line));
            assert!(failed.hint.as_deref().unwrap().contains(hint), "{line}: {:?}", failed.hint);
        }
    }
}
