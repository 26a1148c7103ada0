//! What the migration reports of a run say besides, on which no verdict depends: schemas, and migrations that the
//! image does not know.

use super::{Report, words};
use crate::database_name::{DatabaseName, short_list};
use crate::verdict::{SchemaSeen, drifts, has_unknown};
use crate::words::counted;

/// Databases whose unknown migrations are named.
const UNKNOWN: usize = 20;

impl Report {
    /// Compares the migrated databases, and notes what is worth saying.
    pub(super) fn compare(&mut self) {
        let seen = self.databases.iter().map(|row| SchemaSeen {
            current: words::report_of_migrated(row).and_then(|report| report.current.as_deref()),
            schema: words::report_of_migrated(row).and_then(|report| report.schema.as_deref()),
        });
        let found = drifts(&seen.collect::<Vec<_>>());
        let mut unknown = Vec::new();
        for (row, drift) in self.databases.iter_mut().zip(found) {
            row.drift = drift;
            if let Some(more) = words::report_of_migrated(row).and_then(has_unknown) {
                unknown.push(format!("database {}: {more}", row.database));
            }
        }
        let drifted: Vec<DatabaseName> =
            self.databases.iter().filter(|row| row.drift.is_some()).map(|row| row.database.clone()).collect();
        if !drifted.is_empty() {
            self.notes.push(format!(
                "the schema of {} is another one than that of others at the same version, which proves nothing by itself: \
                 `fargate-migrate check` compares all databases",
                short_list(&drifted)
            ));
        }
        let more = unknown.len().saturating_sub(UNKNOWN);
        self.notes.extend(unknown.into_iter().take(UNKNOWN));
        if more > 0 {
            self.notes.push(format!(
                "{} more with migrations that the image does not know",
                counted(more, "database")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::document::markdown;
    use crate::failure::ExitCode;
    use crate::migration_report::Known;
    use crate::report::DatabaseReport;

    fn with(schema: &str, row: DatabaseReport) -> DatabaseReport {
        let mut row = row;
        let report = row.migration_report.as_mut().expect("a report");
        report.schema = Some(schema.to_owned());
        row
    }

    #[test]
    fn another_schema_is_a_column_and_a_note_and_turns_nothing() {
        let mut report = samples::run();
        report.databases =
            ["a", "b", "c"].map(|name| with("sha256:0123456789abcdef", samples::migrated(name))).into();
        let same = {
            let mut same = report.clone();
            same.end(None);
            same
        };
        assert!(same.notes.is_empty() && same.databases.iter().all(|row| row.drift.is_none()));
        report.databases[1] = with("sha256:ffffffffffffffff", samples::migrated("b"));
        // What is not migrated has no say.
        report.databases.push(with("sha256:x", DatabaseReport { verdict: None, ..samples::migrated("d") }));
        report.end(None);
        let drifted: Vec<bool> = report.databases.iter().map(|row| row.drift.is_some()).collect();
        assert_eq!(drifted, [false, true, false, false]);
        assert!(
            report.notes.iter().any(|note| note.starts_with("the schema of b is another one")),
            "{:?}",
            report.notes
        );
        let page = markdown(&report.document(), 100_000);
        assert!(page.contains("| tables | schema | time"), "{page}");
        assert!(page.contains("⚠️ <code>ffffffffffff</code>"), "{page}");
        report.databases.pop();
        assert_eq!(report.exit_code(), ExitCode::Done);
    }

    #[test]
    fn migrations_that_the_image_does_not_know_are_noted() {
        let mut report = samples::run();
        let known = Known { version: "13".into(), name: "gone".into() };
        let row = |number: usize| {
            let mut row = samples::migrated(&format!("t{number}"));
            row.migration_report.as_mut().expect("a report").unknown = Some(vec![known.clone()]);
            row
        };
        report.databases = (0..UNKNOWN + 2).map(row).collect();
        report.end(None);
        assert_eq!(report.notes.len(), UNKNOWN + 1);
        assert_eq!(report.notes[0], "database t0: it has 1 migration that the image does not know: 13 gone");
        assert_eq!(report.notes[UNKNOWN], "2 databases more with migrations that the image does not know");
    }
}
