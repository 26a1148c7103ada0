//! What may be the name of a database.

use crate::settings::FLEET_PLACEHOLDER;

/// Bytes of a PostgreSQL identifier (NAMEDATALEN - 1); PostgreSQL cuts a longer name without a word.
pub const MAX_BYTES: usize = 63;

/// Every database of the configuration file, as `--database` and the workflow's dropdown say it.
pub const ALL: &str = "all";

/// Why `name` is none. Stricter than PostgreSQL, which takes anything in quotes: a name stands in variables, logs,
/// links and summaries.
pub fn refused(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_BYTES {
        Some("PostgreSQL would cut it after 63 bytes")
    } else if name == FLEET_PLACEHOLDER {
        Some("it is the placeholder of a fleet's revision")
    } else if name == ALL {
        Some("it means every database of the configuration file")
    } else if name.starts_with(['-', '.']) {
        Some("it begins with - or .")
    } else if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$')) {
        Some("it has a character that is not allowed")
    } else {
        None
    }
}
