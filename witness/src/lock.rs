//! One migration of a database at a time. refinery takes no lock: two runs at once would both apply.

use crate::failure::{Exit, Failure, describe};
use crate::output::Log;
use crate::session::Patience;
use futures::TryFutureExt as _;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

/// Both halves of an advisory lock's key, as pg_locks shows them in classid and objid. The lock belongs to one database, so
/// databases of one server do not wait for each other.
#[derive(Clone, Copy, Debug)]
pub struct Key(i32, i32);

/// A program that applies migrations itself: `migr`, `ator`.
pub const MIGRATOR: Key = Key(0x6d69_6772, 0x6174_6f72);
/// The witness, in front of such a program or of another one: `witn`, `ess `.
pub const WITNESS: Key = Key(0x7769_746e, 0x6573_7320);
const POLL: Duration = Duration::from_millis(200);

/// The session that has the lock, as pg_stat_activity tells. What the server does not show to this role is absent.
#[derive(Debug)]
pub struct Holder {
    pub pid: i32,
    pub application_name: Option<String>,
    pub client_address: Option<IpAddr>,
    pub connected_since: Option<jiff::Timestamp>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        if let Some(name) = &self.application_name {
            write!(f, ", {name}")?;
        }
        // Without the right to see another role's session, all of these are absent.
        let Some(since) = self.connected_since else { return Ok(()) };
        match self.client_address {
            Some(address) => write!(f, ", from {address}")?,
            None => f.write_str(", from a local socket")?,
        }
        write!(f, ", connected since {since:.0}")
    }
}

/// Takes the migration lock of the database that `client` is connected to. It is held until [`release`] or
/// until the connection ends, however that happens.
///
/// Polls rather than waits in pg_advisory_lock: a waiting statement would hold a snapshot for as long, and
/// CREATE INDEX CONCURRENTLY waits for every snapshot.
///
/// # Errors
/// [`Exit::Locked`] after `timeout`, naming the holder; [`Exit::Unreachable`] when the server does not answer.
pub async fn acquire(
    client: &Client,
    key: Key,
    patience: &Patience,
    timeout: Duration,
    log: &Log,
) -> Result<(), Failure> {
    let failed = |error: tokio_postgres::Error| {
        Failure::new(Exit::Failed, format!("take the migration lock: {}", describe(&error)))
    };
    let deadline = Instant::now() + timeout;
    let mut announced = None;
    loop {
        let attempt = async {
            let row = client.query_one("SELECT pg_try_advisory_lock($1, $2)", &[&key.0, &key.1]).await?;
            Ok(match row.get(0) {
                true => None,
                false => Some(holder(client, key).await?),
            })
        };
        let attempt = patience.wait("take the migration lock", attempt.map_err(failed));
        let Some(holder) = attempt.await? else { return Ok(()) };
        if Instant::now() >= deadline {
            let who = holder
                .map_or_else(|| "a session that has just ended".to_owned(), |holder| holder.to_string());
            return Err(Failure::new(
                Exit::Locked,
                format!(
                    "another migration of this database holds the lock for longer than {timeout:?}: {who}"
                ),
            )
            .hint("wait for it, raise --lock-timeout, or end it with SELECT pg_terminate_backend(<pid>)"));
        }
        if let Some(holder) = holder
            && announced != Some(holder.pid)
        {
            log.line(format_args!(
                "waiting up to {timeout:?} for another migration of this database: {holder}"
            ));
            announced = Some(holder.pid);
        }
        sleep(POLL).await;
    }
}

/// Gives the lock back while the connection goes on.
pub async fn release(client: &Client, key: Key) -> Result<(), Failure> {
    let released = client.execute("SELECT pg_advisory_unlock($1, $2)", &[&key.0, &key.1]).await;
    released.map(drop).map_err(|error| {
        Failure::new(Exit::Failed, format!("release the migration lock: {}", describe(&error)))
    })
}

async fn holder(client: &Client, key: Key) -> Result<Option<Holder>, tokio_postgres::Error> {
    // objsubid 2 marks a key of two numbers.
    let row = client
        .query_opt(
            "SELECT l.pid, nullif(a.application_name, ''), a.client_addr, a.backend_start
             FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
               AND l.classid = $1::int::oid AND l.objid = $2::int::oid
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[&key.0, &key.1],
        )
        .await?;
    Ok(row.map(|row| Holder {
        pid: row.get(0),
        application_name: row.get(1),
        client_address: row.get(2),
        connected_since: row.get(3),
    }))
}
