//! The migration report: the line with which a migration proves what it did, to which database.
//!
//! One line of stdout, `{"migration_report": {…}}`; any other line is just log. The protocol is in
//! docs/migration-report.md. What it says comes from a container, so it is data to judge, never to trust.

mod names;
mod signs;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::untrusted::{phrase, printable};

/// The protocol that we understand.
const PROTOCOL: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationReport {
    /// Of the protocol: 1.
    pub version: u32,
    /// What the server calls the database that was migrated (`select current_database()`), not the variable.
    pub database: String,
    /// In the order in which they were applied by this run.
    #[serde(default, deserialize_with = "or_default")]
    pub applied: Vec<Applied>,
    /// How many migrations the image has that the database still lacks.
    pub pending: u64,
    /// The version that the database is at now.
    #[serde(default, deserialize_with = "optional_version", skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// The version that the database was at before.
    #[serde(default, deserialize_with = "optional_version", skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedMigration>,
    /// Why the database is not migrated, where no single migration is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Text or a number in the line.
    #[serde(deserialize_with = "version")]
    pub version: String,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedMigration {
    #[serde(deserialize_with = "version")]
    pub version: String,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of the file that the error is about, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub error: String,
}

/// Reads one line of a container's output: `None` when it is just log, an error when it could be a report and cannot be
/// read as one, and one alone.
pub(crate) fn parse_line(line: &str) -> Option<Result<MigrationReport, String>> {
    let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
    match signs::count(line) {
        0 => signs::is_cut(line).then(|| Err("the line breaks off".to_owned())),
        1 => Some(read(line)),
        _ => Some(Err("the line has more than one".to_owned())),
    }
}

/// Reads a line that has one sign of a report.
fn read(line: &str) -> Result<MigrationReport, String> {
    const KEY: &str = "migration_report";
    if !line.starts_with('{') {
        return Err("something stands before it: a report has a line of its own".to_owned());
    }
    let whole: Value =
        serde_json::from_str(line).map_err(|error| format!("the line is not JSON: {error}"))?;
    names::check(line)?;
    let Some(report) = whole.get(KEY) else {
        return Err(format!("{KEY} is not a key of the line's own object"));
    };
    match report.get("version").and_then(Value::as_u64) {
        Some(PROTOCOL) => {}
        Some(other) => {
            return Err(format!("version {other} of the protocol is not supported, {PROTOCOL} is"));
        }
        None => return Err("it names no protocol version".to_owned()),
    }
    shapes(report)?;
    let report: MigrationReport =
        serde_json::from_value(report.clone()).map_err(|error| phrase(&error.to_string()))?;
    if report.database.is_empty() { Err("it names no database".to_owned()) } else { Ok(report) }
}

/// Refuses what serde would read all the same: a list in place of an object, and a field of ours in other capitals,
/// which some readers take for it.
fn shapes(report: &Value) -> Result<(), String> {
    const FIELDS: [&str; 10] =
        ["version", "database", "applied", "pending", "current", "tables", "ms", "from", "failed", "error"];
    let mut applied = report.get("applied").and_then(Value::as_array).into_iter().flatten();
    let failed = report.get("failed").filter(|failed| !failed.is_null());
    fields(report, "the report", &FIELDS)?;
    applied.try_for_each(|one| fields(one, "applied", &["version", "name", "ms"]))?;
    failed.map_or(Ok(()), |one| fields(one, "failed", &["version", "name", "file", "line", "error"]))
}

fn fields(value: &Value, what: &str, known: &[&str]) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{what} is not an object"))?;
    let is_another = |name: &&String| {
        let lower = name.trim().to_lowercase();
        lower != **name && known.contains(&lower.as_str())
    };
    match object.keys().find(is_another) {
        Some(name) => Err(format!("{what} has a field {}, which is not one of the protocol", phrase(name))),
        None => Ok(()),
    }
}

/// One line for a person: `healthtech_experiment: 2 applied, now at 12, 57 tables`.
impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} applied", printable(&self.database, 63), self.applied.len())?;
        if self.pending > 0 {
            write!(f, ", {} pending", self.pending)?;
        }
        if let Some(failed) = &self.failed {
            write!(f, ", {failed}")?;
        }
        if let Some(error) = &self.error {
            write!(f, ", {}", printable(error, 500))?;
        }
        if let Some(current) = &self.current {
            write!(f, ", now at {}", printable(current, 100))?;
        }
        if let Some(tables) = self.tables {
            write!(f, ", {tables} tables")?;
        }
        Ok(())
    }
}

impl MigrationReport {
    /// Nothing failed, and nothing is left to do.
    pub fn is_clean(&self) -> bool {
        self.failed.is_none() && self.error.is_none() && self.pending == 0
    }
}

/// `V7 add_orders failed: relation "orders" already exists`.
impl fmt::Display for FailedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.version, 100))?;
        if !self.name.is_empty() {
            write!(f, " {}", printable(&self.name, 100))?;
        }
        write!(f, " failed: {}", printable(&self.error, 500))
    }
}

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
    /// More than this is no report of a migration, and would be kept in memory.
    const MAX_BYTES: usize = 16 << 20;

    /// Takes note of a log line. Answers whether it was a report, readable or not.
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

    /// No report at all, not even one that can not be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.read.is_empty() && self.malformed == 0
    }

    /// Every report, in the order printed.
    pub(crate) fn all(&self) -> &[MigrationReport] {
        &self.read
    }

    /// The last report that names a database.
    pub(crate) fn of(&self, database: &str) -> Option<&MigrationReport> {
        self.all_of(database).last()
    }

    /// Every report that names a database, in the order printed.
    pub(crate) fn all_of(&self, database: &str) -> impl DoubleEndedIterator<Item = &MigrationReport> {
        let places = self.by_database.get(database).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.read.get(*place))
    }

    /// How many reports could not be read, and what was wrong with the first.
    pub(crate) fn malformed(&self) -> Option<(usize, &str)> {
        Some((self.malformed, self.first_fault.as_deref()?))
    }
}

/// A version is text to some tools and a number to others.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(de::Error::custom("a version is neither text nor a number")),
    }
}

fn optional_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        value => version(value).map(Some).map_err(de::Error::custom),
    }
}

/// null counts as absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
