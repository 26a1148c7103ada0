//! Connections: one for a command, a pool for the API.

use crate::failure::{Exit, Failure, chain, describe};
use crate::output::Log;
use crate::settings::{DatabaseSettings, SslMode};
use crate::tls;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for one of the server's connections when all are taken, in pauses from the first to the last.
const SLOT_DEADLINE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(3);
/// A NAT gateway forgets a connection that was idle for 350 s, and an index can take longer to build.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// How long a request waits for a connection of the pool.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// A connection, and what is needed to cancel the statement that runs on it.
pub struct Session {
    pub client: Client,
    connection: JoinHandle<()>,
    tls: MakeRustlsConnect,
}

impl Session {
    /// Connects as `application_name`, which is what another session sees in pg_stat_activity.
    ///
    /// Notices of the server become lines on stdout: `RAISE NOTICE` is how a long migration tells its progress.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] with the server's own words.
    pub async fn connect(
        settings: &DatabaseSettings,
        tls: &MakeRustlsConnect,
        application_name: &str,
        log: &Log,
    ) -> Result<Self, Failure> {
        let config = config(settings, application_name);
        let deadline = Instant::now() + SLOT_DEADLINE;
        let mut pause = FIRST_PAUSE;
        let (client, connection) = loop {
            match config.connect(tls.clone()).await {
                Ok(connected) => break connected,
                Err(error) if is_full(&error) && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
                Err(error) => return Err(unreachable(settings, &error)),
            }
        };
        let connection = tokio::spawn(print_notices(connection, log.clone()));
        Ok(Self { client, connection, tls: tls.clone() })
    }

    /// Closes the connection under the client, whose calls then fail.
    pub fn cut(&self) {
        self.connection.abort();
    }

    /// What can cancel a statement of this session while the session itself waits for it.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }
}

pub struct Canceller {
    token: tokio_postgres::CancelToken,
    tls: MakeRustlsConnect,
}

impl Canceller {
    /// Asks the server to cancel the statement that runs now. Does nothing when none does.
    pub async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        self.token.cancel_query(self.tls.clone()).await
    }
}

/// A pool for the API: nothing is connected before it is needed, so a server can start before its database.
pub fn pool(settings: &DatabaseSettings, size: usize) -> Result<Pool, Failure> {
    let manager = Manager::from_config(
        config(settings, "app serve"),
        tls::connector(settings)?,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(POOL_WAIT))
        .recycle_timeout(Some(POOL_WAIT))
        // As SET, not as a start-up option: connection poolers refuse those.
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                client
                    .batch_execute(
                        "SET statement_timeout = '5s'; SET lock_timeout = '3s';
                         SET idle_in_transaction_session_timeout = '15s'",
                    )
                    .await
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("create the connection pool: {}", chain(&error))))
}

fn config(settings: &DatabaseSettings, application_name: &str) -> Config {
    let mut config = Config::new();
    config
        .dbname(&settings.name)
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .application_name(application_name)
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(KEEPALIVE_IDLE)
        .ssl_mode(match settings.ssl_mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        });
    if let Some(password) = &settings.password {
        config.password(password.reveal());
    }
    config
}

fn unreachable(settings: &DatabaseSettings, error: &tokio_postgres::Error) -> Failure {
    let failure =
        Failure::new(Exit::Unreachable, format!("connect to {}: {}", settings.place(), describe(error)));
    match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            failure.hint("create the database first, or correct DATABASE_NAME; app creates tables, never databases")
        }
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            failure.hint("check DATABASE_USER and DATABASE_PASSWORD, and whether the server wants TLS (DATABASE_SSLMODE)")
        }
        _ if tls::is_certificate_error(error) => failure
            .hint("set DATABASE_SSLROOTCERT to the server's CA; DATABASE_SSLMODE=require encrypts without verifying"),
        Some(_) => failure,
        None => failure.hint("check DATABASE_HOST and DATABASE_PORT, and that the security groups let this task through"),
    }
}

/// A server that has no connection left, or is just starting, has one in a moment: packs of databases are migrated by
/// several tasks at once.
fn is_full(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS | &SqlState::CANNOT_CONNECT_NOW))
}

async fn print_notices<S, T>(connection: Connection<S, T>, log: Log)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    // An error ends the connection; whoever waits for an answer on it gets the same error, and reports it.
    while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        match message {
            // "relation refinery_schema_history already exists, skipping", before every migration.
            AsyncMessage::Notice(notice) if notice.code() == &SqlState::DUPLICATE_TABLE => {}
            AsyncMessage::Notice(notice) => {
                log.line(format_args!("{}: {}", notice.severity().to_lowercase(), notice.message()));
            }
            _ => {}
        }
    }
}
