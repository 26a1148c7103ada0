//! Why a build failed, from what it printed.

use super::cli::unreachable_engine;
use crate::failure::Failure;
use crate::ports::DockerBuild;

/// Makes the failure of a build from what it says about itself, with its last lines as evidence.
pub(super) fn read(build: &DockerBuild, tail: &[String]) -> Failure {
    let text = tail.join("\n");
    let words = text.to_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    // Only as docker's own last word: a step may run docker itself.
    let last = cause(tail).to_lowercase();
    let lost = ["cannot connect to the docker daemon", "permission denied while trying to connect"];
    if lost.iter().any(|lost| last.starts_with(lost)) {
        return unreachable_engine(cause(tail));
    }
    let emulate = format!(
        "the engine cannot run {} programs: install QEMU (on GitHub: docker/setup-qemu-action), or build on a machine of \
         that platform",
        build.platform
    );
    let (dockerfile, context) = (build.dockerfile.display(), build.context.display());
    let by_hand =
        format!("see the lines below; the same build by hand: docker build -f {dockerfile} {context}");
    let hint = if has(&["no space left on device"]) {
        "free space where the Docker Engine keeps its data, such as with `docker system prune`"
    } else if has(&["exec format error"]) {
        &emulate
    } else if has(&["cache export is not supported"]) {
        "docker's own builder cannot export such a cache: make another (docker buildx create, on GitHub \
         docker/setup-buildx-action) and name it in BUILDX_BUILDER, or use type=inline"
    } else if has(&["target stage"]) {
        "give a stage of the Dockerfile with --target (a name after AS, or a number)"
    } else if has(&["toomanyrequests", "pull rate limit"]) {
        "the base image's registry limits anonymous pulls: log in with `docker login`, or use a mirror such as \
         public.ecr.aws/docker/library"
    } else if has(&["pull access denied", "failed to resolve source metadata", "failed to load metadata"])
        || has(&["failed to do request", "failed to authorize"])
    {
        "the base image cannot be pulled: check its name, and log in to its registry with `docker login` when it \
         is private"
    } else if has(&["failed to calculate checksum", "failed to compute cache key"]) {
        "a file that the Dockerfile copies is not in the build context: check its path, --context and .dockerignore"
    } else if has(&["exit code: 137"]) {
        "the step was killed, most likely for want of memory"
    } else {
        &by_hand
    };
    let step = failed_step(tail).map_or_else(String::new, |step| format!("step {step}: "));
    let message = format!("build {dockerfile}: {step}{}", cause(tail));
    let evidence = tail.iter().filter(|line| !is_vertex_digest(line)).cloned();
    Failure::service(message).hint(hint).evidence(evidence)
}

/// Tells whether a line is the `#7 sha256:…` that an engine of 20.10 prints below each step's title.
pub(super) fn is_vertex_digest(line: &str) -> bool {
    let digest = line.strip_prefix('#').and_then(|line| line.split_once(' '));
    digest.is_some_and(|(_, rest)| rest.starts_with("sha256:") && rest.len() == "sha256:".len() + 64)
}

/// Finds the step that BuildKit repeats in its error: ` > [build 3/5] RUN cargo build:`.
fn failed_step(tail: &[String]) -> Option<&str> {
    let line = tail.iter().rev().map(|line| line.trim()).find(|line| line.starts_with("> ["))?;
    Some(line.trim_start_matches("> ").trim_end_matches(':'))
}

/// Returns the last line, without the layers of wrapping that say nothing.
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

    fn sample() -> DockerBuild {
        DockerBuild {
            context: ".".into(),
            dockerfile: "app/Dockerfile".into(),
            target: None,
            build_args: vec![],
            mounts: Default::default(),
            platform: "linux/amd64".into(),
        }
    }

    fn tail(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_failed_step_is_named_with_its_cause() {
        let buildx = tail(
            "#6 [build 2/3] RUN cargo build\n#6 0.412 error: could not compile `app`\n#6 ERROR: process \"/bin/sh -c \
             cargo build\" did not complete successfully: exit code: 101\n------\n > [build 2/3] RUN cargo build:\n\
             0.412 error: could not compile `app`\n------\nERROR: failed to solve: process \"/bin/sh -c cargo build\" \
             did not complete successfully: exit code: 101",
        );
        let failed = read(&sample(), &buildx);
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
            read(&sample(), &engine).message,
            "build app/Dockerfile: step [2/2] RUN false: executor failed running [/bin/sh -c false]: exit code: 1"
        );
        assert_eq!(read(&sample(), &[]).message, "build app/Dockerfile: it failed and printed nothing");
    }

    #[test]
    fn common_causes_have_a_hint() {
        for (line, hint) in [
            ("write /x: no space left on device", "docker system prune"),
            ("exec /bin/sh: exec format error", "cannot run linux/amd64 programs"),
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
            let failed = read(&sample(), &tail(line));
            assert!(failed.hint.as_deref().unwrap().contains(hint), "{line}: {:?}", failed.hint);
        }
    }
}
