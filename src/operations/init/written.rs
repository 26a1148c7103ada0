//! Files that are written once, and never over what is there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::at;
use crate::bounded_file;
use crate::failure::Failure;

/// A file of the repository.
#[derive(Debug)]
pub(super) struct Written {
    /// Relative to the current directory.
    pub path: String,
    pub text: String,
    is_program: bool,
}

/// Whether a file that was there stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// None was there.
    No,
    /// One with the same text.
    Same,
    /// Another one, with this text.
    Other(String),
}

impl Written {
    pub(super) fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), is_program: false }
    }

    pub(super) fn program(path: &str, text: &str) -> Self {
        Self { is_program: true, ..Self::text(path, text) }
    }

    /// Writes the file if there is none, whole or not at all; with `is_plan` it only says whether it would.
    ///
    /// # Errors
    /// What is there cannot be read, a directory is a link, or nothing can be written.
    pub(super) fn write(&self, is_plan: bool) -> Result<Kept, Failure> {
        let path = at(&self.path);
        // A repository of someone else could lead anywhere.
        if let Some(link) = path.ancestors().skip(1).find(|one| one.is_symlink()) {
            return Err(Failure::input(format!("{} is a symbolic link", link.display()))
                .hint("replace it by a directory: init writes into the repository alone"));
        }
        // A link that leads nowhere counts as there.
        if path.symlink_metadata().is_ok() {
            let text = bounded_file::read_text(&path, bounded_file::TEXT).map_err(|error| {
                Failure::input(format!("read {}: {error}", self.path)).hint(
                    "init keeps a file that is there, and has to read it first: move it away, or mend it",
                )
            })?;
            return Ok(if text == self.text { Kept::Same } else { Kept::Other(text) });
        }
        if !is_plan {
            self.create(&path).map_err(|error| {
                Failure::input(format!("write {}: {error}", self.path))
                    .hint("run init where files can be written, at the root of the repository")
            })?;
        }
        Ok(Kept::No)
    }

    fn create(&self, path: &Path) -> std::io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        // Under another name until it is whole, and then only if there is still none.
        let begun = path.with_extension(format!("new-{}", std::process::id()));
        let mode = if self.is_program { 0o755 } else { 0o644 };
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&begun)
            .and_then(|mut file| file.write_all(self.text.as_bytes()))
            .and_then(|()| fs::hard_link(&begun, path));
        let removed = fs::remove_file(&begun);
        written.and(removed)
    }
}
