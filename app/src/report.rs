//! The migration report: one JSON line that says what was done to which database. It is how a pipeline
//! knows that the right one was migrated, so nothing in it is assumed: all of it is asked of the server or
//! measured.

use crate::failure::{Exit, Failure, describe};
use serde::Serialize;
use tokio_postgres::Client;

/// Version of the report's format.
const FORMAT: u8 = 1;

#[derive(Debug, Serialize)]
struct Line<'a> {
    migration_report: &'a MigrationReport,
}

#[derive(Debug, Serialize)]
pub struct MigrationReport {
    /// Of the format, always 1.
    pub version: u8,
    /// What the server says that we are connected to.
    pub database: String,
    /// The schema's version before this run; null for a new database.
    pub from: Option<String>,
    pub applied: Vec<AppliedMigration>,
    /// How many known migrations the database does not have, after this run.
    pub pending: usize,
    /// The schema's version after this run; null while no migration has been applied.
    pub current: Option<String>,
    /// Base tables in all schemas but the system's.
    pub tables: i64,
    /// Wall-clock milliseconds, with connecting and waiting for the lock.
    pub ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedMigration>,
    /// Why this run did not succeed, when that was no migration's fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct AppliedMigration {
    pub version: String,
    pub name: String,
    pub ms: u64,
}

/// The migration that was rolled back.
#[derive(Debug, Serialize)]
pub struct FailedMigration {
    pub version: String,
    pub name: String,
    pub file: String,
    /// Of the file, from 1 on, where the server says which place it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub error: String,
}

impl MigrationReport {
    /// An empty report about a database, by the name that the server gave it.
    pub fn about(database: String) -> Self {
        Self {
            version: FORMAT,
            database,
            from: None,
            applied: Vec::new(),
            pending: 0,
            current: None,
            tables: 0,
            ms: 0,
            failed: None,
            error: None,
        }
    }

    /// What can be said of a database of a pack that no server could be asked about: the name is the one that was
    /// asked for, and none of the migrations is known to be there.
    pub fn unknown(asked: &str, known: usize, error: &str) -> Self {
        Self { pending: known, error: Some(error.to_owned()), ..Self::about(asked.to_owned()) }
    }

    /// The report as its line on stdout.
    pub fn line(&self) -> Result<String, Failure> {
        serde_json::to_string(&Line { migration_report: self })
            .map_err(|error| Failure::new(Exit::Failed, format!("write the migration report: {error}")))
    }
}

/// Not information_schema.tables: it leaves out what the user has no rights on.
pub const COUNT_TABLES: &str = r"SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'";

/// Counts the base tables, partitions included, of all schemas but the system's.
pub async fn count_tables(client: &Client) -> Result<i64, Failure> {
    client
        .query_one(COUNT_TABLES, &[])
        .await
        .map(|row| row.get(0))
        .map_err(|error| Failure::new(Exit::Failed, format!("count tables: {}", describe(&error))))
}
