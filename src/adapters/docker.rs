//! Builds and pushes an image with the docker command.

use std::path::Path;

use anyhow::Result;
use tokio::process::Command;

use crate::adapters::registry_login::RegistryLogin;
use crate::ports::{DockerBuild, ImageProgress, ImageTag};

mod build;
mod build_failure;
mod cli;
pub(super) mod output;
mod private_config;
mod process;
mod push;

use cli::DockerCli;

/// Checks, without a change, what a build needs: context, Dockerfile, docker command and engine.
///
/// # Errors
/// A [`crate::failure::Failure`] for each of them, with its fix.
pub async fn check(build: &DockerBuild) -> Result<()> {
    build::Input::find(build)?;
    build::fits(build, DockerCli::find().await?.way)?;
    Ok(())
}

/// Runs `docker build`, then `docker push`; returns the digest (`sha256:…`) that the registry gave.
///
/// A push is tried three times on network trouble and 5xx. Dropping the future ends docker and removes the
/// credentials.
///
/// # Errors
/// A [`crate::failure::Failure`] for whatever a person can fix: input, docker, engine, the build itself (its last
/// lines are the evidence), and the registry's refusals.
pub async fn build_and_push(
    build: &DockerBuild,
    to: &ImageTag,
    login: &RegistryLogin,
    progress: &dyn ImageProgress,
) -> Result<String> {
    login.ensure_serves(to)?;
    let cli = DockerCli::find().await?;
    build::fits(build, cli.way)?;
    let config = private_config::create(private_config::user_dir().as_deref(), login)?;

    progress.step("build image");
    build::build(&cli, config.path(), build, to, progress).await?;
    progress.step("push image");
    push::push(&cli, config.path(), to, progress).await
}

impl DockerCli {
    /// Makes a command of this docker with the private configuration.
    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.env("DOCKER_CONFIG", config).env("DOCKER_CLI_HINTS", "false");
        // Builders are kept below DOCKER_CONFIG; one that the user names must still be found.
        if std::env::var_os("BUILDX_BUILDER").is_some() && std::env::var_os("BUILDX_CONFIG").is_none() {
            command.envs(private_config::user_dir().map(|dir| ("BUILDX_CONFIG", dir.join("buildx"))));
        }
        command
    }
}

#[cfg(test)]
mod engine_tests;
