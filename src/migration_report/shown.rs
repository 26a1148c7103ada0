//! A log line as a person reads it: a migration report as a sentence, and the line of a pack under its database's name.

use std::borrow::Cow;

use tracing::Level;

use super::{Applied, MigrationReport};
use crate::untrusted::printable;

/// Migrations that a sentence names.
const SHOWN: usize = 5;

/// Returns a log line as it is shown: the sentence of the report that it is, or itself.
///
/// The JSON of a report stands in the log file, and is shown with `-v`.
pub(crate) fn shown<'l>(line: &'l str, report: Option<&MigrationReport>) -> Cow<'l, str> {
    match report.filter(|_| !tracing::enabled!(Level::DEBUG)) {
        Some(report) => report.in_words().into(),
        None => line.into(),
    }
}

/// Returns the database of a pack that a shown line is about, and what it says of it.
///
/// That is the database of the report that the line is, or the one whose name stands before the line with a colon
/// (docs/migration-report.md, Packs).
pub(crate) fn about<'l>(
    shown: &'l str,
    report: Option<&MigrationReport>,
    mut pack: impl Iterator<Item = &'l str>,
) -> Option<(&'l str, &'l str)> {
    let (name, said) = match report {
        Some(report) => (report.database.as_str(), shown),
        None => shown.split_once(": ")?,
    };
    pack.find(|database| *database == name).map(|database| (database, said))
}

impl MigrationReport {
    /// Returns a line for the log in place of the JSON:
    /// `migration report of shop: 9 → 10, 1 applied (10 create_orders), 57 tables`.
    pub(super) fn in_words(&self) -> String {
        let short = |text: &str| printable(text, 100).to_string();
        let mut words = format!("migration report of {}: ", printable(&self.database, 63));
        match (&self.from, &self.current) {
            (Some(from), Some(to)) if from != to => words += &format!("{} → {}, ", short(from), short(to)),
            (_, Some(at)) => words += &format!("at {}, ", short(at)),
            _ => {}
        }
        words += &format!("{} applied", self.applied.len());
        if let [first, rest @ ..] = self.applied.as_slice() {
            let of =
                |one: &Applied| format!("{} {}", short(&one.version), short(&one.name)).trim().to_owned();
            let few: Vec<String> =
                std::iter::once(first).chain(rest.iter().take(SHOWN - 1)).map(of).collect();
            let more = self.applied.len() - few.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            words += &format!(" ({}{more})", few.join(", "));
        }
        if self.pending > 0 {
            words += &format!(", {} pending", self.pending);
        }
        let failed = self.failed.as_ref().map(ToString::to_string);
        let error = self.error.as_ref().map(|error| printable(error, 500).to_string());
        let tables = self.tables.map(|tables| format!("{tables} tables"));
        for part in [failed, error, tables].into_iter().flatten() {
            words += &format!(", {part}");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration_report::parse_line;

    #[test]
    fn a_line_of_a_pack_is_shown_under_the_database_that_it_names() {
        let pack = ["shop", "shop_b"];
        let about = |line| about(line, None, pack.into_iter());
        assert_eq!(about("shop_b: applied 3"), Some(("shop_b", "applied 3")));
        assert_eq!(about("shop_b: error: no"), Some(("shop_b", "error: no")));
        for other in ["shop_c: applied 3", "error: shop: no", "shop:3", "shop", ": shop", ""] {
            assert_eq!(about(other), None, "{other}");
        }
    }

    #[test]
    fn a_report_is_shown_as_a_sentence_under_its_own_database() {
        let line = r#"{"migration_report":{"version":1,"database":"shop","current":"7","pending":0}}"#;
        let report = parse_line(line).expect("a report").expect("a sound one");
        let shown = shown(line, Some(&report));
        assert_eq!(shown, "migration report of shop: at 7, 0 applied");
        assert_eq!(about(&shown, Some(&report), ["shop"].into_iter()), Some(("shop", &*shown)));
        assert_eq!(about(&shown, Some(&report), ["other"].into_iter()), None);
    }
}
