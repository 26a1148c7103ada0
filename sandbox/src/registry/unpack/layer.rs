//! One layer onto a tree: files, links and whiteouts.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use tar::{Archive, Entry, EntryType};

use super::tree::Tree;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Unpacks a layer, plain, gzip or zstd by its first bytes. Owners, devices and extended attributes are left out:
/// tasks run as one user.
pub(super) fn apply(mut layer: impl BufRead, tree: &Tree) -> io::Result<()> {
    let start = layer.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        extract(flate2::bufread::MultiGzDecoder::new(layer), tree)
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        extract(ruzstd::decoding::StreamingDecoder::new(layer).map_err(io::Error::other)?, tree)
    } else {
        extract(layer, tree)
    }
}

fn extract(layer: impl Read, tree: &Tree) -> io::Result<()> {
    // An opaque directory hides what is below this layer, not what this layer brings itself.
    let mut brought = HashSet::new();
    for entry in Archive::new(layer).entries()? {
        let mut entry = entry?;
        let path = tree.inside(&entry.path()?)?;
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let parent = path.parent().unwrap_or(Path::new("")).to_owned();
        if name == OPAQUE {
            tree.clear(&parent, &brought)?;
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            // The name comes from the archive: it must stay one component.
            tree.remove(&tree.inside(&parent.join(hidden))?)?;
        } else {
            place(&mut entry, &path, tree)?;
            brought.extend(path.ancestors().map(Path::to_owned));
        }
    }
    Ok(())
}

fn place(entry: &mut Entry<'_, impl Read>, path: &Path, tree: &Tree) -> io::Result<()> {
    let mode = entry.header().mode().unwrap_or(0o755);
    match entry.header().entry_type() {
        EntryType::Directory => tree.directory(path, mode),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => tree.file(path, mode, entry),
        EntryType::Symlink => tree.symbolic_link(path, &target(entry)?),
        EntryType::Link => tree.hard_link(path, &tree.inside(&target(entry)?)?),
        // Devices and pipes need privileges, and no service reads them from its image.
        _ => Ok(()),
    }
}

fn target(entry: &Entry<'_, impl Read>) -> io::Result<PathBuf> {
    entry
        .link_name()?
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "link without a target"))
}
