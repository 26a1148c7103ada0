use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::real_parts::docker_engine;
use sandbox::seed::SeedSystem;
use sandbox::{Engine, Options, RepositorySettings};
use tempfile::TempDir;

use crate::own_server;
use crate::programs;
use crate::support::docker::EngineImages;
use crate::support::{Finished, Run};

/// A cold build fetches a framework from its registry.
const BUILD_DEADLINE: Duration = Duration::from_secs(20 * 60);
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub struct Shop {
    system: SeedSystem,
    name: &'static str,
    /// A copy of the example, which a test may change.
    files: TempDir,
    witness: PathBuf,
    _pushed: EngineImages,
}

impl Shop {
    /// The sandbox with three tenants, and the images that a former one has left in `images`. `None` where no Docker
    /// Engine answers.
    pub async fn new(name: &'static str, engine: Engine, images: &Path) -> Option<Self> {
        if !docker_engine() {
            return None;
        }
        let witness = programs::witness().await.to_owned();
        let options = Options {
            engine,
            images: Some(images.to_owned()),
            starter: Some(programs::sandbox().await.to_owned()),
            ..Options::default()
        };
        let system = SeedSystem::start(options, own_server(), None).await.expect("start the seed's system");
        let repository = format!("shop-{name}");
        if system.sandbox.registry().repository(&repository).is_err() {
            system
                .sandbox
                .create_repository(&repository, RepositorySettings { immutable: true, ..Default::default() });
        }
        let files = tempfile::tempdir().expect("a directory");
        copy(&Path::new(ROOT).join("examples").join(name), files.path());
        let pushed = EngineImages::of(&system.sandbox.registry().repository_uri(&repository));
        let shop = Self { system, name, files, witness, _pushed: pushed };
        // Two tenants more than the example has.
        shop.edit(".github/fargate-migrate.yml", "tenant_c]", "tenant_c, tenant_d, tenant_e]");
        for tenant in ["tenant_a", "tenant_b", "tenant_c", "tenant_d", "tenant_e"] {
            shop.system.postgres.create_database(tenant).await.expect("create a database");
        }
        Some(shop)
    }

    pub async fn tables(&self, database: &str) -> i64 {
        self.system.postgres.count_tables(database).await.expect("count tables")
    }

    pub async fn migrate(&self, tag: &str, more: &[&str]) -> Finished {
        self.run("migrate", tag, &[&["--format=json"], more].concat()).await
    }

    /// The operation on the image of this tag, which is built where the repository lacks it.
    pub async fn run(&self, operation: &str, tag: &str, more: &[&str]) -> Finished {
        let witness = format!("--witness-executable={}", self.witness.display());
        let config = self.files.path().join(".github/fargate-migrate.yml");
        let config = format!("--config={}", config.display());
        let flags = [&[operation, "--tag", tag, &witness, &config], more].concat();
        let mut run = Run::new(self.files.path(), &flags).current_directory(self.files.path());
        for (name, value) in self.system.sandbox.environment() {
            run = run.variable(&name, &value);
        }
        if let Ok(host) = std::env::var("DOCKER_HOST") {
            run = run.variable("DOCKER_HOST", &host);
        }
        run.spawn().finish_within(BUILD_DEADLINE).await
    }

    /// Replaces a text that a file has.
    pub fn edit(&self, file: &str, text: &str, by: &str) {
        let path = self.files.path().join(file);
        let old = std::fs::read_to_string(&path).expect("a file of the example");
        assert!(old.contains(text), "no {text:?} in {file}");
        std::fs::write(&path, old.replace(text, by)).expect("write a file");
    }

    pub fn remove(&self, file: &str) {
        std::fs::remove_file(self.files.path().join(file)).expect("remove a file");
    }

    /// Takes a file from the example again.
    pub fn restore(&self, file: &str) {
        let example = Path::new(ROOT).join("examples").join(self.name);
        std::fs::copy(example.join(file), self.files.path().join(file)).expect("copy a file");
    }

    pub async fn stop(self) {
        self.system.stop().await.expect("stop the seed's system");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).expect("copy a file")),
        }
    }
}
