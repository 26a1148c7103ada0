//! The system that the sandbox starts with: a shop with three tenants, before its first migration.
//!
//! Its task definition has no DATABASE_NAME, which is the mistake that every migration of it must survive.

mod image;
mod service;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::postgres::{self, Postgres};
use crate::{Options, RepositorySettings, Resource, Sandbox};

pub use image::{push_image, push_index};
pub use service::{
    SERVICE, SERVICE_CONTAINER, SERVICE_FAMILY, SERVICE_LOG_GROUP, SERVICE_TASKS, create_service,
};

pub const CLUSTER: &str = "startupwebapp-cluster";
pub const LOG_GROUP: &str = "/ecs/startupwebapp-migrations";
pub const REPOSITORY: &str = "startupwebapp-backend";
pub const TASK_FAMILY: &str = "startupwebapp-migration-task";
/// What the workflow's dropdown offers.
pub const DATABASES: [&str; 3] = ["startupwebapp_prod", "healthtech_experiment", "fintech_experiment"];
/// What finds the private subnets, and the backend's security group.
pub const SUBNETS: &str = "tag:Name=startupwebapp-private-subnet-*";
pub const SECURITY_GROUPS: &str = "tag:Name=startupwebapp-backend-sg";
/// A command of `fargate-migrate` with the names of the account.
pub const MIGRATE: [&str; 9] = [
    "migrate",
    "--cluster",
    CLUSTER,
    "--task-definition",
    TASK_FAMILY,
    "--subnets",
    SUBNETS,
    "--security-groups",
    SECURITY_GROUPS,
];

const SECRET: &str = "rds/startupwebapp/multi-tenant/master-AbCdEf";
const TASK_DEFINITION: &str = include_str!("../fixtures/describe-task-definition.json");

/// Returns the task definition as DescribeTaskDefinition answers it, before anyone changed it.
///
/// # Errors
/// Never: the document is part of the program.
pub fn task_definition() -> anyhow::Result<Value> {
    serde_json::from_str(TASK_DEFINITION).context("parse the seed's task definition")
}

/// Creates the system: the account, with the server in its secret, and the server's databases. What a kept server has
/// already stays as it is.
///
/// # Errors
/// PostgreSQL refuses a database, or the sandbox refuses the task definition.
pub async fn seed(sandbox: &Sandbox, postgres: &Postgres) -> anyhow::Result<()> {
    account(sandbox)?;
    put_secret(sandbox, postgres.host(), postgres);
    for database in DATABASES {
        if !postgres.has_database(database).await? {
            postgres.create_database(database).await?;
        }
    }
    Ok(())
}

/// Puts the server into the account's secret, with this name of its host.
pub fn put_secret(sandbox: &Sandbox, host: &str, postgres: &Postgres) {
    let secret = json!({
        "engine": "postgres",
        "host": host,
        "port": postgres.port(),
        "username": postgres.user(),
        "password": postgres.password(),
    });
    sandbox.put_secret(&secret_arn(sandbox), &secret);
}

fn secret_arn(sandbox: &Sandbox) -> String {
    format!("arn:aws:secretsmanager:{}:{}:secret:{SECRET}", sandbox.region(), sandbox.account())
}

/// Creates the account: cluster, log group, repository, task definition, secret and network. The secret names a
/// server that does not exist, which is enough where scripts stand in for the migrations.
///
/// # Errors
/// The sandbox refuses the task definition.
pub fn account(sandbox: &Sandbox) -> anyhow::Result<()> {
    sandbox.create_cluster(CLUSTER);
    sandbox.create_log_group(LOG_GROUP);
    sandbox.create_repository(REPOSITORY, RepositorySettings { scan_on_push: true, ..Default::default() });
    register(sandbox, &task_definition()?)?;
    let secret =
        json!({"host": "db.internal", "port": 5432, "username": "master", "password": "hunter2hunter2"});
    sandbox.put_secret(&secret_arn(sandbox), &secret);
    sandbox.create_network([
        Resource::named("subnet-0a1b2c3d4e5f60001", "startupwebapp-private-subnet-1a"),
        Resource::named("subnet-0a1b2c3d4e5f60002", "startupwebapp-private-subnet-1b"),
        Resource::named("subnet-0a1b2c3d4e5f60003", "startupwebapp-public-subnet-1a"),
        Resource::named("sg-0a1b2c3d4e5f60001", "startupwebapp-backend-sg"),
        Resource::named("sg-0a1b2c3d4e5f60002", "startupwebapp-rds-sg"),
    ]);
    Ok(())
}

/// The whole system, running: AWS and PostgreSQL, seeded. It ends when it is stopped or dropped.
pub struct SeedSystem {
    pub sandbox: Sandbox,
    pub postgres: Postgres,
    state: Option<PathBuf>,
}

/// What is remembered of the sandbox itself; images and databases keep themselves.
#[derive(Serialize, Deserialize)]
struct Memory {
    /// Image references of registered task definitions carry it.
    port: u16,
    task_definitions: Vec<Value>,
    /// What kept task definitions need to start: as [`Sandbox::keep`] says it.
    #[serde(default)]
    resources: Value,
}

impl SeedSystem {
    /// Starts both and seeds them. With a state directory, what a former system left there is found again: databases,
    /// images, task definitions, clusters, log groups, secrets and the port.
    ///
    /// # Errors
    /// There is no PostgreSQL, the port is taken, or the state cannot be read.
    pub async fn start(
        mut options: Options,
        mut postgres: postgres::Options,
        state: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let memory = state.map(Memory::read).transpose()?.flatten();
        if let Some(directory) = state {
            fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
            options.images = Some(directory.join("images"));
            postgres.directory = Some(directory.join("postgres"));
        }
        if options.port == 0 && state.is_some() {
            options.port = memory.as_ref().map_or_else(lasting_port, |memory| Ok(memory.port))?;
        }
        let port = options.port;
        let sandbox = Sandbox::start(options).await.with_context(|| match (port, &memory) {
            (0, _) | (_, None) => "start the sandbox".to_owned(),
            (port, Some(_)) => format!("start the sandbox on port {port}, which its state names"),
        })?;
        let postgres = Postgres::find_or_start(&postgres).await?;
        if memory.is_none() && !postgres.is_ours() {
            refuse_foreign_databases(&postgres).await?;
        }
        if let Some(memory) = &memory {
            sandbox.restore(&memory.resources)?;
        }
        // After the memory: the server has another port and password than last time.
        seed(&sandbox, &postgres).await?;
        for document in memory.iter().flat_map(|memory| &memory.task_definitions) {
            register(&sandbox, document)?;
        }
        let system = Self { sandbox, postgres, state: state.map(Path::to_owned) };
        system.remember()?;
        Ok(system)
    }

    /// Returns what a command needs in its environment to use both: AWS_*, SANDBOX_POSTGRES_URL and PG*.
    pub fn environment(&self) -> Vec<(String, String)> {
        let postgres = &self.postgres;
        let mut environment = self.sandbox.environment();
        let ours = [
            // Not SANDBOX_DATABASE_URL, which is an input: the next sandbox of the same shell would go to this
            // server.
            ("SANDBOX_POSTGRES_URL", postgres.url(postgres.default_database())),
            ("PGHOST", postgres.host().to_owned()),
            ("PGPORT", postgres.port().to_string()),
            ("PGUSER", postgres.user().to_owned()),
            ("PGPASSWORD", postgres.password().to_owned()),
            ("PGDATABASE", postgres.default_database().to_owned()),
        ];
        environment.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        environment
    }

    /// Remembers what is there, if there is a state directory, then ends everything that was started.
    ///
    /// # Errors
    /// The state cannot be written; everything has ended all the same.
    pub async fn stop(self) -> anyhow::Result<()> {
        let remembered = self.remember();
        self.sandbox.stop().await;
        self.postgres.stop();
        remembered
    }

    fn remember(&self) -> anyhow::Result<()> {
        let Some(directory) = &self.state else { return Ok(()) };
        let address: std::net::SocketAddr =
            self.sandbox.registry().host().parse().context("parse own address")?;
        let memory = Memory {
            port: address.port(),
            task_definitions: self.sandbox.task_definitions(),
            resources: self.sandbox.keep(),
        };
        let path = Memory::path(directory);
        let text = serde_json::to_vec_pretty(&memory).context("write the sandbox's state")?;
        // It has secrets in it.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(&text)).with_context(|| format!("write {}", path.display()))
    }
}

/// Finds a free port of the loopback address that the system does not give away while no sandbox listens on it: its own
/// choice for clients and for port 0 begins at 32768 (ip_local_port_range of ip(7)) or above, and Kubernetes' node ports
/// at 30000.
///
/// # Errors
/// None of them is free.
fn lasting_port() -> anyhow::Result<u16> {
    const PORTS: std::ops::Range<u16> = 20_000..30_000;
    let first = getrandom::u32().map_err(|error| anyhow!("get random bytes: {error}"))?;
    PORTS
        .cycle()
        .skip(first as usize % PORTS.len())
        .take(PORTS.len())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .with_context(|| format!("find a free port of 127.0.0.1 from {} to {}", PORTS.start, PORTS.end - 1))
}

impl Memory {
    fn path(directory: &Path) -> PathBuf {
        directory.join("sandbox.json")
    }

    fn read(directory: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(directory);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).with_context(|| format!("read {}", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }
}

fn register(sandbox: &Sandbox, document: &Value) -> anyhow::Result<()> {
    match sandbox.register_task_definition(document) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("register task definition: {}: {}", refusal.code, refusal.message),
    }
}

/// Refuses a foreign server with databases of these names: the sandbox does not migrate what another user made.
async fn refuse_foreign_databases(postgres: &Postgres) -> anyhow::Result<()> {
    for database in DATABASES {
        if postgres.has_database(database).await? {
            bail!(
                "use the server of SANDBOX_DATABASE_URL: it has a database {database} already, which the sandbox would \
                 migrate; drop it, or name an empty server"
            );
        }
    }
    Ok(())
}
