//! What the stacks made, as an account of the sandbox: there its tasks are real containers, and names find its network.

use std::path::Path;
use std::time::Duration;

use sandbox::postgres::{self, Postgres};
use sandbox::{Engine, Options, RepositorySettings, Resource, Sandbox};
use serde_json::{Value, json};

use crate::support::docker::EngineImages;
use crate::support::{Finished, Run};

/// A cold build compiles the app and all that it depends on, optimised: some minutes on two cores.
const BUILD_DEADLINE: Duration = Duration::from_secs(30 * 60);
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The account that drive.py has written down, with a real server where its secret names one of RDS. The tasks' network
/// is the machine's, and its server does not speak TLS.
pub struct Account {
    pub sandbox: Sandbox,
    pub postgres: Postgres,
    written: Value,
    directory: tempfile::TempDir,
    _pushed: EngineImages,
}

impl Account {
    pub async fn of(written: Value) -> Self {
        let text = |name: &str| written[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        let options = Options {
            engine: Engine::Docker,
            account: text("account"),
            region: text("region"),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.expect("start the sandbox");
        let own_server = postgres::Options { url: None, ..Default::default() };
        let postgres = Postgres::find_or_start(&own_server).await.expect("start PostgreSQL");
        sandbox.create_cluster(&text("cluster"));
        sandbox.create_log_group(&text("log_group"));
        let repository = text("repository");
        sandbox.create_repository(&repository, RepositorySettings { immutable: true, ..Default::default() });
        sandbox.create_network(written["network"].as_array().expect("a network").iter().map(resource));
        sandbox.register_task_definition(&written["task_definition"]).expect("the stack's task definition");

        // Its keys are those that the stack has put there.
        let mut secret = written["secret"].clone();
        for (key, value) in [
            ("host", json!("localhost")),
            ("port", json!(postgres.port())),
            ("username", json!(postgres.user())),
            ("password", json!(postgres.password())),
        ] {
            *secret.get_mut(key).unwrap_or_else(|| panic!("the stack's secret has no {key}")) = value;
        }
        sandbox.put_secret(&text("secret_arn"), &secret);

        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join(".github")).expect("a directory");
        std::fs::write(directory.path().join(".github/fargate-migrate.yml"), text("config"))
            .expect("write the file");
        let pushed = EngineImages::of(&sandbox.registry().repository_uri(&repository));
        Self { sandbox, postgres, written, directory, _pushed: pushed }
    }

    /// The databases that infra/up was told.
    pub fn databases(&self) -> Vec<&str> {
        self.written["databases"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// In the directory that has the file which infra/up wrote, and with no flag that names a part of the account.
    pub async fn migrate(&self, more: &[&str]) -> Finished {
        let dockerfile = format!("{ROOT}/app/Dockerfile");
        let image = ["--dockerfile", &dockerfile, "--context", ROOT, "--target=production", "--tag=v1"];
        let flags = [["migrate", "--database=all", "--format=json"].as_slice(), &image, more].concat();
        let engine = std::env::var("DOCKER_HOST").ok().map(|host| ("DOCKER_HOST".to_owned(), host));
        let environment = self.sandbox.environment().into_iter().chain(engine);
        let run = Run::new(self.directory.path(), &flags).current_directory(self.directory.path());
        let run = environment.fold(run, |run, (name, value)| run.variable(&name, &value));
        run.finish_within(BUILD_DEADLINE).await
    }

    /// The ids of the subnets that have a `Name` with this beginning.
    pub fn subnets(&self, beginning: &str) -> Vec<&str> {
        let network = self.written["network"].as_array().expect("a network").iter();
        let named = |one: &&Value| one["name"].as_str().is_some_and(|name| name.starts_with(beginning));
        let mut ids: Vec<&str> = network.filter(named).filter_map(|one| one["id"].as_str()).collect();
        ids.sort_unstable();
        ids
    }

    pub async fn stop(self) {
        self.sandbox.stop().await;
        self.postgres.stop();
    }
}

fn resource(written: &Value) -> Resource {
    let text = |name: &str| written[name].as_str().unwrap_or_else(|| panic!("no {name} in {written}"));
    Resource::named(text("id"), text("name"))
}

/// Reads what drive.py has written.
pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the account that drive.py writes")).expect("JSON")
}
