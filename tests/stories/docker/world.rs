//! The seed's system with tasks in a real Docker Engine, where the shop's image is built.

use std::sync::Arc;

use sandbox::real_parts::docker_engine;
use sandbox::seed::{self, SeedSystem};
use sandbox::{Engine, Options, postgres};
use tempfile::TempDir;

use super::engine::AppImage;
use super::{from_dockerfile, with_environment};
use crate::support::docker::EngineImages;
use crate::support::{HEALTH, Run};

pub struct DockerWorld {
    pub system: SeedSystem,
    pub directory: TempDir,
    _pushed: EngineImages,
    _built: Arc<AppImage>,
}

impl DockerWorld {
    /// `None` where no Docker Engine answers.
    pub async fn new() -> Option<Self> {
        if !docker_engine() {
            return None;
        }
        let built = AppImage::get().await;
        let options = Options { engine: Engine::Docker, ..Options::default() };
        let own_server = postgres::Options { url: None, ..Default::default() };
        let system = SeedSystem::start(options, own_server, None).await.expect("start the seed's system");
        let pushed = EngineImages::of(&system.sandbox.registry().repository_uri(seed::REPOSITORY));
        // A task has to resolve its database's host, as it does with an endpoint of RDS.
        seed::put_secret(&system.sandbox, "localhost", &system.postgres);
        let directory = tempfile::tempdir().expect("a directory");
        Some(Self { system, directory, _pushed: pushed, _built: built })
    }

    /// `fargate-migrate migrate` with the seed's names and the shop's image, for a database and what `more` names.
    pub fn migrate(&self, more: &[&str]) -> Run {
        let flags = [seed::MIGRATE.as_slice(), more, &from_dockerfile("v1", HEALTH)].concat();
        with_environment(Run::new(self.directory.path(), &flags), self.system.sandbox.environment())
    }
}
