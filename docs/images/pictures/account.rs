use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use sandbox::{Options, Pace, Sandbox, Script, TaskContext, seed};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// The tag of the image, and that of the image that the service runs before.
pub const TAG: &str = "3f78685";
const EARLIER: &str = "a81c2d4";
/// How long the service's first tasks may take on Fargate.
const FIRST_TASKS: Duration = Duration::from_secs(600);
/// The account's registry, in place of the sandbox's address.
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const LOOK: Duration = Duration::from_millis(100);

/// The seed's account, with scripts in place of the shop's containers, and a checkout with a configuration file.
pub struct Account {
    pub sandbox: Sandbox,
    pub directory: TempDir,
}

/// Finds the program that cargo has built next to this one.
///
/// # Errors
/// It is not built.
pub fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let directory = own.parent().and_then(Path::parent).context("find the directory of this program")?;
    let program = directory.join("fargate-migrate");
    ensure!(
        program.is_file(),
        "{} is not built: run `cargo build --locked --bin fargate-migrate --example pictures` first",
        program.display()
    );
    Ok(program)
}

impl Account {
    /// Starts the sandbox; `migrates` stands in for a migration task's container.
    pub async fn start(
        pace: Pace,
        databases: &[&str],
        migrates: impl Fn(&str) -> Script + Send + Sync + 'static,
    ) -> Result<Self> {
        let registry_host = Some(REGISTRY.to_owned());
        let options = Options { pace, registry_host, record: None, ..Options::default() };
        let sandbox = Sandbox::start(options).await?;
        seed::account(&sandbox)?;
        log_every_line(&sandbox)?;
        seed::push_image(&sandbox, TAG)?;
        sandbox.set_program(seed::TASK_FAMILY, move |task: &TaskContext| {
            migrates(task.environment.get("DATABASE_NAME").map_or("", String::as_str))
        });
        let directory = tempfile::tempdir().context("make a directory")?;
        std::fs::create_dir(directory.path().join(".github")).context("make .github")?;
        let config = json!({
            "cluster": seed::CLUSTER,
            "task-definition": seed::TASK_FAMILY,
            "repository": seed::REPOSITORY,
            "subnets": [seed::SUBNETS],
            "security-groups": [seed::SECURITY_GROUPS],
            "databases": databases,
        });
        // JSON is YAML.
        std::fs::write(directory.path().join(".github/fargate-migrate.yml"), config.to_string())
            .context("write the configuration file")?;
        Ok(Self { sandbox, directory })
    }

    /// Makes the command, with the account and nothing else in its environment.
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            .envs(self.sandbox.environment())
            .current_dir(self.directory.path())
            .kill_on_drop(true);
        command
    }

    /// Creates the shop's service with an earlier image, and waits until its deployment is over.
    ///
    /// # Errors
    /// The sandbox refuses the service, or its tasks do not start in time.
    pub async fn serve(&self, pace: Pace) -> Result<()> {
        self.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().line("listening").until_stopped());
        seed::create_service(&self.sandbox, &seed::push_image(&self.sandbox, EARLIER)?)?;
        let asked = json!({"cluster": seed::CLUSTER, "service": seed::SERVICE});
        let deadline = Instant::now() + pace.phase(FIRST_TASKS);
        loop {
            let answer = self.sandbox.ask("ListServiceDeployments", &asked);
            let answer =
                answer.map_err(|refusal| anyhow::anyhow!("{}: {}", refusal.code, refusal.message))?;
            let status = &answer["serviceDeployments"][0]["status"];
            if status == "SUCCESSFUL" {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("service {} is {status} after {FIRST_TASKS:?} of Fargate", seed::SERVICE);
            }
            sleep(LOOK).await;
        }
    }
}

/// Registers the migration's task definition once more with a log that loses no lines, which a run has no note about.
fn log_every_line(sandbox: &Sandbox) -> Result<()> {
    let mut definition = seed::task_definition()?["taskDefinition"].take();
    definition["containerDefinitions"][0]["logConfiguration"]["options"]["mode"] = json!("blocking");
    if let Some(members) = definition.as_object_mut() {
        members.retain(|name, _| !["revision", "taskDefinitionArn"].contains(&name.as_str()));
    }
    let registered = sandbox.register_task_definition(&definition);
    registered.map(drop).map_err(|refusal| anyhow::anyhow!("{}: {}", refusal.code, refusal.message))
}

/// Makes the line of a migration report.
pub fn report(database: &str, from: &str, applied: &[(&str, &str)], current: &str) -> String {
    let applied: Vec<Value> =
        applied.iter().map(|(version, name)| json!({"version": version, "name": name, "ms": 140})).collect();
    json!({"migration_report": {
        "version": 1, "database": database, "from": from, "applied": applied, "pending": 0, "current": current,
        "tables": 57, "ms": 610,
    }})
    .to_string()
}
