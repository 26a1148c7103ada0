//! What a database has, compared with what the image has: the facts of a report.

use crate::address;
use crate::failure::{Exit, Failure, describe};
use crate::history::{History, Place, Rows as _, Tool};
use crate::known::{Known, list_command, printed};
use crate::listing::Listing;
use crate::one::Job;
use crate::output::Log;
use crate::report::{AppliedMigration, ListedMigration, MigrationReport, count_tables};
use crate::session::Session;
use crate::settings::DatabaseSettings;
use futures::TryFutureExt as _;
use std::ffi::OsString;
use std::path::Path;

/// Makes the server refuse to change anything on this connection.
pub async fn read_only(session: &Session) -> Result<(), Failure> {
    let set = session.client.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    let set = set.map_err(|error| {
        Failure::new(Exit::Failed, format!("make the session read-only: {}", describe(&error)))
    });
    session.patience.wait("make the session read-only", set).await
}

/// Makes the report about a database that no command has run for.
///
/// # Errors
/// The server's own, or what cannot be known.
pub async fn check(
    job: &Job<'_>,
    session: &mut Session,
    settings: &DatabaseSettings,
    log: &Log,
) -> Result<MigrationReport, Failure> {
    let place = Place::find(session, job.flags.history, job.flags.table.as_deref()).await?;
    let place = place.ok_or_else(unknown_tool)?;
    let known = known(job, place.tool, settings).await.map_err(not_known)?;
    let history = place.read(session).await?;
    let mut report = about(session, log).await?;
    fill(&mut report, place.tool, &known, &history).map_err(not_known)?;
    report.from.clone_from(&report.current);
    Ok(report)
}

/// Makes the report about a database that a command has run for. Without a place the command may have made the table.
///
/// # Errors
/// The server's own, or what cannot be known.
pub async fn after(
    job: &Job<'_>,
    session: &mut Session,
    settings: &DatabaseSettings,
    place: Option<&Place>,
    before: &History,
    log: &Log,
) -> Result<MigrationReport, Failure> {
    let found = match place {
        Some(place) => Some(place.clone()),
        None => Place::find(session, job.flags.history, None).await?,
    };
    let place = found.ok_or_else(unknown_tool)?;
    let known = known(job, place.tool, settings).await.map_err(not_known)?;
    let after = place.read(session).await?;
    let mut report = about(session, log).await?;
    fill(&mut report, place.tool, &known, &after).map_err(not_known)?;
    report.from = known.current(before);
    let applied = known.applied(place.tool, before, &after).map_err(not_known)?;
    let applied = applied.into_iter().map(|ListedMigration { version, name }| AppliedMigration {
        version,
        name,
        ms: None,
    });
    report.applied = applied.collect();
    Ok(report)
}

/// Makes a report of what the server says about the database, whatever was done.
async fn about(session: &mut Session, log: &Log) -> Result<MigrationReport, Failure> {
    let rows = session.rows("read current_database()", "SELECT current_database()").await?;
    let name = rows.into_iter().flatten().flatten().next();
    let name = name.ok_or_else(|| Failure::new(Exit::Failed, "read current_database(): no answer"))?;
    let mut report = MigrationReport::about(name);
    report.tables = Some(session.patience.wait("count the tables", count_tables(&session.client)).await?);
    match session.patience.wait("list the schema", Listing::read(&mut session.client)).await {
        Ok(listing) => report.schema = Some(listing.hash()),
        Err(failure) => log.line(format_args!("the report has no schema: {}", failure.message)),
    }
    Ok(report)
}

/// Fills in how the history differs from what the image has.
fn fill(report: &mut MigrationReport, tool: Tool, known: &Known, history: &History) -> Result<(), String> {
    let difference = known.compare(tool, history)?;
    report.current = known.current(history);
    report.pending = difference.missing.len();
    report.missing = Some(difference.missing);
    report.unknown = Some(difference.unknown);
    report.failed.clone_from(&history.failed);
    Ok(())
}

/// Finds the migrations of the image.
async fn known(job: &Job<'_>, tool: Tool, settings: &DatabaseSettings) -> Result<Known, String> {
    let command: Option<Vec<OsString>> = match &job.flags.list_command {
        Some(text) => {
            let words = shell_words::split(text).map_err(|error| format!("read --list-command: {error}"))?;
            Some(words.into_iter().map(OsString::from).collect())
        }
        None if job.flags.migrations.is_empty() => list_command(tool, job.command),
        None => None,
    };
    let Some(command) = command else { return Known::find(tool, &job.flags.migrations, Path::new("")) };
    let templates = job.run.map_or(&[][..], |run| &run.templates);
    let variables = address::variables(job.flags, templates, settings, job.is_pack);
    Known::from_list(tool, &printed(&command, &variables).await?)
}

fn unknown_tool() -> Failure {
    Failure::new(
        Exit::Failed,
        "no migration report: the database has no history of a framework that is known here",
    )
    .hint("name the framework by --history, and its table by --table")
}

fn not_known(why: String) -> Failure {
    Failure::new(Exit::Failed, format!("no migration report: what is pending is not known: {why}"))
        .hint("name the files by --migrations, or a command that prints all migrations of the image by --list-command")
}
