//! One connection to a PostgreSQL server, with a deadline for each answer.

use crate::failure::{Exit, Failure, describe};
use crate::output::Log;
use crate::settings::{DatabaseSettings, SslMode};
use crate::tls;
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
/// How TCP finds out during a statement that a machine is gone: three probes without an answer, or data that is not
/// acknowledged for as long. A server that works is silent for hours, so only TCP can distinguish the two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// How long the request to cancel a statement may take, on a connection of its own.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection, and what is needed to cancel the statement that runs on it.
pub struct Session {
    pub client: Client,
    pub patience: Patience,
    connection: JoinHandle<()>,
    tls: MakeRustlsConnect,
}

/// How long the server may take to answer. It is apart from the session, so that a question can borrow the session.
pub struct Patience {
    limit: Duration,
    place: String,
    hint: String,
    connection: AbortHandle,
}

impl Patience {
    /// Waits for the answer to a question that is not a migration; `what` names it: `read the history`.
    ///
    /// # Errors
    /// The question's own, or [`Exit::Unreachable`] once the limit has passed. The connection is then closed: a late
    /// answer would be taken for the next question's.
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

    /// Returns what can cancel a statement of this session while the session itself waits for it.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }
}

pub struct Canceller {
    token: tokio_postgres::CancelToken,
    tls: MakeRustlsConnect,
}

impl Canceller {
    /// Asks the server to cancel the statement that runs now. Does nothing when none does. Only the statement shows
    /// whether the request arrived.
    pub async fn cancel(&self) {
        let _ = timeout(CANCEL_TIMEOUT, self.token.cancel_query(self.tls.clone())).await;
    }
}

/// Returns how a server is connected to, as `application_name`.
pub fn config(settings: &DatabaseSettings, application_name: &str) -> Config {
    let mut config = Config::new();
    config
        .dbname(&settings.name)
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .application_name(application_name)
        // For one address: when a name has two, a silent one leaves time for the other.
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
    format!(
        "check {}, that the security groups let this task through, and that what listens there is a PostgreSQL server \
         that is well",
        settings.named.address(&settings.host, settings.port)
    )
}

fn unreachable(settings: &DatabaseSettings, error: &tokio_postgres::Error) -> Failure {
    let failure =
        Failure::new(Exit::Unreachable, format!("connect to {}: {}", settings.place(), describe(error)));
    match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            failure.hint("create the database first, or correct its name")
        }
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            failure.hint(format!(
                "check {}, and whether the server wants TLS ({})",
                settings.named.login(),
                settings.named.ssl_mode()
            ))
        }
        _ if tls::is_certificate_error(error) => failure.hint(format!(
            "set {} to the server's CA; {} `require` encrypts without verifying",
            settings.named.ssl_root_cert(),
            settings.named.ssl_mode()
        )),
        Some(_) => failure,
        None => failure.hint(check_address(settings)),
    }
}

/// Returns whether the server has no connection left, or is just starting. It has one in a moment: packs of databases
/// are migrated by several tasks at once.
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
