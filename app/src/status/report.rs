//! `app status --report`: the migration report of each database, as it is.

use super::{connect, stopped};
use crate::cli::StatusOptions;
use crate::databases::Databases;
use crate::failure::{Exit, Failure};
use crate::listing::Listing;
use crate::output::Log;
use crate::pack::{self, Reported};
use crate::report::MigrationReport;
use crate::schema::{self, Known};
use crate::settings::DatabaseSettings;
use crate::signals::Stopping;
use crate::tls;
use std::time::Instant;
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) async fn run(options: &StatusOptions, stopping: Stopping) -> Result<(), Failure> {
    let databases = Databases::from_env()?;
    let known = Known::load(&options.source)?;
    // All databases are on one server.
    let tls = tls::connector(databases.first())?;
    let report_of = async |settings: &DatabaseSettings, log: &Log| -> Reported {
        let mut stopping = stopping.clone();
        let report = tokio::select! {
            report = report_of(settings, &known, &tls, log) => report,
            stop = stopping.received() => Err(stopped(stop)),
        };
        match report {
            Ok(report) => (Some(report), Ok(())),
            Err(failure) => (None, Err(failure)),
        }
    };
    let run = pack::Run {
        jobs: options.jobs.number,
        known: known.migrations.len(),
        done: "asked",
        stopping: stopping.clone(),
    };
    run.all(&databases, report_of).await
}

/// Reads the report of a database. What is unknown is not an error: an older image looks at a newer database in every
/// rollout.
async fn report_of(
    settings: &DatabaseSettings,
    known: &Known,
    tls: &MakeRustlsConnect,
    log: &Log,
) -> Result<MigrationReport, Failure> {
    let started = Instant::now();
    let mut session = connect(settings, tls, log).await?;
    let look = session.patience.wait("take a look", schema::look(&session.client)).await?;
    let listing = session.patience.wait("list the schema", Listing::read(&mut session.client)).await?;
    let applied = session.patience.wait("read the history", schema::applied(&mut session.client)).await?;
    // Otherwise the report might have one version, and the schema of another.
    if !look.has(&applied) {
        return Err(Failure::new(Exit::Failed, "a migration of this database ended while it was looked at")
            .hint("run this again when no migration runs"));
    }
    let conflicts = schema::conflicts(&known.migrations, &applied);
    let mut report = MigrationReport::about(look.database);
    schema::compare(&mut report, &known.migrations, &applied);
    report.from.clone_from(&report.current);
    report.tables = Some(look.tables);
    report.schema = Some(listing.hash());
    report.error = (!conflicts.is_empty()).then(|| conflicts.join("; "));
    report.ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}
