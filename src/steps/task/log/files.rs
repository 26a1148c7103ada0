//! The logs of a run as files: memory keeps only their ends.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::failure::Failure;

pub(crate) struct LogFiles {
    directory: PathBuf,
}

impl LogFiles {
    /// Opens `directory` for the logs, and makes it when it is not there.
    ///
    /// # Errors
    /// It cannot be made, or no file can be made in it.
    pub(crate) fn within(directory: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(directory)
            .and_then(|()| tempfile::tempfile_in(directory))
            .map_err(|error| unwritable(directory, &error))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Makes a new directory in `below`, else in the system's temporary one. It stays.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn temporary(below: Option<&Path>) -> Result<Self, Failure> {
        let below = below.map_or_else(std::env::temp_dir, Path::to_owned);
        let directory = tempfile::Builder::new()
            .prefix("fargate-migrate-logs-")
            // A container action is root, and what uploads the logs afterwards is not.
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&below);
        Ok(Self { directory: directory.map_err(|error| unwritable(&below, &error))?.keep() })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds lines to a log. No file stays open: a fleet has more of them than a process may open.
    pub(crate) fn append<'a>(&self, name: &str, lines: impl Iterator<Item = &'a str>) -> Result<()> {
        let path = self.directory.join(name);
        let mut text = String::new();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("write log {}", path.display()))
    }

    /// Makes room for another task's log of the same name: what an earlier task left goes to a file of its own, so
    /// that a file never has two. Returns the name of that file, `None` when there was nothing.
    ///
    /// # Errors
    /// The earlier log cannot be looked for or renamed.
    pub(crate) fn begin(&self, name: &str) -> Result<Option<String>> {
        let path = self.directory.join(name);
        if !path.try_exists().with_context(|| format!("look for log {}", path.display()))? {
            return Ok(None);
        }
        let stem = name.trim_end_matches(".log");
        let mut free = (1..).map(|count: u32| format!("{stem}.earlier-{count}.log"));
        // A name that cannot be looked for is tried, and fails as one that cannot be renamed to.
        let free = free.find(|name| !self.directory.join(name).exists()).unwrap_or_default();
        std::fs::rename(&path, self.directory.join(&free))
            .with_context(|| format!("rename log {}", path.display()))?;
        Ok(Some(free))
    }

    /// Removes the file, because the log begins again.
    pub(crate) fn restart(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove log {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

fn unwritable(directory: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("no logs can be written to {}: {error}", directory.display()))
        .hint("name a directory that can be written with --log-dir")
}

/// Returns whether a file of this name in the directory of logs may be a log: those of databases and of packs.
pub(crate) fn is_log(name: &str) -> bool {
    (name.starts_with("db-") || name.starts_with("pack-")) && name.ends_with(".log")
}

/// Returns the name of the file of a database's log: another one for each.
pub(crate) fn file_name(database: &str) -> String {
    format!("db-{}.log", file_part(database))
}

/// Returns the name of the file of a pack's log: by its first database, how many others there are, and the task, of
/// which there may be several.
pub(crate) fn pack_file_name(databases: &[String], task_id: &str) -> String {
    let first = file_part(databases.first().map_or("", String::as_str));
    let task: String = file_part(task_id).chars().take(12).collect();
    format!("pack-{first}-and-{}-more-{task}.log", databases.len().saturating_sub(1))
}

/// Makes a part of a file's name of any text, another one for each, also where capitals do not count and where an
/// artifact is unpacked: lower-case letters, digits, `_` and `-` as they are, all else as `%` and its bytes.
pub(crate) fn file_part(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            // Writing to a String does not fail.
            _ => drop(write!(out, "%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_file_of_its_own() {
        let names = ["shop", "Shop", "a.b", "a/b", "../../etc/passwd", "con", "Übung", "a%2eb", ""];
        let files: std::collections::HashSet<String> =
            names.iter().map(|name| file_part(name).to_lowercase()).collect();
        assert_eq!(files.len(), names.len());
        assert!(files.iter().all(|file| !file.contains(['/', '\\', ':'])));
        assert_eq!(file_part("tenant_1-x"), "tenant_1-x");
    }

    #[test]
    fn logs_grow_and_begin_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = LogFiles::within(&directory.path().join("a/b")).expect("made");
        let read = || std::fs::read_to_string(files.directory().join("x.log")).unwrap_or_default();
        files.restart("x.log").expect("nothing there");
        files.append("x.log", ["1", "2"].into_iter()).expect("written");
        files.append("x.log", ["3"].into_iter()).expect("written");
        assert_eq!(read(), "1\n2\n3\n");
        files.restart("x.log").expect("removed");
        assert_eq!(read(), "");
        let earlier = ["4", "5"].map(|line| {
            files.append("x.log", [line].into_iter()).expect("written");
            files.begin("x.log").expect("renamed").expect("there was one")
        });
        assert_eq!(earlier, ["x.earlier-1.log", "x.earlier-2.log"]);
        let kept = earlier.map(|name| std::fs::read_to_string(files.directory().join(name)).expect("a file"));
        assert_eq!((kept, read().as_str()), (["4\n".to_owned(), "5\n".to_owned()], ""));
        assert_eq!(files.begin("x.log").expect("nothing there"), None);
        assert!(LogFiles::within(Path::new("/proc/nowhere")).is_err());
    }
}
