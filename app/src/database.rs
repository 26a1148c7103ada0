//! Connections: one for a command, a pool for the API.

use crate::failure::{Exit, Failure, chain, describe};
use crate::output::Log;
use crate::settings::{DatabaseSettings, SslMode};
use crate::tls;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long to wait for one of the server's connections when all are taken, in pauses from the first to the last.
const SLOT_DEADLINE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(3);
/// A NAT gateway forgets a connection that was idle for 350 s, and an index can take longer to build.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// How a machine that is gone is found out while a statement runs: three probes without an answer, or data that nobody
/// acknowledges for as long. A server that works is silent for hours, so only TCP can tell the two apart.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// How long the request to cancel a statement may take, on a connection of its own.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a request waits for a connection of the pool.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// A connection, and what is needed to cancel the statement that runs on it.
pub struct Session {
    pub client: Client,
    pub patience: Patience,
    connection: JoinHandle<()>,
    tls: MakeRustlsConnect,
}

/// How long the server may take to answer, apart from the session so that a question can borrow that.
pub struct Patience {
    limit: Duration,
    place: String,
    hint: String,
    connection: AbortHandle,
}

impl Patience {
    /// Waits for the answer to a question that is no migration; `what` names it: `read the history`.
    ///
    /// # Errors
    /// The question's own, or [`Exit::Unreachable`] once the limit has passed. The connection is then closed: an answer
    /// that comes late would be taken for the next question's.
    pub async fn wait<T>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.limit;
        match timeout(limit, question).await {
            Ok(answer) => answer,
            Err(_) => {
                self.connection.abort();
                let message = format!("{what} of {}: no answer within {limit:?}", self.place);
                Err(Failure::new(Exit::Unreachable, message).hint(&self.hint))
            }
        }
    }
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
            // One deadline for all of it: a server may accept a connection and then say nothing, at any step.
            let Ok(attempt) = timeout(settings.connect_timeout, config.connect(tls.clone())).await else {
                return Err(silent(settings));
            };
            match attempt {
                Ok(connected) => break connected,
                Err(error) if is_full(&error) && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
                Err(error) => return Err(unreachable(settings, &error)),
            }
        };
        let connection = tokio::spawn(print_notices(connection, log.clone()));
        let patience = Patience {
            limit: settings.answer_timeout,
            place: settings.place(),
            hint: check_address(settings),
            connection: connection.abort_handle(),
        };
        Ok(Self { client, patience, connection, tls: tls.clone() })
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
    /// Asks the server to cancel the statement that runs now. Does nothing when none does. Whether it arrived shows in
    /// the statement alone.
    pub async fn cancel(&self) {
        let _ = timeout(CANCEL_TIMEOUT, self.token.cancel_query(self.tls.clone())).await;
    }
}

/// A pool for the API: nothing is connected before it is needed, so a server can start before its database.
pub fn pool(settings: &DatabaseSettings, size: usize) -> Result<Pool, Failure> {
    let wait = POOL_WAIT.min(settings.connect_timeout);
    let manager = Manager::from_config(
        config(settings, "app serve"),
        tls::connector(settings)?,
        // Asks on each connection before it is used again: one whose server went silent is replaced.
        ManagerConfig { recycling_method: RecyclingMethod::Verified },
    );
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .recycle_timeout(Some(wait))
        // As SET, not as a start-up option: connection poolers refuse those.
        .post_create(Hook::async_fn(move |client, _| {
            Box::pin(async move {
                let set = client.batch_execute(
                    "SET statement_timeout = '5s'; SET lock_timeout = '3s';
                     SET idle_in_transaction_session_timeout = '15s'",
                );
                // The pool has a deadline for the connection, and none for this.
                match timeout(wait, set).await {
                    Ok(set) => set.map_err(HookError::Backend),
                    Err(_) => Err(HookError::message(format!("no answer within {wait:?}"))),
                }
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
        // For one address: of a name with two, a silent one leaves time for the other.
        .connect_timeout(settings.connect_timeout / 2)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(UNACKNOWLEDGED)
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

fn silent(settings: &DatabaseSettings) -> Failure {
    let message = format!("connect to {}: no answer within {:?}", settings.place(), settings.connect_timeout);
    Failure::new(Exit::Unreachable, message).hint(check_address(settings))
}

fn check_address(settings: &DatabaseSettings) -> String {
    let DatabaseSettings { host, port, .. } = settings;
    format!(
        "check DATABASE_HOST ({host}) and DATABASE_PORT ({port}), that the security groups let this task through, and \
         that what listens there is a PostgreSQL server that is well"
    )
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
        None => failure.hint(check_address(settings)),
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
