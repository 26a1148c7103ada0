//! The table of each framework: its usual place, its rows in order, and what a row says.
//!
//! Columns and meanings are those of the versions that docs/witness.md names.

use super::{Entry, History, Rows, Tool};
use crate::failure::{Exit, Failure};
use crate::report::FailedMigration;

type Row = Vec<Option<String>>;

/// Returns the table that a framework uses unless it is told otherwise.
pub(super) fn usual(tool: Tool) -> &'static str {
    match tool {
        Tool::Auto => "",
        Tool::Django => "django_migrations",
        Tool::Alembic => "alembic_version",
        Tool::Rails | Tool::GolangMigrate | Tool::Dbmate => "schema_migrations",
        Tool::Flyway => "flyway_schema_history",
        Tool::NodePgMigrate => "pgmigrations",
        Tool::Knex => "knex_migrations",
        Tool::Sequelize => "SequelizeMeta",
        Tool::Drizzle => "drizzle.__drizzle_migrations",
        Tool::Prisma => "_prisma_migrations",
        Tool::Sqlx => "_sqlx_migrations",
        Tool::Diesel => "__diesel_schema_migrations",
        Tool::Refinery => "refinery_schema_history",
        Tool::Yoyo => "_yoyo_migration",
    }
}

/// Those whose table is nobody else's.
const OWN: [Tool; 12] = [
    Tool::Django,
    Tool::Alembic,
    Tool::Flyway,
    Tool::NodePgMigrate,
    Tool::Knex,
    Tool::Sequelize,
    Tool::Drizzle,
    Tool::Prisma,
    Tool::Sqlx,
    Tool::Diesel,
    Tool::Refinery,
    Tool::Yoyo,
];

/// Returns the frameworks whose histories the database has.
///
/// `schema_migrations` is the table of four of them: its columns say whose it is, and Rails has another table with it.
pub(super) async fn found(server: &impl Rows) -> Result<Vec<Tool>, Failure> {
    const WHAT: &str = "look for a history";
    let tables: Vec<String> =
        OWN.iter().map(|tool| format!("to_regclass({}) IS NOT NULL", regclass(usual(*tool)))).collect();
    let query = format!(
        "SELECT {}, to_regclass('ar_internal_metadata') IS NOT NULL, (SELECT string_agg(attname, ',') FROM pg_attribute \
         WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0 AND NOT attisdropped)",
        tables.join(", ")
    );
    let rows = server.rows(WHAT, &query).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    let is = |index: usize| row.get(index).and_then(Option::as_deref) == Some("t");
    let mut found: Vec<Tool> =
        OWN.into_iter().enumerate().filter(|(index, _)| is(*index)).map(|(_, tool)| tool).collect();
    let columns = row.get(OWN.len() + 1).and_then(Option::as_deref);
    let Some(columns) = columns.map(|columns| columns.split(',').collect::<Vec<_>>()) else {
        return Ok(found);
    };
    found.push(match () {
        () if columns.contains(&"dirty") => Tool::GolangMigrate,
        () if columns == ["version"] && is(OWN.len()) => Tool::Rails,
        () if columns == ["version"] => Tool::Dbmate,
        () => {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "schema_migrations has the columns {}: its framework is not known",
                    columns.join(", ")
                ),
            )
            .hint("name the framework by --history"));
        }
    });
    Ok(found)
}

/// Returns the literal that to_regclass takes for TABLE or SCHEMA.TABLE.
fn regclass(table: &str) -> String {
    super::literal(&super::quoted(&table.split('.').collect::<Vec<_>>()))
}

/// Returns the query for a history, its rows in the order in which they were applied.
pub(super) fn query(tool: Tool, table: &str) -> String {
    let (columns, order) = match tool {
        Tool::Auto => ("NULL", "1"),
        Tool::Django => ("app || '.' || name", "id"),
        Tool::Alembic => ("version_num", "version_num"),
        // Text, of numbers that may have fewer digits.
        Tool::Rails | Tool::Dbmate => ("version::text", "lpad(version::text, 64, '0')"),
        Tool::Flyway => ("version, description, script, type, success", "installed_rank"),
        Tool::NodePgMigrate | Tool::Knex => ("name", "id"),
        Tool::Sequelize => ("name", "name"),
        Tool::Drizzle => ("created_at, hash", "created_at"),
        Tool::Prisma => (
            "migration_name, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, logs",
            "started_at, migration_name",
        ),
        Tool::Sqlx => ("version, description, success", "version"),
        Tool::Diesel => ("version", "version"),
        Tool::Refinery => ("version, name", "version"),
        Tool::GolangMigrate => ("version, dirty", "version"),
        Tool::Yoyo => ("migration_id", "applied_at_utc, migration_id"),
    };
    format!("SELECT {columns} FROM {table} ORDER BY {order}")
}

/// Reads the rows of [`query`].
pub(super) fn history(tool: Tool, rows: Vec<Row>) -> Result<History, String> {
    let mut history = History::default();
    for row in rows {
        let text = |column: usize| row.get(column).and_then(Option::as_deref);
        let is = |column: usize| text(column) == Some("t");
        let needed = |column: usize| text(column).ok_or_else(|| "a row without a version".to_owned());
        match tool {
            Tool::Auto => {}
            Tool::Rails => history.entries.push(numbered(needed(0)?, "")),
            Tool::Flyway => flyway(&mut history, text(0), text(1).unwrap_or_default(), needed(3)?, is(4)),
            Tool::Drizzle => history.entries.push(Entry::of(needed(0)?)),
            Tool::Prisma => {
                let name = needed(0)?;
                match (is(1), is(2)) {
                    (true, false) => history.entries.push(Entry::of(name)),
                    // It was resolved, and counts as if it had never been tried.
                    (_, true) => {}
                    (false, false) => {
                        let logs = text(3).filter(|logs| !logs.is_empty());
                        history.failed =
                            Some(failed(name, "", logs.unwrap_or("it was begun and never finished")));
                    }
                }
            }
            Tool::Sqlx => {
                let (version, name) = (needed(0)?, text(1).unwrap_or_default());
                match is(2) {
                    true => history.entries.push(numbered(version, name)),
                    false => {
                        history.failed = Some(failed(version, name, "its row says that it did not succeed"))
                    }
                }
            }
            Tool::Refinery => history.entries.push(numbered(needed(0)?, text(1).unwrap_or_default())),
            Tool::GolangMigrate => {
                let version = needed(0)?;
                if is(1) {
                    history.failed = Some(failed(version, "", "the database is dirty at this version"));
                }
                // None of its migrations is applied: the tool writes so when all were taken back.
                if version != "-1" {
                    history.entries.push(numbered(version, ""));
                }
            }
            Tool::Django
            | Tool::Alembic
            | Tool::NodePgMigrate
            | Tool::Knex
            | Tool::Sequelize
            | Tool::Diesel
            | Tool::Dbmate
            | Tool::Yoyo => history.entries.push(Entry::of(needed(0)?)),
        }
    }
    // A later try has succeeded. Of golang-migrate the row is the try itself.
    let succeeded =
        |failed: &FailedMigration| history.entries.iter().any(|entry| entry.version == failed.version);
    if tool != Tool::GolangMigrate && history.failed.as_ref().is_some_and(succeeded) {
        history.failed = None;
    }
    Ok(history)
}

/// Reads a row of Flyway, which is a try.
fn flyway(history: &mut History, version: Option<&str>, name: &str, kind: &str, success: bool) {
    let entry = match version {
        Some(version) => Entry { id: dotted(version), version: version.to_owned(), name: name.to_owned() },
        None => Entry { id: format!("R {name}"), version: "R".to_owned(), name: name.to_owned() },
    };
    match kind {
        "SCHEMA" => {}
        "BASELINE" => history.baseline = Some(entry.version),
        // What was undone, or was deleted by a repair, is not applied any more.
        kind if kind == "DELETE" || kind.starts_with("UNDO") => {
            history.entries.retain(|known| known.id != entry.id);
            history.failed.take_if(|failed| failed.version == entry.version);
        }
        _ if success => {
            history.entries.retain(|known| known.id != entry.id);
            history.entries.push(entry);
        }
        _ => history.failed = Some(failed(&entry.version, name, "its row says that it did not succeed")),
    }
}

fn failed(version: &str, name: &str, error: &str) -> FailedMigration {
    FailedMigration {
        version: version.to_owned(),
        name: name.to_owned(),
        file: None,
        line: None,
        error: error.to_owned(),
    }
}

/// Makes an entry whose version is a number: `007` and `7` are the same.
pub fn numbered(version: &str, name: &str) -> Entry {
    let digits = version.trim_start_matches('0');
    let id = if digits.is_empty() { "0" } else { digits };
    Entry { id: id.to_owned(), version: version.to_owned(), name: name.to_owned() }
}

/// Returns Flyway's version as it compares: `1.0`, `01` and `1` are the same.
pub fn dotted(version: &str) -> String {
    let parts: Vec<&str> = version.split(['.', '_']).map(|part| part.trim_start_matches('0')).collect();
    let kept = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
    let parts = parts[..kept].iter().map(|part| if part.is_empty() { "0" } else { part });
    let id = parts.collect::<Vec<_>>().join(".");
    if id.is_empty() { "0".to_owned() } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Row {
        values.iter().map(|value| (*value != "-").then(|| (*value).to_owned())).collect()
    }

    fn ids(history: &History) -> Vec<&str> {
        history.entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn a_try_of_flyway_counts_when_it_succeeded() {
        let rows = vec![
            row(&["-", "<< Flyway Schema Creation >>", "s", "SCHEMA", "t"]),
            row(&["5", "<< Flyway Baseline >>", "b", "BASELINE", "t"]),
            row(&["6.0", "add", "V6.0__add.sql", "SQL", "t"]),
            row(&["-", "views", "R__views.sql", "SQL", "t"]),
            row(&["-", "views", "R__views.sql", "SQL", "t"]),
            row(&["7", "gone", "V7__gone.sql", "SQL", "t"]),
            row(&["7", "gone", "V7__gone.sql", "DELETE", "t"]),
            row(&["8", "bad", "V8__bad.sql", "SQL", "f"]),
        ];
        let history = history(Tool::Flyway, rows).unwrap();
        assert_eq!(ids(&history), ["6", "R views"]);
        assert_eq!(history.baseline.as_deref(), Some("5"));
        assert_eq!(history.failed.unwrap().version, "8");
    }

    #[test]
    fn a_row_of_prisma_is_applied_when_it_is_finished_and_not_rolled_back() {
        let rows = vec![
            row(&["1_a", "t", "f", "-"]),
            row(&["2_b", "f", "t", "broken"]),
            row(&["2_b", "t", "f", ""]),
            row(&["3_c", "f", "f", "relation exists"]),
        ];
        let history = history(Tool::Prisma, rows).unwrap();
        assert_eq!(ids(&history), ["1_a", "2_b"]);
        assert_eq!(history.failed.unwrap().error, "relation exists");
    }

    #[test]
    fn a_failure_that_a_later_try_has_mended_is_none() {
        let prisma = vec![row(&["1_a", "f", "f", "broken"]), row(&["1_a", "t", "f", ""])];
        assert_eq!(history(Tool::Prisma, prisma).unwrap().failed, None);
        let flyway =
            vec![row(&["1", "a", "V1__a.sql", "SQL", "f"]), row(&["1", "a", "V1__a.sql", "DELETE", "t"])];
        assert_eq!(history(Tool::Flyway, flyway).unwrap(), History::default());
    }

    #[test]
    fn versions_compare_as_their_frameworks_compare_them() {
        assert_eq!([dotted("1"), dotted("1.0"), dotted("01"), dotted("1_0_0")], ["1"; 4]);
        assert_eq!(
            [dotted("1.10"), dotted("0"), dotted("0.1"), dotted("1.0.2")],
            ["1.10", "0", "0.1", "1.0.2"]
        );
        assert_eq!(numbered("007", "").id, "7");
        assert_eq!(numbered("000", "").id, "0");
    }

    #[test]
    fn dirty_is_what_golang_migrate_calls_a_migration_that_broke_off() {
        let history = history(Tool::GolangMigrate, vec![row(&["3", "t"])]).unwrap();
        assert_eq!(ids(&history), ["3"]);
        assert_eq!(history.failed.unwrap().version, "3");
        assert_eq!(ids(&super::history(Tool::GolangMigrate, vec![row(&["-1", "f"])]).unwrap()), [""; 0]);
    }
}
