//! What may be the name of a database.

/// Bytes of a PostgreSQL identifier (NAMEDATALEN - 1); PostgreSQL cuts a longer name without a word.
pub const MAX_BYTES: usize = 63;

/// Every database of the configuration file, as `--database` and the workflow's dropdown say it.
pub const ALL: &str = "all";

/// The value of the database variable in a fleet's revision: no server has such a database, so a task that is
/// started by hand fails closed instead of landing on a default.
pub const FLEET_PLACEHOLDER: &str = "__set-by-fargate-migrate__";

/// With more databases than this they are counted, and their log lines go to files only.
const FLEET: usize = 20;

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

/// The variable of a list, beside the one of a single database.
pub fn list_variable(database_variable: &str) -> String {
    format!("{database_variable}S")
}

/// A list by its first name.
pub fn short_list(databases: &[String]) -> String {
    match databases {
        [] => "no database".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// Whether so many databases are a fleet.
pub fn is_fleet(databases: usize) -> bool {
    databases > FLEET
}
