//! One database: connect → look → lock → plan → apply one by one → report.

use super::Job;
use crate::failure::{Exit, Failure, describe};
use crate::listing::Listing;
use crate::lock;
use crate::output::Log;
use crate::pack::Reported;
use crate::report::{AppliedMigration, FailedMigration, MigrationReport, count_tables};
use crate::schema::{self, Known};
use crate::session::{Canceller, Session};
use crate::settings::DatabaseSettings;
use crate::signals::{Stop, Stopping};
use futures::TryFutureExt as _;
use refinery::{Migration, Runner, Target};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// What other sessions see in pg_stat_activity.
const APPLICATION: &str = "app migrate";
/// Between two requests to cancel a statement: one that arrives between two statements has no effect.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);
/// How long a cancelled migration may take to roll back. ECS kills a task 30 s after its SIGTERM.
const ROLLBACK_DEADLINE: Duration = Duration::from_secs(20);

/// Applies what is pending to the database of `settings`. Returns a report whenever the server could be asked in the
/// end, however the migration went.
pub(super) async fn migrate(job: &Job<'_>, settings: &DatabaseSettings, log: &Log) -> Reported {
    let started = Instant::now();
    let (mut session, look) = match open(job, settings, log).await {
        Ok(opened) => opened,
        Err(failure) => return (None, Err(failure)),
    };
    let mut report = MigrationReport::about(look.database.clone());
    log.detail(format_args!("connected to database {} as {}", report.database, settings.user));
    if look.is_up_to_date(job.known) {
        schema::compare(&mut report, &job.known.migrations, &job.known.migrations);
        report.from.clone_from(&report.current);
        report.tables = Some(look.tables);
        report.schema = schema_hash(&mut session, log).await;
        report.ms = milliseconds(started);
        log.detail(nothing_to_apply(&report));
        return (Some(report), Ok(()));
    }
    let outcome = match job.options.dry_run {
        true => list_pending(job.known, &mut session, log).await,
        false => apply_under_lock(job, &mut session, &mut report, log).await,
    };
    let completed = complete(&mut session, job, settings, &mut report, log).await;
    report.ms = milliseconds(started);
    match (outcome, completed) {
        (outcome, Ok(())) => {
            if let (Err(failure), None) = (&outcome, &report.failed) {
                report.error = Some(failure.message.clone());
            }
            (Some(report), outcome)
        }
        // A report must be true: without the server's word there is none, and the run has not succeeded.
        (Err(failure), Err(_)) | (Ok(()), Err(failure)) => (None, Err(failure)),
    }
}

async fn open(
    job: &Job<'_>,
    settings: &DatabaseSettings,
    log: &Log,
) -> Result<(Session, schema::Look), Failure> {
    let mut stopping = job.stopping.clone();
    let opening = async {
        let session = Session::connect(settings, job.tls, APPLICATION, log).await?;
        let look = session.patience.wait("take a look", schema::look(&session.client)).await?;
        Ok((session, look))
    };
    tokio::select! {
        opened = opening => opened,
        stop = stopping.received() => Err(stopped_before(stop)),
    }
}

fn nothing_to_apply(report: &MigrationReport) -> String {
    format!("nothing to apply: version {}", report.from.as_deref().unwrap_or("none"))
}

async fn list_pending(known: &Known, session: &mut Session, log: &Log) -> Result<(), Failure> {
    let applied = applied(session).await?;
    for migration in plan(known, &applied)? {
        log.line(format_args!("pending {migration}"));
    }
    Ok(())
}

async fn apply_under_lock(
    job: &Job<'_>,
    session: &mut Session,
    report: &mut MigrationReport,
    log: &Log,
) -> Result<(), Failure> {
    let mut stopping = job.stopping.clone();
    tokio::select! {
        locked = lock::acquire(&session.client, lock::MIGRATOR, &session.patience, job.options.lock_timeout, log) => locked?,
        stop = stopping.received() => return Err(stopped_before(stop)),
    }
    let outcome = apply_pending(job, session, report, log).await;
    // A connection that is lost has given the lock back already.
    let _ = session
        .patience
        .wait("release the migration lock", lock::release(&session.client, lock::MIGRATOR))
        .await;
    outcome
}

async fn apply_pending(
    job: &Job<'_>,
    session: &mut Session,
    report: &mut MigrationReport,
    log: &Log,
) -> Result<(), Failure> {
    let (known, mut stopping) = (job.known, job.stopping.clone());
    let applied = applied(session).await?;
    report.from = current(&applied);
    let pending = plan(known, &applied)?;
    if pending.is_empty() {
        log.line(nothing_to_apply(report));
    }
    let limit = format!("SET lock_timeout = {}", job.options.table_lock_timeout.as_millis());
    let set = session
        .client
        .batch_execute(&limit)
        .map_err(|error| Failure::new(Exit::Failed, format!("set lock_timeout: {}", describe(&error))));
    session.patience.wait("set lock_timeout", set).await?;
    for migration in &pending {
        let started = Instant::now();
        match apply(known, session, &mut stopping, migration, log).await {
            Applied::Committed(stop) => {
                let ms = milliseconds(started);
                log.line(format_args!("applied {migration} in {ms} ms"));
                report.applied.push(AppliedMigration {
                    version: migration.version().to_string(),
                    name: migration.name().to_owned(),
                    ms: Some(ms),
                });
                if let Some(stop) = stop {
                    return Err(Failure::new(
                        stop.exit(),
                        format!("stopped by {} after {migration}", stop.name()),
                    ));
                }
            }
            Applied::RolledBack { error, line, stop } => {
                let file = known.file(migration);
                report.failed = Some(FailedMigration {
                    version: migration.version().to_string(),
                    name: migration.name().to_owned(),
                    file: Some(file.clone()),
                    line,
                    error: error.clone(),
                });
                let place = line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
                return Err(match stop {
                    Some(stop) => Failure::new(
                        stop.exit(),
                        format!("stopped by {}: {migration} was rolled back ({error})", stop.name()),
                    ),
                    None => Failure::new(Exit::Failed, format!("apply {place}: {error}")).hint(
                        "it was rolled back and the ones before it are kept: correct it, then run again",
                    ),
                });
            }
        }
    }
    Ok(())
}

enum Applied {
    /// A signal may have come too late to matter to this migration.
    Committed(Option<Stop>),
    RolledBack {
        error: String,
        /// Of the migration's file.
        line: Option<usize>,
        stop: Option<Stop>,
    },
}

/// Applies one migration in its transaction. A signal cancels the statement that runs, which rolls back.
async fn apply(
    known: &Known,
    session: &mut Session,
    stopping: &mut Stopping,
    migration: &Migration,
    log: &Log,
) -> Applied {
    let canceller = session.canceller();
    // The runner checks the whole history again, then stops at this version: exactly one is applied.
    let runner = Runner::new(&known.migrations).set_target(Target::Version(migration.version()));
    let (result, stop) = {
        let mut running = std::pin::pin!(runner.run_async(&mut session.client));
        tokio::select! {
            result = &mut running => (Some(result), None),
            stop = stopping.received() => {
                log.line(format_args!("{}: cancelling {migration}", stop.name()));
                (timeout(ROLLBACK_DEADLINE, cancel_until_done(&canceller, running)).await.ok(), Some(stop))
            }
        }
    };
    match result {
        Some(Ok(_)) => Applied::Committed(stop),
        Some(Err(error)) => {
            Applied::RolledBack { error: schema::explain(&error), line: line_of(&error, migration), stop }
        }
        // The server rolls back when it notices that the connection is gone.
        None => {
            session.cut();
            let error = format!(
                "did not end within {ROLLBACK_DEADLINE:?} of being cancelled; the connection was cut"
            );
            Applied::RolledBack { error, line: None, stop }
        }
    }
}

async fn cancel_until_done<T>(canceller: &Canceller, mut running: Pin<&mut impl Future<Output = T>>) -> T {
    let mut again = interval(CANCEL_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            result = &mut running => return result,
            _ = again.tick() => {
                // When this one cannot be delivered, the next may be, and the caller's deadline holds anyway.
                canceller.cancel().await;
            }
        }
    }
}

/// Returns the line of the migration that the server's error is about, from 1 on; `None` when the error names no
/// place.
fn line_of(error: &refinery::Error, migration: &Migration) -> Option<usize> {
    let position = schema::driver_error(error)?.as_db_error()?.position()?;
    let tokio_postgres::error::ErrorPosition::Original(position) = position else { return None };
    // The position counts characters, from 1.
    let before = migration.sql()?.chars().take((*position as usize).saturating_sub(1));
    Some(1 + before.filter(|&char| char == '\n').count())
}

/// Returns what is pending, in order; the error lists the differences that stand in its way.
fn plan(known: &Known, applied: &[Migration]) -> Result<Vec<Migration>, Failure> {
    schema::pending(&known.migrations, applied).map_err(|differences| {
        Failure::new(Exit::Failed, format!("the database's history is not this binary's: {}", differences.join("; ")))
            .hint("an applied migration is never edited, renamed or removed: restore it, and add a new one; a missing one may mean that this image is older than the database")
    })
}

/// Reads what is left to say in the report: after the fact, on a new connection if the old one is lost.
async fn complete(
    session: &mut Session,
    job: &Job<'_>,
    settings: &DatabaseSettings,
    report: &mut MigrationReport,
    log: &Log,
) -> Result<(), Failure> {
    if session.client.is_closed() {
        *session = Session::connect(settings, job.tls, APPLICATION, log).await?;
    }
    let applied = applied(session).await?;
    schema::compare(report, &job.known.migrations, &applied);
    if report.from.is_none() && report.applied.is_empty() {
        report.from.clone_from(&report.current);
    }
    report.tables = Some(session.patience.wait("count the tables", count_tables(&session.client)).await?);
    report.schema = schema_hash(session, log).await;
    Ok(())
}

/// Returns the hash of the schema; `None`, after saying why, when it cannot be had: the database is migrated all the
/// same.
async fn schema_hash(session: &mut Session, log: &Log) -> Option<String> {
    let listing = session.patience.wait("list the schema", Listing::read(&mut session.client)).await;
    match listing {
        Ok(listing) => Some(listing.hash()),
        Err(failure) => {
            log.line(format_args!("the report has no schema: {}", failure.message));
            None
        }
    }
}

async fn applied(session: &mut Session) -> Result<Vec<Migration>, Failure> {
    session.patience.wait("read the history", schema::applied(&mut session.client)).await
}

fn current(applied: &[Migration]) -> Option<String> {
    applied.last().map(|migration| migration.version().to_string())
}

fn stopped_before(stop: Stop) -> Failure {
    Failure::new(stop.exit(), format!("stopped by {} before any migration was started", stop.name()))
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
