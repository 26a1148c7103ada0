//! A real PostgreSQL for tasks to migrate: found, started or installed, and gone with its owner.
//!
//! In this order: the server that SANDBOX_DATABASE_URL names, server binaries of this machine, `docker run`, and on
//! Debian as root `apt-get install`. A server that was started here listens on 127.0.0.1 only, on a free port.

mod binaries;
mod cluster;
mod container;
mod databases;
mod install;
mod supervisor;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use supervisor::Supervisor;

/// The administrator of a server that is started here; also the name of the default database.
const ADMINISTRATOR: &str = "postgres";

/// Where to look for a server, and what to keep of one that is started.
#[derive(Clone)]
pub struct Options {
    /// A server to use instead of starting one: `postgres://user:password@host:port`.
    pub url: Option<String>,
    /// Keeps the databases here from one start to the next; without it they end with the server.
    pub directory: Option<PathBuf>,
    /// What a server that is started with the programs of this machine takes TLS connections with.
    pub certificate: Option<Certificate>,
    /// Told what takes long or changes the machine, one line each.
    pub announce: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Options {
    /// Takes SANDBOX_DATABASE_URL if it is set, keeps nothing, and announces nothing.
    fn default() -> Self {
        Self {
            url: std::env::var("SANDBOX_DATABASE_URL").ok().filter(|url| !url.is_empty()),
            directory: None,
            certificate: None,
            announce: Arc::new(|_| {}),
        }
    }
}

/// A server's certificate and its key, as PEM.
#[derive(Clone)]
pub struct Certificate {
    pub chain: String,
    pub key: String,
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
    /// There is no server, and the message lists the ways to get one; or the one that was named does not answer.
    pub async fn find_or_start(options: &Options) -> anyhow::Result<Self> {
        if let Some(url) = &options.url {
            return Self::at(url).await;
        }
        if let Some(server) = Self::start(options).await? {
            return Ok(server);
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

    /// Starts a server with the programs of this machine; `None` where it has none of them.
    ///
    /// # Errors
    /// The server does not start.
    pub async fn start(options: &Options) -> anyhow::Result<Option<Self>> {
        match binaries::find() {
            Some(binaries) => cluster::start(&binaries, options).await.map(Some),
            None => Ok(None),
        }
    }

    /// Takes a server that another user runs, once it answers.
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
        let client = server.connect(server.default_database()).await.context(
            "use SANDBOX_DATABASE_URL (unset it to have a server started: a sandbox that has ended may have left it there)",
        )?;
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

    /// Says where the server comes from, for people.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns whether the server was started here, so that it ends with this value.
    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }

    /// Returns the database that a client lands on when it names none.
    pub fn default_database(&self) -> &'static str {
        ADMINISTRATOR
    }

    /// Ends a server that was started here and waits until it is gone.
    pub fn stop(mut self) {
        self.server.take();
    }

    /// Makes the value for a server that is starting here.
    fn of(server: Supervisor, port: u16, password: String, origin: String) -> Self {
        let (host, user) = ("127.0.0.1".to_owned(), ADMINISTRATOR.to_owned());
        Self { host, port, user, password, origin, server: Some(server) }
    }

    /// Waits for the first answer of a server that is starting.
    async fn ready(mut self, patience: Duration) -> anyhow::Result<Self> {
        // The wall clock, not tokio's: a real process is starting, even in a test with paused time.
        let deadline = Instant::now() + patience;
        loop {
            let refusal = match self.config(self.default_database()).connect(NoTls).await {
                Ok((_client, _connection)) => return Ok(self),
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

/// Finds a free port of the loopback address; free at least when it was asked for.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("find a free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("find a free port on 127.0.0.1")?.port())
}

fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| anyhow::anyhow!("get random bytes: {error}"))?;
    Ok(hex::encode(buffer))
}
