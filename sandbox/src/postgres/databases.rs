//! The databases of a server: connections to them, and what is asked most.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_postgres::{Client, Config, NoTls};

use super::Postgres;

/// PostgreSQL cuts identifiers to this many bytes (NAMEDATALEN - 1).
const IDENTIFIER_LIMIT: usize = 63;

impl Postgres {
    /// Returns `postgres://…` with the password in it: for the environment of a child, not for print.
    pub fn url(&self, database: &str) -> String {
        // A password that was made here is hexadecimal; a foreign one may need the encoding.
        let part = |text: &str| text.bytes().map(percent_encoded).collect::<String>();
        format!(
            "postgres://{}:{}@{}:{}/{}",
            part(&self.user),
            part(&self.password),
            self.host,
            self.port,
            part(database)
        )
    }

    /// Connects to one database; the connection ends with the client.
    ///
    /// # Errors
    /// The server or the database does not take the connection.
    pub async fn connect(&self, database: &str) -> anyhow::Result<Client> {
        let (client, connection) = self
            .config(database)
            .connect(NoTls)
            .await
            .with_context(|| format!("connect to database {database} at {}:{}", self.host, self.port))?;
        // Errors of the connection reach the client's queries, which is where they are reported.
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates a database. Any name that PostgreSQL takes is fine: it is quoted.
    ///
    /// # Errors
    /// It exists already, or the name is empty, longer than 63 bytes or has a NUL in it.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        let client = self.connect(self.default_database()).await?;
        let statement = format!("create database {}", quoted(name)?);
        client.batch_execute(&statement).await.with_context(|| format!("create database {name}"))
    }

    /// Returns whether the server has a database of this name.
    ///
    /// # Errors
    /// The query fails.
    pub async fn has_database(&self, name: &str) -> anyhow::Result<bool> {
        let client = self.connect(self.default_database()).await?;
        let found = client
            .query_opt("select 1 from pg_database where datname = $1", &[&name])
            .await
            .context("query pg_database")?;
        Ok(found.is_some())
    }

    /// Drops a database and whoever is connected to it; nothing happens if there is none.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        let client = self.connect(self.default_database()).await?;
        let statement = format!("drop database if exists {} with (force)", quoted(name)?);
        client.batch_execute(&statement).await.with_context(|| format!("drop database {name}"))
    }

    /// Counts the tables that a database has outside PostgreSQL's own schemas.
    ///
    /// # Errors
    /// The database does not exist or the query fails.
    pub async fn count_tables(&self, database: &str) -> anyhow::Result<i64> {
        let client = self.connect(database).await?;
        let row = client
            .query_one(
                "select count(*) from information_schema.tables where table_type = 'BASE TABLE' \
                 and table_schema not in ('pg_catalog', 'information_schema')",
                &[],
            )
            .await
            .with_context(|| format!("count tables of database {database}"))?;
        Ok(row.get(0))
    }

    pub(super) fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .password(&self.password)
            .dbname(database)
            .connect_timeout(Duration::from_secs(10));
        config
    }
}

fn quoted(name: &str) -> anyhow::Result<String> {
    if name.is_empty() || name.len() > IDENTIFIER_LIMIT || name.contains('\0') {
        bail!("name a database {name:?}: a name has 1 to {IDENTIFIER_LIMIT} bytes and no NUL");
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_database_name_stays_one_identifier() {
        assert_eq!(quoted("fintech_experiment").unwrap(), "\"fintech_experiment\"");
        assert_eq!(quoted("a\"; drop database b; --").unwrap(), "\"a\"\"; drop database b; --\"");
        for name in ["", "a\0b", &"x".repeat(64)] {
            assert!(quoted(name).is_err(), "{name:?}");
        }
    }
}
