//! A database for one test.

use super::cluster;
use super::program::Program;
use sandbox::postgres::Postgres;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio_postgres::Client;
use tokio_postgres::types::{FromSqlOwned, ToSql};

pub struct Database {
    pub server: &'static Postgres,
    pub name: String,
}

impl Database {
    /// An empty database. None where there is no PostgreSQL: the test has said so and is over.
    pub async fn create() -> Option<Self> {
        Some(Self::create_on(cluster::shared().await?).await)
    }

    pub async fn create_on(server: &'static Postgres) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("shop_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        server.create_database(&name).await.unwrap();
        Self { server, name }
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
            .env("DATABASE_HOST", self.server.host())
            .env("DATABASE_PORT", self.server.port().to_string())
            .env("DATABASE_USER", self.server.user())
            .env("DATABASE_PASSWORD", self.server.password())
    }

    pub async fn connect(&self) -> Client {
        self.server.connect(&self.name).await.unwrap()
    }

    pub async fn connect_as(&self, application_name: &str) -> Client {
        let client = self.connect().await;
        client
            .execute("SELECT set_config('application_name', $1, false)", &[&application_name])
            .await
            .unwrap();
        client
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
    fn drop(&mut self) {
        // Our own server goes as a whole.
        if self.server.is_ours() {
            return;
        }
        let (server, name) = (self.server, std::mem::take(&mut self.name));
        // A runtime cannot be entered twice, so this one has its own thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.drop_database(&name))
        });
        if let Err(error) = dropped.join().unwrap() {
            let _ = writeln!(std::io::stderr(), "{error:#}");
        }
    }
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
