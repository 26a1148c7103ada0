//! `app status`: what the database has and what it lacks.

use crate::cli::StatusOptions;
use crate::database::Session;
use crate::failure::{Exit, Failure};
use crate::output::{self, Log};
use crate::schema::{self, Known};
use crate::settings::DatabaseSettings;
use crate::tls;
use refinery::Migration;
use serde::Serialize;

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

pub async fn run(options: &StatusOptions) -> Result<(), Failure> {
    let settings = DatabaseSettings::from_env()?;
    let known = Known::load(&options.source)?;
    let tls = tls::connector(&settings)?;
    let mut session = Session::connect(&settings, &tls, "app status", &Log::default()).await?;
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
