//! `docker push`: one push, tried again on network trouble, and the digest that the registry gave.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::cli::DockerCli;
use super::process;
use crate::adapters::push_error;
use crate::failure::Failure;
use crate::ports::{ImageProgress, ImageTag};

/// For one try.
const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Pushes what the engine has under `to`; returns the digest.
pub(super) async fn push(
    cli: &DockerCli,
    config: &Path,
    to: &ImageTag,
    progress: &dyn ImageProgress,
) -> Result<String> {
    let what = format!("push of {}", to.reference());
    push_error::retrying(progress, &what, push_error::FIRST_PAUSE, async |_| {
        once(cli, config, to, progress).await
    })
    .await
}

async fn once(cli: &DockerCli, config: &Path, to: &ImageTag, progress: &dyn ImageProgress) -> Result<String> {
    let image = to.reference();
    let mut command = cli.command(config);
    command.args(["push", "--", &image]);
    let ended = process::stream(command, DEADLINE, |line| progress.build_line(line)).await;
    let Some(ended) = ended.with_context(|| format!("push {image}"))? else {
        let minutes = DEADLINE.as_secs() / 60;
        let message = format!("push {image}: not done after {minutes} minutes");
        return Err(Failure::service(message).transient().into());
    };
    if !ended.success {
        return Err(push_error::read(&reason(&ended.tail), to).into());
    }
    digest(&ended.tail).with_context(|| format!("push {image}: docker reported no digest of what it pushed"))
}

/// Returns the lines that say why: docker prints the state of each layer before them.
fn reason(tail: &[String]) -> String {
    let layer = |line: &str| {
        let (id, state) = line.split_once(": ").unwrap_or_default();
        id.len() == 12
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
            && ["Preparing", "Waiting", "Layer already exists", "Pushed", "Pushing", "Retrying"]
                .iter()
                .any(|known| state.starts_with(known))
    };
    let lines = tail.iter().map(String::as_str).filter(|line| !layer(line));
    lines.filter(|line| !line.starts_with("The push refers to repository")).collect::<Vec<_>>().join("\n")
}

/// Reads the digest from docker's last line, `1.0: digest: sha256:… size: 528`.
fn digest(tail: &[String]) -> Option<String> {
    let line = tail.iter().rev().find(|line| line.contains(": digest: sha256:"))?;
    let digest = line.split(": digest: ").nth(1)?.split_whitespace().next()?;
    is_sha256(digest).then(|| digest.to_owned())
}

fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_digest_is_in_the_last_line() {
        let hex = "0123456789abcdef".repeat(4);
        let pushed = tail(&format!(
            "The push refers to repository [r.example/app]\n5f70bf18a086: Pushed\nv1: digest: sha256:{hex} size: 528"
        ));
        assert_eq!(digest(&pushed), Some(format!("sha256:{hex}")));
        for odd in [
            "v1: digest: sha256:abc size: 528".to_owned(),
            format!("v1: digest: sha256:{} size: 1", hex.to_uppercase()),
            format!("v1: digest: sha256:{hex}0 size: 1"),
            "5f70bf18a086: Pushed".to_owned(),
            String::new(),
        ] {
            assert_eq!(digest(&tail(&odd)), None, "{odd}");
        }
    }

    #[test]
    fn the_reason_is_not_the_state_of_a_layer() {
        let failed = tail(
            "The push refers to repository [r.example/app]\n5f70bf18a086: Preparing\n5f70bf18a086: Retrying in 1 \
             second\ndenied: no",
        );
        assert_eq!(reason(&failed), "denied: no");
        assert_eq!(reason(&tail("unauthorized: x")), "unauthorized: x");
    }
}
