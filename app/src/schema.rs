//! Which migrations there are, which ones a database has, and what follows from the difference.

use crate::cli::MigrationSource;
use crate::failure::{Exit, Failure, describe};
use crate::report::{COUNT_TABLES, ListedMigration, MigrationReport};
use refinery::{Migration, Runner};
use std::path::PathBuf;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Version number of a migration: the 7 of V7__create_client_events.sql.
pub type Version = i32;

/// The migrations that this run knows, in the order of their versions.
pub struct Known {
    pub migrations: Vec<Migration>,
    directory: PathBuf,
}

impl Known {
    /// Loads the migrations compiled in, or those of a directory, in the order of their versions.
    pub fn load(source: &MigrationSource) -> Result<Self, Failure> {
        // A variable that is set to nothing counts as absent, like the other variables.
        let directory = source.migrations_dir.as_ref().filter(|directory| !directory.as_os_str().is_empty());
        let (mut migrations, directory) = match directory {
            None => {
                (embedded::migrations::runner().get_migrations().clone(), PathBuf::from("app/migrations"))
            }
            Some(directory) => {
                let migrations = refinery::load_sql_migrations(directory).map_err(|error| {
                    Failure::new(
                        Exit::Usage,
                        format!("load migrations from {}: {error}", directory.display()),
                    )
                })?;
                (migrations, directory.clone())
            }
        };
        migrations.sort();
        if migrations.is_empty() {
            return Err(Failure::new(Exit::Usage, format!("no migrations in {}", directory.display()))
                .hint("name them V<number>__<name>.sql"));
        }
        if let Some(pair) = migrations.windows(2).find(|pair| pair[0].version() == pair[1].version()) {
            return Err(Failure::new(
                Exit::Usage,
                format!("{} and {} have the same version", pair[0], pair[1]),
            )
            .hint("give the later one the next free number"));
        }
        Ok(Self { migrations, directory })
    }

    /// Returns the path of a migration's SQL, as a reader of the repository would look for it.
    pub fn file(&self, migration: &Migration) -> String {
        self.directory.join(format!("{migration}.sql")).display().to_string()
    }

    pub fn latest(&self) -> Option<Version> {
        self.migrations.last().map(Migration::version)
    }
}

/// Reads the database's history table, in order, and changes nothing. A database without one has had no migration.
pub async fn applied(client: &mut Client) -> Result<Vec<Migration>, Failure> {
    let read = |error: String| Failure::new(Exit::Failed, format!("read refinery_schema_history: {error}"));
    let row = client
        .query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[])
        .await
        .map_err(|error| read(describe(&error)))?;
    if !row.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let mut applied =
        Runner::new(&[]).get_applied_migrations_async(client).await.map_err(|error| read(explain(&error)))?;
    applied.sort();
    Ok(applied)
}

/// A database at a glance: one round trip, whatever its state.
pub struct Look {
    /// The database of the connection, as the server names it.
    pub database: String,
    /// Base tables, as [`crate::report::count_tables`] counts them.
    pub tables: i64,
    /// Version, name and checksum of what was applied, in order; empty without a history.
    history: Vec<(Version, String, String)>,
}

impl Look {
    /// Returns whether the database has all that is known here, and nothing else.
    pub fn is_up_to_date(&self, known: &Known) -> bool {
        self.has(&known.migrations)
    }

    /// Returns whether the history has these migrations, in this order, and nothing else.
    pub fn has(&self, migrations: &[Migration]) -> bool {
        let wanted = migrations.iter().map(|one| (one.version(), one.name(), one.checksum().to_string()));
        let had =
            self.history.iter().map(|(version, name, checksum)| (*version, name.as_str(), checksum.clone()));
        wanted.eq(had)
    }
}

/// Looks without a lock: each migration commits together with its line in the history.
pub async fn look(client: &Client) -> Result<Look, Failure> {
    let glance = format!("SELECT current_database()::text, ({COUNT_TABLES})");
    // Sent together: the driver does not wait for the first answer before it sends the second.
    let (about, history) = tokio::join!(
        client.query_typed_one(&glance, &[]),
        client.query_typed(
            "SELECT version::int, name::text, checksum::text FROM refinery_schema_history ORDER BY version",
            &[]
        ),
    );
    let about = about.map_err(|error| {
        Failure::new(Exit::Failed, format!("read current_database(): {}", describe(&error)))
    })?;
    let history = match history {
        Ok(rows) => rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Vec::new(),
        Err(error) => {
            let message = format!("read refinery_schema_history: {}", describe(&error));
            return Err(Failure::new(Exit::Failed, message));
        }
    };
    Ok(Look { database: about.get(0), tables: about.get(1), history })
}

/// Describes refinery's error in the server's words where the server spoke.
pub fn explain(error: &refinery::Error) -> String {
    driver_error(error).map_or_else(|| error.to_string(), describe)
}

/// Returns the driver's error inside refinery's, if that is what it was.
pub fn driver_error(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    match error.kind() {
        refinery::error::Kind::Connection(_, cause) => cause.downcast_ref(),
        _ => None,
    }
}

/// Returns the migrations to apply, in order.
///
/// # Errors
/// Each difference that no migration can mend, one sentence each: the database has a migration that is not
/// known here, or has it with another content, or is past one that it never had.
pub fn pending(known: &[Migration], applied: &[Migration]) -> Result<Vec<Migration>, Vec<String>> {
    let mut differences: Vec<String> = unknown(known, applied)
        .map(|had| format!("{had} was applied to this database and is missing here"))
        .collect();
    differences.extend(conflicts(known, applied));
    if differences.is_empty() { Ok(lacking(known, applied).cloned().collect()) } else { Err(differences) }
}

/// Describes each migration that this image and the database both know and do not agree about, and each that the
/// database is past and never had, one sentence each.
pub fn conflicts(known: &[Migration], applied: &[Migration]) -> Vec<String> {
    let mut conflicts = Vec::new();
    for had in applied {
        let same = known.iter().find(|migration| migration.version() == had.version());
        if let Some(migration) = same.filter(|migration| *migration != had) {
            conflicts.push(format!(
                "{migration} is divergent: it was applied as {had} with checksum {} and has checksum {} here",
                had.checksum(),
                migration.checksum()
            ));
        }
    }
    let current = applied.iter().map(Migration::version).max();
    for late in lacking(known, applied).filter(|migration| Some(migration.version()) < current) {
        conflicts.push(format!("{late} is older than the database's version and was never applied to it"));
    }
    conflicts
}

/// Returns the applied migrations that are not known here.
pub fn unknown<'a>(known: &'a [Migration], applied: &'a [Migration]) -> impl Iterator<Item = &'a Migration> {
    applied.iter().filter(|had| known.iter().all(|migration| migration.version() != had.version()))
}

/// Returns the known migrations that the database does not have.
pub fn lacking<'a>(known: &'a [Migration], applied: &'a [Migration]) -> impl Iterator<Item = &'a Migration> {
    known.iter().filter(|migration| applied.iter().all(|had| had.version() != migration.version()))
}

/// Fills in how the database's history, in order, differs from what is known here.
pub fn compare(report: &mut MigrationReport, known: &[Migration], applied: &[Migration]) {
    let listed =
        |one: &Migration| ListedMigration { version: one.version().to_string(), name: one.name().to_owned() };
    let missing: Vec<ListedMigration> = lacking(known, applied).map(listed).collect();
    report.pending = missing.len();
    report.missing = Some(missing);
    report.unknown = Some(unknown(known, applied).map(listed).collect());
    report.current = applied.last().map(|migration| migration.version().to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(name: &str, sql: &str) -> Migration {
        Migration::unapplied(name, sql).unwrap()
    }

    fn names(migrations: &[Migration]) -> Vec<String> {
        migrations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_new_is_pending() {
        let known = [migration("V1__a", "1"), migration("V2__b", "2"), migration("V3__c", "3")];
        assert_eq!(names(&pending(&known, &known[..1]).unwrap()), ["V2__b", "V3__c"]);
        assert_eq!(names(&pending(&known, &[]).unwrap()).len(), 3);
        assert_eq!(pending(&known, &known).unwrap(), []);
    }

    #[test]
    fn every_difference_is_named() {
        let known = [migration("V1__a", "edited"), migration("V2__b", "2"), migration("V3__c", "3")];
        let applied = [migration("V1__a", "1"), migration("V3__c", "3"), migration("V4__gone", "4")];
        let differences = pending(&known, &applied).unwrap_err();
        assert_eq!(differences.len(), 3);
        assert_eq!(differences[0], "V4__gone was applied to this database and is missing here");
        assert!(differences[1].starts_with("V1__a is divergent"), "{}", differences[1]);
        assert_eq!(differences[2], "V2__b is older than the database's version and was never applied to it");
    }

    #[test]
    fn embedded_migrations_are_in_order_and_unique() {
        let known = Known::load(&MigrationSource { migrations_dir: None }).unwrap();
        assert!(known.migrations.len() >= 10);
        let versions: Vec<Version> = known.migrations.iter().map(Migration::version).collect();
        assert_eq!(versions, (1..=known.migrations.len() as Version).collect::<Vec<_>>());
        assert_eq!(known.file(&known.migrations[0]), "app/migrations/V1__create_users_and_members.sql");
    }
}
