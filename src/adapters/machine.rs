//! The machine that this program runs on.

use std::path::Path;

use anyhow::Result;

use super::{docker, git};
use crate::ports::{DockerBuild, Machine};

#[derive(Debug, Clone, Copy)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    async fn check_build(&self, build: &DockerBuild) -> Result<()> {
        docker::check(build).await
    }

    async fn commit(&self, directory: &Path) -> Result<Option<String>> {
        git::commit(directory).await
    }

    async fn changed_files(&self, directory: &Path) -> Result<Vec<String>> {
        git::changed_files(directory).await
    }

    async fn github_repository(&self, directory: &Path) -> Option<String> {
        git::github_repository(directory).await
    }
}
