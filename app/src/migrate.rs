//! `app migrate`: connect → lock → plan → apply one by one → report.

use crate::cli::MigrateOptions;
use crate::database::{Canceller, Session};
use crate::failure::{Exit, Failure, describe};
use crate::lock;
use crate::output;
use crate::report::{AppliedMigration, FailedMigration, MigrationReport, count_tables};
use crate::schema::{self, Known};
use crate::settings::DatabaseSettings;
use crate::signals::{Signals, Stop};
use refinery::{Migration, Runner, Target};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Between two requests to cancel a statement: one that arrives between two statements has no effect.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);
/// How long a cancelled migration may take to roll back. ECS kills a task 30 s after its SIGTERM.
const ROLLBACK_DEADLINE: Duration = Duration::from_secs(20);

/// Applies what is pending and prints a migration report as the last line on stdout, whatever happens once
/// there is a connection.
pub async fn run(options: &MigrateOptions, mut signals: Signals) -> Result<(), Failure> {
    let started = Instant::now();
    let settings = DatabaseSettings::from_env()?;
    let known = Known::load(&options.source)?;
    let mut session = tokio::select! {
        session = Session::connect(&settings, "app migrate") => session?,
        stop = signals.received() => return Err(stopped_before(stop)),
    };
    let mut report = MigrationReport::about(&session.client).await?;
    output::line(format_args!("connected to database {} as {}", report.database, settings.user));

    let outcome = match options.dry_run {
        true => list_pending(&known, &mut session).await,
        false => apply_under_lock(options, &known, &mut session, &mut signals, &mut report).await,
    };
    let completed = complete(&mut session, &settings, &known, &mut report).await;
    report.ms = milliseconds(started);
    match completed {
        Ok(()) => output::line(report.line()?),
        // A report must be true: without the server's word there is none, and the run has not succeeded.
        Err(failure) => {
            outcome?;
            return Err(failure);
        }
    }
    outcome
}

async fn list_pending(known: &Known, session: &mut Session) -> Result<(), Failure> {
    let applied = schema::applied(&mut session.client).await?;
    for migration in plan(known, &applied)? {
        output::line(format_args!("pending {migration}"));
    }
    Ok(())
}

async fn apply_under_lock(
    options: &MigrateOptions,
    known: &Known,
    session: &mut Session,
    signals: &mut Signals,
    report: &mut MigrationReport,
) -> Result<(), Failure> {
    tokio::select! {
        locked = lock::acquire(&session.client, options.lock_timeout) => locked?,
        stop = signals.received() => return Err(stopped_before(stop)),
    }
    let outcome = apply_pending(options, known, session, signals, report).await;
    // A connection that is lost has given the lock back already.
    let _ = lock::release(&session.client).await;
    outcome
}

async fn apply_pending(
    options: &MigrateOptions,
    known: &Known,
    session: &mut Session,
    signals: &mut Signals,
    report: &mut MigrationReport,
) -> Result<(), Failure> {
    let applied = schema::applied(&mut session.client).await?;
    report.from = current(&applied);
    let pending = plan(known, &applied)?;
    if pending.is_empty() {
        output::line(format_args!("nothing to apply: version {}", report.from.as_deref().unwrap_or("none")));
    }
    session
        .client
        .batch_execute(&format!("SET lock_timeout = {}", options.table_lock_timeout.as_millis()))
        .await
        .map_err(|error| Failure::new(Exit::Failed, format!("set lock_timeout: {}", describe(&error))))?;
    for migration in &pending {
        let started = Instant::now();
        match apply(known, session, signals, migration).await {
            Applied::Committed(stop) => {
                let ms = milliseconds(started);
                output::line(format_args!("applied {migration} in {ms} ms"));
                report.applied.push(AppliedMigration {
                    version: migration.version().to_string(),
                    name: migration.name().to_owned(),
                    ms,
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
                    file: file.clone(),
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
    signals: &mut Signals,
    migration: &Migration,
) -> Applied {
    let canceller = session.canceller();
    // The runner checks the whole history again, then stops at this version: exactly one is applied.
    let runner = Runner::new(&known.migrations).set_target(Target::Version(migration.version()));
    let (result, stop) = {
        let mut running = std::pin::pin!(runner.run_async(&mut session.client));
        tokio::select! {
            result = &mut running => (Some(result), None),
            stop = signals.received() => {
                output::line(format_args!("{}: cancelling {migration}", stop.name()));
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
                let _ = canceller.cancel().await;
            }
        }
    }
}

/// The line of the migration that the server's error is about.
fn line_of(error: &refinery::Error, migration: &Migration) -> Option<usize> {
    let position = schema::driver_error(error)?.as_db_error()?.position()?;
    let tokio_postgres::error::ErrorPosition::Original(position) = position else { return None };
    // The position counts characters, from 1.
    let before = migration.sql()?.chars().take((*position as usize).saturating_sub(1));
    Some(1 + before.filter(|&char| char == '\n').count())
}

/// What is pending, or the differences that stand in its way.
fn plan(known: &Known, applied: &[Migration]) -> Result<Vec<Migration>, Failure> {
    schema::pending(&known.migrations, applied).map_err(|differences| {
        Failure::new(Exit::Failed, format!("the database's history is not this binary's: {}", differences.join("; ")))
            .hint("an applied migration is never edited, renamed or removed: restore it, and add a new one; a missing one may mean that this image is older than the database")
    })
}

/// Reads what is left to say in the report: after the fact, on a new connection if the old one is lost.
async fn complete(
    session: &mut Session,
    settings: &DatabaseSettings,
    known: &Known,
    report: &mut MigrationReport,
) -> Result<(), Failure> {
    if session.client.is_closed() {
        *session = Session::connect(settings, "app migrate").await?;
    }
    let applied = schema::applied(&mut session.client).await?;
    report.current = current(&applied);
    if report.from.is_none() && report.applied.is_empty() {
        report.from.clone_from(&report.current);
    }
    report.pending = schema::lacking(&known.migrations, &applied).count();
    report.tables = count_tables(&session.client).await?;
    Ok(())
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
