//! A file that a task names, found again in the repository that is checked out.

use std::path::{Component, Path};

use walkdir::{DirEntry, WalkDir};

use crate::workflow_commands::Place;

/// Bounds of the search: a large repository fits, and nobody waits for it.
const DEPTH: usize = 16;
const ENTRIES: usize = 50_000;
/// Where copies of sources are.
const NO_SOURCES: [&str; 3] = [".git", "node_modules", "target"];

/// Finds the file below `workspace` whose path ends most like `reported` does; `None` when two are as good, because a
/// wrong place is worse than none.
///
/// `reported` comes from a container: it selects among files that are there, and opens none. Symbolic links are
/// not followed.
pub fn place(workspace: &Path, reported: &str, line: Option<u64>) -> Option<Place> {
    let wanted: Vec<&str> = reported.split(['/', '\\']).collect();
    let name = *wanted.last().filter(|name| !name.is_empty())?;
    let sources = |entry: &DirEntry| {
        !(entry.file_type().is_dir() && NO_SOURCES.iter().any(|name| entry.file_name() == *name))
    };
    let entries = WalkDir::new(workspace).min_depth(1).max_depth(DEPTH).into_iter();
    let found = entries
        .filter_entry(sources)
        .take(ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.file_name() == name)
        .filter_map(|entry| relative(entry.path().strip_prefix(workspace).ok()?))
        .map(|path| (path.iter().rev().zip(wanted.iter().rev()).take_while(|(a, b)| a == b).count(), path));
    let mut found: Vec<(usize, Vec<String>)> = found.collect();
    found.sort();
    let (parts, path) = found.pop()?;
    let ambiguous = found.last().is_some_and(|(other, _)| *other == parts);
    let line = line.filter(|line| *line > 0);
    (!ambiguous).then(|| Place { file: path.join("/"), line })
}

fn relative(path: &Path) -> Option<Vec<String>> {
    let part = |part: Component<'_>| match part {
        Component::Normal(name) => name.to_str().map(str::to_owned),
        _ => None,
    };
    path.components().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "select 1;").unwrap();
        }
        directory
    }

    #[test]
    fn the_best_fit_is_taken_and_a_tie_is_not() {
        let workspace = workspace(&[
            "app/migrations/V1__a.sql",
            "other/migrations/V1__a.sql",
            "other/migrations/V2__b.sql",
            "target/package/other/migrations/V2__b.sql",
            "V3__c.sql",
        ]);
        for (reported, found) in [
            ("app/migrations/V1__a.sql", Some("app/migrations/V1__a.sql")),
            ("/srv/other/migrations/V1__a.sql", Some("other/migrations/V1__a.sql")),
            ("C:\\x\\app\\migrations\\V1__a.sql", Some("app/migrations/V1__a.sql")),
            ("/srv/migrations/V1__a.sql", None),
            ("V1__a.sql", None),
            ("V2__b.sql", Some("other/migrations/V2__b.sql")),
            ("../../../../V3__c.sql", Some("V3__c.sql")),
            ("V4__d.sql", None),
            ("migrations", None),
            ("", None),
            ("/", None),
            ("..", None),
        ] {
            let place = place(workspace.path(), reported, Some(7));
            assert_eq!(place.as_ref().map(|place| place.file.as_str()), found, "{reported}");
            assert!(place.is_none_or(|place| place.line == Some(7)));
        }
    }

    #[test]
    fn nothing_outside_is_found() {
        let outside = workspace(&["migrations/V1__a.sql"]);
        let inside = workspace(&["README.md"]);
        std::os::unix::fs::symlink(outside.path(), inside.path().join("link")).unwrap();
        std::os::unix::fs::symlink(
            outside.path().join("migrations/V1__a.sql"),
            inside.path().join("V1__a.sql"),
        )
        .unwrap();
        let absolute = outside.path().join("migrations/V1__a.sql");
        for reported in ["V1__a.sql", "link/migrations/V1__a.sql", absolute.to_str().unwrap()] {
            assert_eq!(place(inside.path(), reported, None), None, "{reported}");
        }
    }
}
