//! A real PostgreSQL for tasks to migrate: found, started or installed, and gone with its owner.
//!
//! In this order: the server that SANDBOX_DATABASE_URL names, server binaries of this machine, `docker run`, and on
//! Debian as root `apt-get install`. A server that was started here listens on 127.0.0.1 only, on a free port.

mod binaries;
mod cluster;
mod container;
mod install;
mod supervisor;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use supervisor::Supervisor;

/// The administrator of a server that is started here; also the name of the default database.
const ADMINISTRATOR: &str = "postgres";
/// PostgreSQL cuts identifiers to this many bytes (NAMEDATALEN - 1).
const IDENTIFIER_LIMIT: usize = 63;

/// Where to look for a server, and what to keep of one that is started.
#[derive(Clone)]
pub struct Options {
    /// A server to use instead of starting one: `postgres://user:password@host:port`.
    pub url: Option<String>,
    /// Keeps the databases here from one start to the next; without it they end with the server.
    pub directory: Option<PathBuf>,
    /// Told what takes long or changes the machine, one line each.
    pub announce: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Options {
    /// SANDBOX_DATABASE_URL if it is set, nothing kept, nothing said.
    fn default() -> Self {
        Self {
            url: std::env::var("SANDBOX_DATABASE_URL").ok().filter(|url| !url.is_empty()),
            directory: None,
            announce: Arc::new(|_| {}),
        }
    }
}

/// A PostgreSQL server that answers; dropping it ends the server if it was started here.
pub struct Postgres {
    host: String,
    port: u16,
    user: String,
    password: String,
    /// Whose server this is, in words: `PostgreSQL 15.14 from /usr/lib/postgresql/15/bin`.
    origin: String,
    server: Option<Supervisor>,
}

impl Postgres {
    /// Finds or starts a server and waits until it answers.
    ///
    /// # Errors
    /// None is to be had; the message lists the ways to get one. Or the one that was named does not answer.
    pub async fn find_or_start(options: &Options) -> anyhow::Result<Self> {
        if let Some(url) = &options.url {
            return Self::at(url).await;
        }
        if let Some(binaries) = binaries::find() {
            return cluster::start(&binaries, options).await;
        }
        let mut reasons = Vec::new();
        if container::engine_answers().await {
            match container::start(options).await {
                Ok(server) => return Ok(server),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        if install::is_possible() {
            match install::run(options.announce.as_ref()).await {
                Ok(binaries) => return cluster::start(&binaries, options).await,
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        let reasons = reasons.iter().map(|reason| format!("\n  tried: {reason}")).collect::<String>();
        bail!(
            "find a PostgreSQL server: none on this machine; install one (Debian: apt-get install postgresql), start \
             Docker, or set SANDBOX_DATABASE_URL=postgres://user:password@host:port{reasons}"
        )
    }

    /// A server that somebody else runs.
    async fn at(url: &str) -> anyhow::Result<Self> {
        let config: Config = url.parse().context("parse SANDBOX_DATABASE_URL")?;
        let host = match config.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            _ => bail!("parse SANDBOX_DATABASE_URL: exactly one host name is needed"),
        };
        let server = Self {
            host,
            port: config.get_ports().first().copied().unwrap_or(5432),
            user: config.get_user().unwrap_or(ADMINISTRATOR).to_owned(),
            password: String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned(),
            origin: "SANDBOX_DATABASE_URL".to_owned(),
            server: None,
        };
        let client = server.connect(server.default_database()).await.context("use SANDBOX_DATABASE_URL")?;
        client.simple_query("select 1").await.context("query the server of SANDBOX_DATABASE_URL")?;
        Ok(server)
    }

    /// Forgets the databases that a former server kept in [`Options::directory`]; none there is fine.
    ///
    /// # Errors
    /// The directory cannot be removed.
    pub fn forget(directory: &std::path::Path) -> anyhow::Result<()> {
        cluster::forget(directory)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where the server comes from, for people.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// True when the server was started here, and ends with this value.
    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }

    /// The database that a client lands on when it names none.
    pub fn default_database(&self) -> &'static str {
        ADMINISTRATOR
    }

    /// `postgres://…` with the password in it: for the environment of a child, not for print.
    pub fn url(&self, database: &str) -> String {
        // Our own password is hexadecimal; a foreign one may need the encoding.
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

    /// A connection to one database; it ends with the client.
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

    /// True when the server has a database of this name.
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

    /// How many tables a database has outside PostgreSQL's own schemas.
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

    /// Ends a server that was started here and waits until it is gone.
    pub fn stop(mut self) {
        self.server.take();
    }

    fn config(&self, database: &str) -> Config {
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

    /// Waits for the first answer of a server that is starting.
    async fn wait_until_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        // The wall clock, not tokio's: a real process is starting, even in a test with paused time.
        let deadline = Instant::now() + patience;
        loop {
            let refusal = match self.config(self.default_database()).connect(NoTls).await {
                Ok((_client, _connection)) => return Ok(()),
                Err(error) => error,
            };
            if let Some(server) = &mut self.server
                && let Some(last_words) = server.has_ended()?
            {
                bail!("start PostgreSQL: it ended at once:\n{last_words}");
            }
            if Instant::now() > deadline {
                bail!("start PostgreSQL: no answer after {} s: {refusal}", patience.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
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

/// A free port of the loopback address; free at least when it was asked for.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("find a free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("find a free port on 127.0.0.1")?.port())
}

fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| anyhow::anyhow!("get random bytes: {error}"))?;
    Ok(hex::encode(buffer))
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
