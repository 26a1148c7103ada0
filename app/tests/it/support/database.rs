//! A database for one test.

use super::cluster::Cluster;
use super::program::Program;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client, NoTls};

pub struct Database {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Database {
    /// An empty database. None where there is no PostgreSQL: the test has said so and is over.
    pub async fn create() -> Option<Self> {
        Some(Self::create_on(Cluster::shared()?).await)
    }

    pub async fn create_on(cluster: &'static Cluster) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("shop_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = connect(cluster, "postgres", "test").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self { cluster, name }
    }

    /// A database with the shop's schema.
    pub async fn migrated() -> Option<Self> {
        let database = Self::create().await?;
        database.app(["migrate"]).run().await.expect_exit(0);
        Some(database)
    }

    /// The binary, told to use this database.
    pub fn app<const N: usize>(&self, arguments: [&str; N]) -> Program {
        Program::new(arguments)
            .env("DATABASE_NAME", &self.name)
            .env("DATABASE_HOST", &self.cluster.host)
            .env("DATABASE_PORT", self.cluster.port.to_string())
            .env("DATABASE_USER", &self.cluster.user)
            .env("DATABASE_PASSWORD", self.cluster.password.as_deref().unwrap_or_default())
    }

    pub async fn connect(&self) -> Client {
        self.connect_as("test").await
    }

    pub async fn connect_as(&self, application_name: &str) -> Client {
        connect(self.cluster, &self.name, application_name).await
    }

    /// The single value of a query.
    pub async fn value<T: FromSqlOwned>(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> T {
        self.connect().await.query_one(sql, parameters).await.unwrap().get(0)
    }

    pub async fn has_table(&self, name: &str) -> bool {
        self.value("SELECT to_regclass($1) IS NOT NULL", &[&name]).await
    }

    /// Waits until a session of this database called `application_name` is seen in the given state.
    pub async fn session_where(&self, application_name: &str, condition: &str) -> i32 {
        let client = self.connect().await;
        let sql = format!(
            "SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = $1 AND {condition}"
        );
        super::poll(&format!("a session of {application_name} where {condition}"), async || {
            client.query(&sql, &[&application_name]).await.unwrap().first().map(|row| row.get(0))
        })
        .await
    }
}

impl Drop for Database {
    #[expect(clippy::print_stderr, reason = "what stays on a server of somebody else is named")]
    fn drop(&mut self) {
        // Our own server goes as a whole.
        if !self.cluster.foreign {
            return;
        }
        let (cluster, drop) = (self.cluster, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // A runtime cannot be entered twice, so this one has its own thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(cluster, "postgres", "test").await.batch_execute(&drop).await })
        });
        if let Err(error) = dropped.join().unwrap() {
            eprintln!("drop database {}: {error}", self.name);
        }
    }
}

async fn connect(cluster: &Cluster, database: &str, application_name: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&cluster.host)
        .port(cluster.port)
        .user(&cluster.user)
        .dbname(database)
        .application_name(application_name);
    if let Some(password) = &cluster.password {
        config.password(password);
    }
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A directory of migrations, for `--migrations-dir`.
pub struct Migrations(TempDir);

impl Migrations {
    pub fn new<const N: usize>(files: [(&str, &str); N]) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        files.into_iter().for_each(|(name, sql)| directory.write(name, sql));
        directory
    }

    /// Adds a file, or replaces it.
    pub fn write(&self, name: &str, sql: &str) {
        std::fs::write(self.0.path().join(name), sql).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.path().join(name)).unwrap();
    }

    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}
