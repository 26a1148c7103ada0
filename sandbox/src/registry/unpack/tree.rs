//! A directory that nothing gets out of.
//!
//! Layers are untrusted: their names may climb, and they may plant a link and then write through it. Here every link
//! is rewritten on the way in so that it stays inside, as it would for a process whose root this is; then the real
//! place of every parent is checked before anything is written.

use std::collections::HashSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.canonicalize()? })
    }

    /// Makes a path relative to the root of a name from an archive; a name with `..` is an error.
    pub(super) fn inside(&self, name: &Path) -> io::Result<PathBuf> {
        let mut path = PathBuf::new();
        for component in name.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(escapes(name));
                }
            }
        }
        Ok(path)
    }

    pub(super) fn directory(&self, path: &Path, mode: u32) -> io::Result<()> {
        let place = self.place(path)?;
        match fs::symlink_metadata(&place) {
            // A directory over a link to a directory keeps the link, as tar and the runtimes do (/lib → usr/lib).
            Ok(found) if found.is_dir() || (found.is_symlink() && place.is_dir()) => {}
            Ok(_) => {
                fs::remove_file(&place)?;
                fs::create_dir(&place)?;
            }
            Err(_) => fs::create_dir(&place)?,
        }
        // Writable for the sandbox whatever the archive says: more layers follow, and the tree is removed in the end.
        fs::set_permissions(&place, Permissions::from_mode((mode & 0o777) | 0o700))
    }

    pub(super) fn file(&self, path: &Path, mode: u32, content: &mut impl Read) -> io::Result<()> {
        let place = self.vacate(path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place)?;
        io::copy(content, &mut file)?;
        // Without set-user-id: nothing from an image runs with more rights than its task.
        file.set_permissions(Permissions::from_mode((mode & 0o777) | 0o400))
    }

    pub(super) fn symbolic_link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let place = self.vacate(path)?;
        let parent = place.parent().unwrap_or(&self.root);
        let from = parent.strip_prefix(&self.root).map_err(|_| escapes(path))?;
        symlink(contained(from, target), place)
    }

    pub(super) fn hard_link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let original = self.place(target)?;
        if !original.is_symlink() {
            return fs::hard_link(original, self.vacate(path)?);
        }
        // Its text is relative to where it stands, and would lead elsewhere from another depth.
        let from = original.parent().unwrap_or(&self.root);
        let from = from.strip_prefix(&self.root).map_err(|_| escapes(target))?;
        let inside: PathBuf = [Path::new("/"), from, &fs::read_link(&original)?].iter().collect();
        self.symbolic_link(path, &inside)
    }

    /// Removes whatever is there; nothing there is fine.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        if place == self.root {
            return Err(escapes(path));
        }
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(place),
            Ok(_) => fs::remove_file(place),
            Err(_) => Ok(()),
        }
    }

    /// Empties a directory, except for `kept` paths.
    pub(super) fn clear(&self, directory: &Path, kept: &HashSet<PathBuf>) -> io::Result<()> {
        let place = self.place(directory)?;
        if !place.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(place)? {
            let path = directory.join(entry?.file_name());
            if !kept.contains(&path) {
                self.remove(&path)?;
            } else if !self.place(&path)?.is_symlink() {
                self.clear(&path, kept)?;
            }
        }
        Ok(())
    }

    /// Returns the real place of a path, and makes its parent directories; the last component is not followed.
    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let Some(name) = path.file_name() else { return Ok(self.root.clone()) };
        let parent = self.root.join(path.parent().unwrap_or(Path::new("")));
        if !parent.exists() {
            self.make_parents(path)?;
        }
        let parent = parent.canonicalize()?;
        if !parent.starts_with(&self.root) {
            return Err(escapes(path));
        }
        Ok(parent.join(name))
    }

    fn make_parents(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            None => Ok(()),
            Some(parent) if parent.as_os_str().is_empty() => Ok(()),
            Some(parent) => match self.place(parent)? {
                place if place.is_dir() => Ok(()),
                // Also where a link dangles: it is an error then, never a directory elsewhere.
                place => fs::create_dir(place),
            },
        }
    }

    fn vacate(&self, path: &Path) -> io::Result<PathBuf> {
        self.remove(path)?;
        self.place(path)
    }
}

/// Returns the target of a link in directory `from`, relative and never above the root.
fn contained(from: &Path, target: &Path) -> PathBuf {
    let mut inside = if target.is_absolute() { PathBuf::new() } else { from.to_owned() };
    for component in target.components() {
        match component {
            Component::Normal(part) => inside.push(part),
            Component::ParentDir => {
                inside.pop();
            }
            _ => {}
        }
    }
    let up = from.components().map(|_| Path::new(".."));
    let path: PathBuf = up.chain([inside.as_path()]).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

fn escapes(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} leads out of the image", path.display()))
}
