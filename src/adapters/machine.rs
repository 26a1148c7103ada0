//! The machine that this program runs on.

use std::path::Path;

use anyhow::Result;

use super::{docker, git, oci};
use crate::ports::{DockerBuild, Machine};
use crate::witness::layer::Layer;

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

    fn witness(&self, path: Option<&Path>, platform: &str) -> Result<Layer> {
        oci::witness(path, platform)
    }

    async fn github_repository(&self, directory: &Path) -> Option<String> {
        git::github_repository(directory).await
    }
}

impl ThisMachine {
    /// Lists the files below a directory that HEAD adds to a commit or has changed since; `None` where there is no git to
    /// tell, or the commit is not in this clone.
    ///
    /// # Errors
    /// Git does not answer in time.
    pub async fn files_since(&self, directory: &Path, commit: &str) -> Result<Option<Vec<String>>> {
        git::files_since(directory, commit).await
    }

    /// Asks a repository for the commit of its default branch; `None` where git is missing, or the repository does not
    /// answer in time.
    pub async fn newest_commit(&self, url: &str) -> Option<String> {
        git::newest_commit(url).await
    }
}
