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
    /// The database of the connection, as the server names it.
    pub database: String,
    /// The schema's version before this run; null for a new database.
    pub from: Option<String>,
    pub applied: Vec<AppliedMigration>,
    /// How many known migrations the database does not have, after this run.
    pub pending: usize,
    /// The schema's version after this run; null while no migration has been applied.
    pub current: Option<String>,
    /// Base tables in all schemas but the system's; absent when the database could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<i64>,
    /// Wall-clock milliseconds, with connecting and waiting for the lock.
    pub ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedMigration>,
    /// Why this run did not succeed, when that was no migration's fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Stands for what the database has, as [`crate::listing::Listing::hash`] says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The migrations that the database has and this run does not know; absent when the database could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<ListedMigration>>,
    /// The migrations that `pending` counts; absent when the database could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<ListedMigration>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedMigration {
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

#[derive(Debug, Serialize)]
pub struct AppliedMigration {
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Absent where nobody has measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// The migration that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedMigration {
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Of the file, from 1 on, where the server says which place it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub error: String,
}

impl MigrationReport {
    /// Makes an empty report about a database. The name is the server's, except in [`Self::unknown`].
    pub fn about(database: String) -> Self {
        Self {
            version: FORMAT,
            database,
            from: None,
            applied: Vec::new(),
            pending: 0,
            current: None,
            tables: None,
            ms: 0,
            failed: None,
            error: None,
            schema: None,
            unknown: None,
            missing: None,
        }
    }

    /// Makes the report about a database of a pack that no server could be asked about: the name is the one that was
    /// asked for, and none of the migrations is known to be there.
    pub fn unknown(asked: &str, known: usize, error: &str) -> Self {
        Self { pending: known, error: Some(error.to_owned()), ..Self::about(asked.to_owned()) }
    }

    /// Returns the report as its line on stdout.
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
