//! Django's migrations, some of which replace others: a squash and those that it stands for.

use super::{Difference, listed};
use crate::history::{Entry, History};
use std::collections::HashSet;

/// What Django loads its graph from, without a database: the files of every installed app. After each migration stand
/// those that it replaces.
pub(super) const SCRIPT: &str = "\
from django.db.migrations.loader import MigrationLoader
for (app, name), one in sorted(MigrationLoader(None, ignore_no_migrations=True).disk_migrations.items()):
    print('[ ]', app + '.' + name, *(app + '.' + name for app, name in one.replaces))
";

/// The migrations of all apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apps(Vec<Migration>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Migration {
    entry: Entry,
    replaces: Vec<String>,
}

impl Apps {
    /// Reads what [`SCRIPT`] prints, or showmigrations: its marks, `[X]` and `[ ]`, are about the database that Django is
    /// connected to, and do not count.
    ///
    /// # Errors
    /// The output has no migration.
    pub(super) fn read(output: &str) -> Result<Self, String> {
        let migration = |line: &str| {
            let line = line.trim();
            let mut words = line.strip_prefix("[X]").or_else(|| line.strip_prefix("[ ]"))?.split_whitespace();
            let entry = Entry::of(words.next()?);
            // In the wordier listing of showmigrations, dots stand before what a migration depends on.
            let replaces = words.take_while(|word| *word != "...").map(str::to_owned).collect();
            Some(Migration { entry, replaces })
        };
        // What has no mark is a word of Django's own.
        let migrations: Vec<Migration> = output.lines().filter_map(migration).collect();
        if migrations.is_empty() { Err(super::listed::NONE.to_owned()) } else { Ok(Self(migrations)) }
    }

    /// Compares as Django does: of a squash and those that it replaces, the ones that were begun with count.
    pub(super) fn compare(&self, history: &History) -> Difference {
        let had: HashSet<&str> = history.entries.iter().map(|entry| entry.id.as_str()).collect();
        let (mut settled, mut explained) = (HashSet::new(), HashSet::new());
        for squash in self.0.iter().filter(|one| !one.replaces.is_empty()) {
            let replaced = || squash.replaces.iter().map(String::as_str);
            explained.extend(replaced());
            let is_begun = replaced().any(|id| had.contains(id));
            match had.contains(squash.entry.id.as_str()) || !is_begun {
                true => settled.extend(replaced()),
                // Django records it once all that it replaces are there.
                false => _ = settled.insert(squash.entry.id.as_str()),
            }
        }
        let has = |entry: &Entry| had.contains(entry.id.as_str()) || settled.contains(entry.id.as_str());
        let missing = self.0.iter().map(|one| &one.entry).filter(|entry| !has(entry));
        let known: HashSet<&str> = self.0.iter().map(|one| one.entry.id.as_str()).chain(explained).collect();
        let unknown = history.entries.iter().filter(|entry| !known.contains(entry.id.as_str()));
        Difference { missing: missing.map(listed).collect(), unknown: unknown.map(listed).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(output: &str, history: &[&str]) -> (Vec<String>, Vec<String>) {
        let entries = history.iter().map(|id| Entry::of(*id)).collect();
        let apps = Apps::read(output).expect("migrations");
        let Difference { missing, unknown } = apps.compare(&History { entries, ..History::default() });
        let versions =
            |list: Vec<crate::report::ListedMigration>| list.into_iter().map(|one| one.version).collect();
        (versions(missing), versions(unknown))
    }

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn a_mark_says_nothing_about_the_database_that_was_asked_for() {
        let printed = "Loading settings\n[X]  contenttypes.0001_initial\n[ ]  shop.0002_orders ... (shop.0001_initial)\n";
        assert_eq!(differs(printed, &[]).0, ["contenttypes.0001_initial", "shop.0002_orders"]);
        assert!(Apps::read("no migrations\n").is_err());
    }

    #[test]
    fn a_squash_and_what_it_replaces_count_once() {
        let squashed = "[ ] s.1\n[ ] s.2\n[ ] s.1_2 s.1 s.2\n[ ] s.3\n";
        for (history, missing, unknown) in [
            // A new database runs the squash, and has the rows of all.
            (vec![], vec!["s.1_2", "s.3"], vec![]),
            (vec!["s.1", "s.2", "s.1_2"], vec!["s.3"], vec![]),
            // An old one goes on with those that are replaced.
            (vec!["s.1"], vec!["s.2", "s.3"], vec![]),
            (vec!["s.1", "s.2"], vec!["s.3"], vec![]),
            (vec!["s.1", "s.2", "s.3", "s.4"], vec![], vec!["s.4"]),
        ] {
            assert_eq!(differs(squashed, &history), (owned(&missing), owned(&unknown)), "{history:?}");
        }
        // The files of those that are replaced may be gone.
        let later = "[ ] s.1_2 s.1 s.2\n[ ] s.3\n";
        assert_eq!(differs(later, &["s.1", "s.2", "s.1_2", "s.3"]), (vec![], vec![]));
        assert_eq!(differs(later, &["s.1_2", "s.3"]), (vec![], vec![]));
    }
}
