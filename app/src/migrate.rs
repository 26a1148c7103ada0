//! `app migrate`: one database, or a pack of them, each from connection to report.

mod one;

use crate::cli::MigrateOptions;
use crate::databases::Databases;
use crate::failure::{Exit, Failure};
use crate::output::{self, Log};
use crate::report::MigrationReport;
use crate::schema::Known;
use crate::settings::DatabaseSettings;
use crate::signals::{Signals, Stop, Stopping};
use crate::tls;
use futures::stream::{self, StreamExt};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What every database of a run is migrated with.
struct Job<'a> {
    options: &'a MigrateOptions,
    known: &'a Known,
    tls: &'a MakeRustlsConnect,
    stopping: Stopping,
}

/// Applies what is pending, and prints a migration report for each database.
///
/// For one database it is the last line on stdout, whatever happens once there is a connection. In a pack each has its
/// report, and those that could not be asked have one that says so.
pub async fn run(options: &MigrateOptions, signals: Signals) -> Result<(), Failure> {
    let databases = Databases::from_env()?;
    let known = Known::load(&options.source)?;
    // All databases are on one server.
    let tls = tls::connector(databases.first())?;
    let job = Job { options, known: &known, tls: &tls, stopping: Stopping::by(signals) };
    match databases {
        Databases::One(settings) => {
            let (report, outcome) = one::migrate(&job, &settings, &Log::default()).await;
            if let Some(report) = report {
                output::line(report.line()?);
            }
            outcome
        }
        Databases::Pack(pack) => migrate_all(&job, &pack).await,
    }
}

/// A database's failure stops no other one; a signal stops those that run, and no other one begins.
async fn migrate_all(job: &Job<'_>, pack: &[DatabaseSettings]) -> Result<(), Failure> {
    let ends: Vec<Result<(), Exit>> = stream::iter(pack)
        .map(|settings| async move {
            match job.stopping.now() {
                Some(_) => None,
                None => Some(of_pack(job, settings).await),
            }
        })
        .buffer_unordered(job.options.jobs.into())
        .filter_map(std::future::ready)
        .collect()
        .await;
    let failures: Vec<Exit> = ends.iter().filter_map(|end| end.err()).collect();
    let (begun, all) = (ends.len(), pack.len());
    if let Some(stop) = job.stopping.now().filter(|_| begun < all || !failures.is_empty()) {
        return Err(stopped(stop, begun, all));
    }
    let Some(first) = failures.first() else { return Ok(()) };
    let exit = if failures.iter().all(|exit| exit == first) { *first } else { Exit::Failed };
    Err(Failure::new(exit, format!("{} of {all} databases were not migrated", failures.len())))
}

fn stopped(stop: Stop, begun: usize, all: usize) -> Failure {
    Failure::new(stop.exit(), format!("stopped by {}: {begun} of {all} databases were begun", stop.name()))
}

/// One line on stdout whatever happens: a database without a report is one that nobody knows anything about.
async fn of_pack(job: &Job<'_>, settings: &DatabaseSettings) -> Result<(), Exit> {
    let log = Log::of_pack(&settings.name);
    let (report, outcome) = one::migrate(job, settings, &log).await;
    let message = outcome.as_ref().err().map_or("", |failure| &failure.message);
    let report = report
        .unwrap_or_else(|| MigrationReport::unknown(&settings.name, job.known.migrations.len(), message));
    let outcome = outcome.and_then(|()| report.line().map(drop));
    if let Ok(line) = report.line() {
        output::line(line);
    }
    outcome.map_err(|failure| {
        log.failure(&failure);
        failure.exit
    })
}
