//! Alembic's revisions: each names those that it comes after, and the table has the newest of each branch.

use super::files::text;
use super::{Difference, History};
use crate::report::ListedMigration;
use regex_lite::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The revisions of the files, by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph(BTreeMap<String, Revision>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Revision {
    name: String,
    after: Vec<String>,
}

impl Graph {
    /// Reads `revision`, `down_revision` and `depends_on` of each file, as Alembic's templates write them.
    ///
    /// # Errors
    /// A file is not a revision, or names another one that no file has.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, String> {
        let mut revisions = BTreeMap::new();
        for path in files {
            if path.file_name().is_some_and(|name| name == "__init__.py") {
                continue;
            }
            let source = text(path)?;
            let (id, after) = revision(&source).ok_or_else(|| {
                format!(
                    "{} does not say its revision, its down_revision and its depends_on plainly",
                    path.display()
                )
            })?;
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let name = stem.strip_prefix(&format!("{id}_")).unwrap_or(&stem).to_owned();
            if revisions.insert(id.clone(), Revision { name, after }).is_some() {
                return Err(format!("two files have the revision {id}"));
            }
        }
        for (id, revision) in &revisions {
            if let Some(absent) = revision.after.iter().find(|after| !revisions.contains_key(*after)) {
                return Err(format!("revision {id} comes after {absent}, which no file has"));
            }
        }
        match revisions.is_empty() {
            true => Err("no file has a revision".to_owned()),
            false => Ok(Self(revisions)),
        }
    }

    pub(super) fn compare(&self, history: &History) -> Result<Difference, String> {
        self.has_heads_of(history)?;
        let had = self.up_to(history);
        let missing = self.0.keys().filter(|id| !had.contains(id.as_str()));
        Ok(Difference { missing: self.in_order(missing.map(String::as_str).collect()), unknown: Vec::new() })
    }

    /// Refuses a head without a file: the table does not say what came before it, only its file does.
    fn has_heads_of(&self, history: &History) -> Result<(), String> {
        match history.entries.iter().find(|head| !self.0.contains_key(&head.id)) {
            Some(head) => Err(format!(
                "the database is at revision {}, which no file has: it is newer than this image, or another history's",
                head.version
            )),
            None => Ok(()),
        }
    }

    pub(super) fn applied(&self, before: &History, after: &History) -> Result<Vec<ListedMigration>, String> {
        self.has_heads_of(before)?;
        self.has_heads_of(after)?;
        let had = self.up_to(before);
        Ok(self.in_order(self.up_to(after).difference(&had).copied().collect()))
    }

    /// Returns the heads of a history and all that comes before them.
    fn up_to<'a>(&'a self, history: &'a History) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = history.entries.iter().map(|head| head.id.as_str()).collect();
        while let Some(id) = open.pop() {
            let Some(revision) = self.0.get(id) else { continue };
            if found.insert(id) {
                open.extend(revision.after.iter().map(String::as_str));
            }
        }
        found
    }

    /// Puts each revision behind those that it comes after.
    fn in_order(&self, mut left: BTreeSet<&str>) -> Vec<ListedMigration> {
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let is_next = |id: &&&str| {
                self.0
                    .get(**id)
                    .is_none_or(|one| !one.after.iter().any(|after| left.contains(after.as_str())))
            };
            // In a circle, which Alembic refuses, the first by its id.
            let Some(id) = left.iter().find(is_next).or(left.first()).copied() else { break };
            left.remove(id);
            let name = self.0.get(id).map(|revision| revision.name.clone()).unwrap_or_default();
            ordered.push(ListedMigration { version: id.to_owned(), name });
        }
        ordered
    }
}

/// Returns the id of a revision and those that it comes after, or none if the source does not say them plainly.
fn revision(source: &str) -> Option<(String, Vec<String>)> {
    // With the annotations of newer templates: `down_revision: Union[str, None] = "…"`. A tuple may have several lines.
    let assigned = |name: &str| -> Option<String> {
        let pattern = format!(r"(?m)^{name}(?:\s*:[^=\n]*)?\s*=\s*(\([^)]*\)|\[[^\]]*\]|[^\n]*)");
        let found = Regex::new(&pattern).ok()?.captures(source)?;
        Some(found.get(1)?.as_str().to_owned())
    };
    let quoted = |text: &str| -> Vec<String> {
        let Ok(text_in_quotes) = Regex::new(r#"["']([^"'\n]*)["']"#) else { return Vec::new() };
        text_in_quotes
            .captures_iter(text)
            .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
            .collect()
    };
    let id = quoted(&assigned("revision")?).into_iter().next()?;
    let after = assigned("down_revision")?;
    // A database that has a revision has those that it depends on, and its table may not name them.
    let depends_on = assigned("depends_on").unwrap_or_else(|| "None".to_owned());
    let mut all = Vec::new();
    for value in [after, depends_on] {
        let ids = quoted(&value);
        // Neither a text nor None: an expression that only Python knows.
        if ids.is_empty() && !value.trim_start().starts_with("None") {
            return None;
        }
        all.extend(ids);
    }
    Some((id, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_read_as_the_templates_write_it() {
        let new = "revision: str = 'b2'\ndown_revision: Union[str, Sequence[str], None] = 'a1'  # before\n";
        assert_eq!(revision(new), Some(("b2".into(), vec!["a1".into()])));
        let first = "revision = \"a1\"\ndown_revision = None\nbranch_labels = None\n";
        assert_eq!(revision(first), Some(("a1".into(), vec![])));
        let merge = "revision = 'm'\ndown_revision = (\n    'x',\n    'y',\n)\n";
        assert_eq!(revision(merge), Some(("m".into(), vec!["x".into(), "y".into()])));
        let dependent = "revision = 'b'\ndown_revision = None\ndepends_on = 'a'\n";
        assert_eq!(revision(dependent), Some(("b".into(), vec!["a".into()])));
        for other in
            ["", "revision = 'a'\n", "revision = 'a'\ndown_revision = parent()\n", "# revision = 'a'\n"]
        {
            assert_eq!(revision(other), None, "{other}");
        }
    }
}
