//! `app migrate`: one database, or a pack of them, each from connection to report.

mod one;

use crate::cli::MigrateOptions;
use crate::databases::Databases;
use crate::failure::Failure;
use crate::pack;
use crate::schema::Known;
use crate::signals::{Signals, Stopping};
use crate::tls;
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
/// For one database it is the last line on stdout, whatever happens once there is a connection. In a pack each
/// database has its report, and those that could not be asked have one that says so.
pub async fn run(options: &MigrateOptions, signals: Signals) -> Result<(), Failure> {
    let databases = Databases::from_env()?;
    let known = Known::load(&options.source)?;
    // All databases are on one server.
    let tls = tls::connector(databases.first())?;
    let job = Job { options, known: &known, tls: &tls, stopping: Stopping::by(signals) };
    let run = pack::Run {
        jobs: options.jobs.number,
        known: known.migrations.len(),
        done: "migrated",
        stopping: job.stopping.clone(),
    };
    run.all(&databases, async |settings, log| one::migrate(&job, settings, log).await).await
}
