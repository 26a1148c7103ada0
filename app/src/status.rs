//! `app status`: what the database has and what it lacks, for people, programs and fargate-migrate.

mod report;

use crate::cli::StatusOptions;
use crate::failure::{Exit, Failure, describe};
use crate::listing::Listing;
use crate::output::{self, Log};
use crate::schema::{self, Known};
use crate::session::Session;
use crate::settings::DatabaseSettings;
use crate::signals::{Signals, Stop, Stopping};
use crate::tls;
use futures::TryFutureExt as _;
use refinery::Migration;
use serde::Serialize;
use tokio_postgres_rustls::MakeRustlsConnect;

#[derive(Serialize)]
struct Status {
    database: String,
    /// Version of the schema; null for a database that no migration has seen.
    current: Option<String>,
    applied: Vec<Entry>,
    pending: Vec<Entry>,
    /// What stands in the way of a migration, one sentence each.
    differences: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    version: String,
    name: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_on: Option<String>,
}

impl From<&Migration> for Entry {
    fn from(migration: &Migration) -> Self {
        let applied_on =
            migration.applied_on().and_then(|time| jiff::Timestamp::from_second(time.unix_timestamp()).ok());
        Self {
            version: migration.version().to_string(),
            name: migration.name().to_owned(),
            applied_on: applied_on.map(|time| time.to_string()),
        }
    }
}

pub async fn run(options: &StatusOptions, signals: Signals) -> Result<(), Failure> {
    let mut stopping = Stopping::by(signals);
    if options.report {
        return report::run(options, stopping).await;
    }
    let print = async {
        match options.schema {
            true => print_schema().await,
            false => print_status(options).await,
        }
    };
    tokio::select! {
        printed = print => printed,
        stop = stopping.received() => Err(stopped(stop)),
    }
}

async fn print_schema() -> Result<(), Failure> {
    let settings = DatabaseSettings::from_env()?;
    let tls = tls::connector(&settings)?;
    let mut session = connect(&settings, &tls, &Log::default()).await?;
    let listing = session.patience.wait("list the schema", Listing::read(&mut session.client)).await?;
    listing.lines().iter().for_each(output::line);
    Ok(())
}

async fn print_status(options: &StatusOptions) -> Result<(), Failure> {
    let settings = DatabaseSettings::from_env()?;
    let known = Known::load(&options.source)?;
    let tls = tls::connector(&settings)?;
    let mut session = connect(&settings, &tls, &Log::default()).await?;
    let look = session.patience.wait("take a look", schema::look(&session.client)).await?;
    let applied = session.patience.wait("read the history", schema::applied(&mut session.client)).await?;
    let status = Status {
        database: look.database,
        current: applied.last().map(|migration| migration.version().to_string()),
        applied: applied.iter().map(Entry::from).collect(),
        pending: schema::lacking(&known.migrations, &applied).map(Entry::from).collect(),
        differences: schema::pending(&known.migrations, &applied).err().unwrap_or_default(),
    };
    if options.json {
        let json = serde_json::to_string_pretty(&status)
            .map_err(|error| Failure::new(Exit::Failed, format!("write the status: {error}")))?;
        output::line(json);
    } else {
        print(&status);
    }
    Ok(())
}

/// Opens a session in which every transaction is read-only.
async fn connect(
    settings: &DatabaseSettings,
    tls: &MakeRustlsConnect,
    log: &Log,
) -> Result<Session, Failure> {
    let session = Session::connect(settings, tls, "app status", log).await?;
    let set = session.client.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    let set = set.map_err(|error| {
        Failure::new(Exit::Failed, format!("make the session read-only: {}", describe(&error)))
    });
    session.patience.wait("make the session read-only", set).await?;
    Ok(session)
}

fn stopped(stop: Stop) -> Failure {
    Failure::new(stop.exit(), format!("stopped by {}", stop.name()))
}

fn print(status: &Status) {
    output::line(format_args!("database  {}", status.database));
    output::line(format_args!("current   {}", status.current.as_deref().unwrap_or("none")));
    output::line(format_args!("pending   {}", status.pending.len()));
    for Entry { version, name, applied_on } in &status.applied {
        output::line(format_args!("  applied  {}  V{version}__{name}", applied_on.as_deref().unwrap_or("?")));
    }
    for Entry { version, name, .. } in &status.pending {
        output::line(format_args!("  pending  V{version}__{name}"));
    }
    for difference in &status.differences {
        output::line(format_args!("  problem  {difference}"));
    }
}
