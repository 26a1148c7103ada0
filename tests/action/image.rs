//! The Action's image.

use std::process::{Command, Stdio};
use std::time::Duration;

use sandbox::real_parts::docker_engine;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Names an image that is built already, so that a whole test run builds it once.
const PREBUILT: &str = "ACTION_IMAGE";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// A cold build compiles the program and the AWS SDKs, optimised.
const BUILD_DEADLINE: Duration = Duration::from_secs(40 * 60);

/// The image of our Dockerfile; `None` where there is no Docker Engine.
pub async fn action_image() -> Option<&'static str> {
    static IMAGE: OnceCell<String> = OnceCell::const_new();
    if !docker_engine() {
        return None;
    }
    let image = match std::env::var(PREBUILT) {
        Ok(image) if !image.is_empty() => IMAGE.get_or_init(|| std::future::ready(image)).await,
        _ => IMAGE.get_or_init(built).await,
    };
    Some(image)
}

pub fn remove_image(name: &str) {
    let removed = Command::new("docker").args(["image", "rm", name]).stdin(Stdio::null()).output();
    assert!(removed.is_ok_and(|output| output.status.success()), "docker image rm {name}");
}

/// Its layers stay in the engine's cache, and the name with them: the next run builds what has changed.
async fn built() -> String {
    let name = "fargate-migrate-action:test".to_owned();
    let build = tokio::process::Command::new("docker")
        .args(["build", "--quiet", "--tag", &name, ROOT])
        .env("DOCKER_BUILDKIT", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        timeout(BUILD_DEADLINE, build).await.expect("the image was not built in time").expect("run docker");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    name
}
