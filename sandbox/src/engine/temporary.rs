//! Directories for images and for what containers write.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

/// A temporary directory. Dropping it removes it, whatever the modes of the directories inside.
pub(super) struct Temporary(TempDir);

impl Temporary {
    pub(super) fn new(prefix: &str) -> std::io::Result<Self> {
        TempDir::with_prefix(prefix).map(Self)
    }

    pub(super) fn inside(&self, prefix: &str) -> std::io::Result<Self> {
        TempDir::with_prefix_in(prefix, &self.0).map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        open_up(self.path());
    }
}

/// Makes directories writable: containers change modes, and the kernel gives an overlay's own directory none.
fn open_up(directory: &Path) {
    let _ = fs::set_permissions(directory, Permissions::from_mode(0o700));
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_nobody_may_enter_is_removed() {
        let temporary = Temporary::new("sandbox-test-").unwrap();
        let inside = temporary.inside("container-").unwrap();
        let (path, closed) = (temporary.path().to_owned(), inside.path().join("closed"));
        fs::create_dir_all(closed.join("more")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        drop(inside);
        assert!(!closed.exists());
        drop(temporary);
        assert!(!path.exists());
    }
}
