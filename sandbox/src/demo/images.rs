//! Two more images of the shop: one from before the commit, and one that is broken.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Where ELF64 keeps the address that a program starts at (elf(5), `e_entry`).
const ENTRY: std::ops::Range<usize> = 24..32;

/// Writes the same program in other bytes, as an earlier commit would have built it: nothing reads what stands behind
/// an executable's last segment.
pub fn earlier(app: &Path, directory: &Path) -> anyhow::Result<PathBuf> {
    changed(app, &directory.join("earlier/app"), |bytes| {
        bytes.extend_from_slice(b"built from an earlier commit")
    })
}

/// Writes a program that crashes as soon as it is started.
pub fn broken(app: &Path, directory: &Path) -> anyhow::Result<PathBuf> {
    changed(app, &directory.join("broken/app"), |bytes| {
        if let Some(entry) = bytes.get_mut(ENTRY) {
            entry.fill(0);
        }
    })
}

fn changed(app: &Path, to: &Path, change: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<PathBuf> {
    let mut bytes = fs::read(app).with_context(|| format!("read {}", app.display()))?;
    change(&mut bytes);
    let written = || {
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(to, &bytes)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755))
    };
    written().with_context(|| format!("write {}", to.display()))?;
    Ok(to.to_owned())
}
