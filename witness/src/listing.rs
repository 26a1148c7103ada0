//! What a database says it has, one line per object, and the hash by which two databases are compared.

use crate::failure::{Exit, Failure, describe};
use sha2::{Digest as _, Sha256};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

const QUERY: &str = include_str!("listing.sql");

/// Everything that the texts of pg_get_viewdef() and its like depend on; a database, a role or a server may have
/// other values. Without a search_path every name is qualified.
///
/// These functions lock the tables that they write about, as any query does. lock_timeout is far below
/// deadlock_timeout (1 s): where a listing and a migration wait for each other, the listing gives up first. jit is
/// off because the planner's guess of the cost is far too high, and compiling the query would take longer than
/// running it.
const SETTINGS: &str = "
    SET LOCAL search_path = '';
    SET LOCAL quote_all_identifiers = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL bytea_output = 'hex';
    SET LOCAL lc_monetary = 'C';
    SET LOCAL lock_timeout = '250ms';
    SET LOCAL jit = off";

/// The objects of a database: `column public.orders.contact: text NOT NULL`. Sorted by bytes.
///
/// It has names and definitions, and nothing of the data, owners, rights, comments, places on disk and the order of a
/// table's columns. listing.sql says what is an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing(Vec<String>);

impl Listing {
    /// Asks the database that `client` is connected to, in a transaction that cannot change anything.
    ///
    /// # Errors
    /// [`Exit::Failed`], among others when another session keeps a table locked.
    pub async fn read(client: &mut Client) -> Result<Self, Failure> {
        let rows = async {
            let transaction = client.build_transaction().read_only(true).start().await?;
            transaction.batch_execute(SETTINGS).await?;
            let rows = transaction.query_typed(QUERY, &[]).await?;
            transaction.commit().await?;
            Ok(rows)
        };
        let rows = rows.await.map_err(|error: tokio_postgres::Error| {
            let failure = Failure::new(Exit::Failed, format!("list the schema: {}", describe(&error)));
            match error.code() {
                Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    failure.hint("another session is changing the schema: run this again when it has ended")
                }
                _ => failure,
            }
        })?;
        let mut lines: Vec<String> =
            rows.iter().map(|row| line(row.get(0), row.get(1), row.get(2))).collect();
        // Not in SQL: a collation of the server would decide.
        lines.sort_unstable();
        Ok(Self(lines))
    }

    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// Returns `sha256:` and 64 hex digits, equal for equal schemas.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for line in &self.0 {
            hash.update(line);
            hash.update("\n");
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}

/// Writes an object on one line. Different objects have different lines, whatever characters are in them.
fn line(kind: &str, name: &str, definition: Option<&str>) -> String {
    let definition = definition.map(|text| format!(": {text}")).unwrap_or_default();
    let text = format!("{kind} {name}{definition}");
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => line.push_str(r"\\"),
            control if control.is_control() => line.extend(control.escape_default()),
            other => line.push(other),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_one_line_of_its_own() {
        assert_eq!(line("table", "public.a", None), "table public.a");
        assert_eq!(
            line("view", "public.a", Some(" SELECT 1\n\tAS é;")),
            r"view public.a:  SELECT 1\n\tAS é;"
        );
        assert_ne!(line("view", "a", Some("\n")), line("view", "a", Some(r"\n")));
        assert_eq!(line("table", "\u{1b}[31m", None), r"table \u{1b}[31m");
    }

    #[test]
    fn lines_cannot_be_shifted() {
        let hash = |lines: &[&str]| Listing(lines.iter().map(|line| (*line).to_owned()).collect()).hash();
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(
            hash(&[]),
            format!("sha256:{}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
    }
}
