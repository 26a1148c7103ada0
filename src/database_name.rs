//! What may be the name of a database.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::untrusted::shortened;
use crate::values::Wrong;

/// Bytes of a PostgreSQL identifier (NAMEDATALEN - 1); PostgreSQL cuts a longer name without a word.
pub const MAX_BYTES: usize = 63;

/// Every database of the configuration file, as `--database` and the workflow's dropdown say it.
pub const ALL: &str = "all";

/// The revision's own value of the database variable, for one database as for many: no server has such a database, so
/// a task that is started from the revision by hand fails instead of landing on a default or on the last tenant.
pub const PLACEHOLDER: &str = "__set-by-fargate-migrate__";

/// With more databases than this they are counted, and their log lines go to files only.
const FLEET: usize = 20;

/// A database's name: valid, and cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseName(Arc<str>);

impl FromStr for DatabaseName {
    type Err = Wrong;

    fn from_str(name: &str) -> Result<Self, Wrong> {
        match why_invalid(name) {
            Some(why) => Err(wrong(name, "a database name", why)),
            None => Ok(Self(name.into())),
        }
    }
}

#[cfg(test)]
impl From<&str> for DatabaseName {
    /// Makes a name for tests, even one that is refused.
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl TryFrom<String> for DatabaseName {
    type Error = Wrong;

    fn try_from(name: String) -> Result<Self, Wrong> {
        name.parse()
    }
}

impl From<DatabaseName> for String {
    fn from(name: DatabaseName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl DatabaseName {
    pub fn as_str(&self) -> &str {
        self
    }
}

impl Deref for DatabaseName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DatabaseName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for DatabaseName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for DatabaseName {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Says that a text is not `what`, by the rules of a database's name.
pub fn wrong(text: &str, what: &str, why: &str) -> Wrong {
    Wrong {
        what: format!("{:?} is not {what}: {why}", shortened(text, 255)),
        hint: "letters, digits and _ - . $ are allowed, at most 63 bytes",
    }
}

/// Says why `name` is not valid. Stricter than PostgreSQL, which takes anything in quotes: a name stands in
/// variables, logs, links and summaries.
pub fn why_invalid(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_BYTES {
        Some("PostgreSQL would cut it after 63 bytes")
    } else if name == PLACEHOLDER {
        Some("it is the placeholder that a revision has in place of a name")
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

/// Returns the variable of a list: that of a single database, with an S.
pub fn list_variable(database_variable: &str) -> String {
    format!("{database_variable}S")
}

/// Shortens a list to its first database and the number of the others.
pub fn short_list(databases: &[impl AsRef<str>]) -> String {
    match databases {
        [] => "no database".to_owned(),
        [only] => only.as_ref().to_owned(),
        [first, rest @ ..] => format!("{} and {} more", first.as_ref(), rest.len()),
    }
}

/// Tells whether so many databases are a fleet.
pub fn is_fleet(databases: usize) -> bool {
    databases > FLEET
}
