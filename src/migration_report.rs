//! The migration report: the line with which a migration proves what it did, to which database.
//!
//! One line of stdout, `{"migration_report": {…}}`; any other line is just log. The protocol is in
//! docs/migration-report.md. What it says comes from a container, so it is data to judge, never to trust.

mod names;
mod reports;
mod shown;
mod signs;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

pub(crate) use self::reports::Reports;
pub(crate) use self::shown::{about, shown};
use crate::untrusted::{phrase, printable};

/// The version of the protocol that the program reads.
const PROTOCOL: u64 = 1;
/// Characters of `schema`: enough for a hash of 512 bits in hex digits.
const LONGEST_SCHEMA: usize = 128;

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
    /// Stands for the schema that the database has now, 1 to 128 characters: equal texts, equal schemas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The migrations that the database has and the image does not; `None` when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<Known>>,
    /// The migrations that `pending` counts, or some of them; `None` when it is not known which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<Known>>,
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

/// A migration that the image or the database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Text or a number in the line.
    #[serde(deserialize_with = "version")]
    pub version: String,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
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

/// Reads one line of a container's output: `None` when it is just log, an error when it could be a report and cannot
/// be read as exactly one.
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
    limits(&report).map(|()| report)
}

/// Refuses values that have the right type and say nothing, or contradict each other.
fn limits(report: &MigrationReport) -> Result<(), String> {
    if report.database.is_empty() {
        return Err("it names no database".to_owned());
    }
    if let Some(schema) = &report.schema
        && !(1..=LONGEST_SCHEMA).contains(&schema.chars().count())
    {
        return Err(format!("schema does not have 1 to {LONGEST_SCHEMA} characters"));
    }
    let missing = report.missing.as_ref().map_or(0, Vec::len) as u64;
    if missing > report.pending {
        return Err(format!("missing lists {missing} migrations, and pending counts {}", report.pending));
    }
    Ok(())
}

/// Refuses what serde would read all the same: a list in place of an object, and a field of the protocol in other
/// capitals, which some readers take for it.
fn shapes(report: &Value) -> Result<(), String> {
    const FIELDS: [&str; 13] = [
        "version", "database", "applied", "pending", "current", "tables", "ms", "from", "failed", "error",
        "schema", "unknown", "missing",
    ];
    const LISTS: [(&str, &[&str]); 3] = [
        ("applied", &["version", "name", "ms"]),
        ("unknown", &["version", "name"]),
        ("missing", &["version", "name"]),
    ];
    fields(report, "the report", &FIELDS)?;
    for (list, known) in LISTS {
        let mut all = report.get(list).and_then(Value::as_array).into_iter().flatten();
        all.try_for_each(|one| fields(one, list, known))?;
    }
    let failed = report.get("failed").filter(|failed| !failed.is_null());
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
    /// Returns whether nothing failed, and nothing is left to do.
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

/// Reads a version, which is text to some tools and a number to others.
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

/// Reads a value, or the default: null counts as absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
