//! What a task reported, gathered from its log.

use std::collections::HashMap;

use super::{MigrationReport, parse_line};

/// What a task reported, gathered while its log is read: one line at a time, in bounded memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reports {
    read: Vec<MigrationReport>,
    /// Where the reports of each database are.
    by_database: HashMap<String, Vec<usize>>,
    bytes: usize,
    malformed: usize,
    first_fault: Option<String>,
}

impl Reports {
    /// The most bytes of reports that are kept in memory: more than this is not a report of a migration.
    const MAX_BYTES: usize = 16 << 20;

    /// Takes note of a log line. Returns whether it was a report, readable or not.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        let Some(report) = parse_line(line) else { return false };
        let kept = self.bytes.saturating_add(line.len());
        match report {
            Ok(report) if kept <= Self::MAX_BYTES => {
                self.bytes = kept;
                self.by_database.entry(report.database.clone()).or_default().push(self.read.len());
                self.read.push(report);
            }
            Ok(_) => self.fault("the task printed more than 16 MiB of reports".into()),
            Err(fault) => self.fault(fault),
        }
        true
    }

    fn fault(&mut self, fault: String) {
        self.malformed += 1;
        self.first_fault.get_or_insert(fault);
    }

    /// Returns whether there is no report at all, not even one that cannot be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.read.is_empty() && self.malformed == 0
    }

    /// Returns every report that could be read, in the order printed.
    pub(crate) fn all(&self) -> &[MigrationReport] {
        &self.read
    }

    /// Returns the last report that names a database.
    pub(crate) fn of(&self, database: &str) -> Option<&MigrationReport> {
        self.all_of(database).last()
    }

    /// Returns every report that names a database, in the order printed.
    pub(crate) fn all_of(&self, database: &str) -> impl DoubleEndedIterator<Item = &MigrationReport> {
        let places = self.by_database.get(database).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.read.get(*place))
    }

    /// Returns how many reports could not be read, and what was wrong with the first; `None` when all could.
    pub(crate) fn malformed(&self) -> Option<(usize, &str)> {
        Some((self.malformed, self.first_fault.as_deref()?))
    }
}
