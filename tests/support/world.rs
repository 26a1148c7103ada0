//! The seed's AWS without PostgreSQL, and the binary that runs against it.

use sandbox::{Options, Sandbox, Script, TaskContext, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The Docker Engine, and what it keeps of a repository.
pub mod docker;
/// What the policies of these runs allow, for whoever compares.
mod policies;
/// Programs for images.
pub mod program;
/// A run of the binary, and what it left behind.
mod run;

pub use run::*;

/// An image of another registry: scripts stand in for it, so nothing is pulled.
pub const IMAGE: &str =
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub const PROD: &str = "startupwebapp_prod";
pub const HEALTH: &str = "healthtech_experiment";
pub const FINTECH: &str = "fintech_experiment";

/// The seed's AWS without PostgreSQL: scripts stand in for the migrations.
pub struct World {
    pub sandbox: Sandbox,
    pub directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.expect("start the sandbox");
        seed::account(&sandbox).expect("create the seed's account");
        let world = Self { sandbox, directory: tempfile::tempdir().expect("a directory") };
        world.program(|context| migrates(database(context)));
        world
    }

    /// What every migration task of the seed's family runs.
    pub fn program(&self, program: impl Fn(&TaskContext) -> Script + Send + Sync + 'static) {
        self.sandbox.set_program(seed::TASK_FAMILY, program);
    }

    /// `fargate-migrate migrate` with the seed's names and a given image; `more` comes last.
    pub fn migrate(&self, more: &[&str]) -> Run {
        let image = ["--image", IMAGE];
        let has_image =
            more.iter().any(|flag| ["--binary", "--image", "--dockerfile", "--context"].contains(flag));
        let image: &[&str] = if has_image { &[] } else { &image };
        self.command(&[seed::MIGRATE.as_slice(), &["--log-drain=1s"], image, more].concat())
    }

    /// `fargate-migrate check` with the seed's names, a given image and a check command; `more` comes last.
    pub fn check(&self, more: &[&str]) -> Run {
        let command = ["--log-drain=1s", "--image", IMAGE, "--check-command=app status --report"];
        self.command(&[&["check"], &seed::MIGRATE[1..], &command, more].concat())
    }

    /// The binary with exactly these arguments.
    pub fn command(&self, arguments: &[&str]) -> Run {
        let mut run = Run::new(self.directory.path(), arguments);
        for (name, value) in self.sandbox.environment() {
            run = run.variable(&name, &value);
        }
        run
    }

    /// The operations that the sandbox was asked for, each as often as it was.
    pub fn operations(&self) -> Vec<String> {
        self.sandbox.calls().iter().map(|call| call.operation.clone()).collect()
    }

    pub fn called(&self, operation: &str) -> usize {
        self.operations().iter().filter(|called| *called == operation).count()
    }

    pub fn inputs(&self, operation: &str) -> Vec<Value> {
        let calls = self.sandbox.calls().into_iter().filter(|call| call.operation == operation);
        calls.map(|call| call.input).collect()
    }
}

/// The database that a task was told.
pub fn database(context: &TaskContext) -> String {
    context.environment.get("DATABASE_NAME").cloned().unwrap_or_else(|| "production_default".into())
}

/// The migration report's line.
pub fn report(database: &str) -> String {
    json!({"migration_report": {
        "version": 1,
        "database": database,
        "from": "9",
        "applied": [{"version": "10", "name": "create_orders", "ms": 12}],
        "pending": 0,
        "current": "10",
        "tables": 57,
        "ms": 40,
    }})
    .to_string()
}

/// An image that speaks the protocol.
pub fn migrates(database: String) -> Script {
    Script::new().line("applied V10__create_orders in 12 ms").line(report(&database))
}
