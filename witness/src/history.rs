//! What a framework says it has done to a database: the rows of its history, and no more than these.

use crate::failure::{Exit, Failure, describe};
use crate::report::FailedMigration;
use crate::session::Session;
use clap::ValueEnum;
use futures::TryFutureExt as _;
use tokio_postgres::SimpleQueryMessage;

mod tables;

pub use tables::{dotted, numbered};

/// A framework with a history of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// The one whose history the database has
    Auto,
    Django,
    Alembic,
    Rails,
    Flyway,
    NodePgMigrate,
    Knex,
    Sequelize,
    Drizzle,
    Prisma,
    Sqlx,
    Diesel,
    Refinery,
    GolangMigrate,
    Dbmate,
    Yoyo,
}

/// A migration, as a history and the files of an image both know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// By which a row and a file are the same.
    pub id: String,
    pub version: String,
    pub name: String,
}

impl Entry {
    /// Makes an entry that has its version alone.
    pub fn of(version: impl Into<String>) -> Self {
        let version = version.into();
        Self { id: version.clone(), version, name: String::new() }
    }
}

/// The history of one framework in one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// In the order in which they were applied, as far as the table has it. Of Alembic these are the heads, and of
    /// golang-migrate it is the current version: the files say what came before.
    pub entries: Vec<Entry>,
    /// The version that counts everything before it as applied: a baseline of Flyway.
    pub baseline: Option<String>,
    /// What the framework itself has recorded as failed or broken off.
    pub failed: Option<FailedMigration>,
}

/// What rows are read from. A server of another kind is one more of these.
pub trait Rows {
    /// Returns the rows of a query, each value as the server writes it.
    ///
    /// # Errors
    /// The server's own, or that it does not answer; `what` names the query: `read django_migrations`.
    async fn rows(&self, what: &str, query: &str) -> Result<Vec<Vec<Option<String>>>, Failure>;
}

impl Rows for Session {
    async fn rows(&self, what: &str, query: &str) -> Result<Vec<Vec<Option<String>>>, Failure> {
        let failed = |error: tokio_postgres::Error| {
            Failure::new(Exit::Failed, format!("{what}: {}", describe(&error)))
        };
        let messages = self.patience.wait(what, self.client.simple_query(query).map_err(failed)).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// Where a framework's history is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub tool: Tool,
    schema: Option<String>,
    table: String,
}

impl Place {
    /// Finds the history that the database has. None where it has none yet, and the framework was not named. `table` is
    /// TABLE or SCHEMA.TABLE.
    ///
    /// # Errors
    /// The database has several, or one that this program does not know.
    pub async fn find(server: &impl Rows, tool: Tool, table: Option<&str>) -> Result<Option<Self>, Failure> {
        if tool != Tool::Auto {
            return Ok(Some(Self::of(tool, table.unwrap_or(tables::usual(tool)))));
        }
        if table.is_some() {
            return Err(Failure::new(
                Exit::Usage,
                "--table without --history: the table does not say whose it is",
            )
            .hint("name the framework by --history"));
        }
        let found = tables::found(server).await?;
        match found[..] {
            [] => Ok(None),
            [tool] => Ok(Some(Self::of(tool, tables::usual(tool)))),
            _ => {
                let names: Vec<&str> = found.iter().map(|tool| tool.name()).collect();
                let names = names.join(", ");
                let message = format!("the database has the histories of several frameworks: {names}");
                Err(Failure::new(Exit::Usage, message)
                    .hint("name the one that the command uses by --history"))
            }
        }
    }

    fn of(tool: Tool, table: &str) -> Self {
        let (schema, table) = match table.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
            None => (None, table.to_owned()),
        };
        Self { tool, schema, table }
    }

    /// Reads the history; a database without the table has had no migration.
    ///
    /// # Errors
    /// The server's own; a table whose columns are not the framework's; or a table of this name in a schema that is not
    /// looked at, which may be the one that the command uses.
    pub async fn read(&self, server: &impl Rows) -> Result<History, Failure> {
        let Self { tool, table, .. } = self;
        let what = format!("read the history {table}");
        let query = format!(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relname = {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' ORDER BY 1",
            literal(table)
        );
        let schemas: Vec<String> =
            server.rows(&what, &query).await?.into_iter().flatten().flatten().collect();
        let there = match &self.schema {
            Some(schema) => schemas.contains(schema).then(|| quoted(&[schema, table])),
            None => {
                let query = format!("SELECT to_regclass({}) IS NOT NULL", literal(&quoted(&[table])));
                let is_there = server.rows(&what, &query).await?;
                let is_there =
                    is_there.first().and_then(|row| row.first()).and_then(Option::as_deref) == Some("t");
                if schemas.len() > usize::from(is_there) {
                    return Err(self.ambiguous(&schemas));
                }
                is_there.then(|| quoted(&[table]))
            }
        };
        let Some(there) = there else { return Ok(History::default()) };
        let rows = server.rows(&what, &tables::query(*tool, &there)).await?;
        tables::history(*tool, rows).map_err(|why| Failure::new(Exit::Failed, format!("{what}: {why}")))
    }

    fn ambiguous(&self, schemas: &[String]) -> Failure {
        let Self { table, .. } = self;
        let message =
            format!("which history is the command's is not known: {table} is in {}", schemas.join(", "));
        let hint = format!("name the one that counts: --table {}.{table}", schemas[0]);
        Failure::new(Exit::Usage, message).hint(hint)
    }
}

impl Tool {
    /// Returns the name that --history takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Django => "django",
            Self::Alembic => "alembic",
            Self::Rails => "rails",
            Self::Flyway => "flyway",
            Self::NodePgMigrate => "node-pg-migrate",
            Self::Knex => "knex",
            Self::Sequelize => "sequelize",
            Self::Drizzle => "drizzle",
            Self::Prisma => "prisma",
            Self::Sqlx => "sqlx",
            Self::Diesel => "diesel",
            Self::Refinery => "refinery",
            Self::GolangMigrate => "golang-migrate",
            Self::Dbmate => "dbmate",
            Self::Yoyo => "yoyo",
        }
    }
}

/// Quotes the parts of a name as PostgreSQL's identifiers.
fn quoted(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect::<Vec<_>>().join(".")
}

/// Quotes a text as a literal of SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted(&["SequelizeMeta"]), "\"SequelizeMeta\"");
        assert_eq!(quoted(&["drizzle", "a\"b"]), "\"drizzle\".\"a\"\"b\"");
        assert_eq!(literal("\"it's\""), "'\"it''s\"'");
    }

    #[test]
    fn a_tool_has_the_name_that_its_flag_takes() {
        for tool in Tool::value_variants() {
            let named = tool.to_possible_value().expect("a value");
            assert_eq!(named.get_name(), tool.name());
        }
    }
}
