//! Files for the job's later steps.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Result, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

/// Writes a file into a new directory below `below`, and returns its path from there.
///
/// A container action is root, and the steps that read the file are the runner's user, to whom `below` belongs. That
/// user also removes it.
pub(super) fn keep(
    below: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<String> {
    let directory = tempfile::Builder::new()
        .prefix("fargate-migrate-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(below)?;
    let file = directory.path().join(name);
    let mut out = BufWriter::new(File::create(&file)?);
    write(&mut out)?;
    out.flush()?;
    let owner = fs::metadata(below)?;
    for path in [&file, directory.path()] {
        // Only root can, and only root has to.
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    }
    let directory = directory.keep();
    Ok(directory.file_name().map(Path::new).unwrap_or(&directory).join(name).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_found_below_the_directory_and_can_be_read_by_others() {
        let below = tempfile::tempdir().expect("a directory");
        let [first, second] = ["one", "two"]
            .map(|text| keep(below.path(), "result.json", |out| write!(out, "{text}")).expect("kept"));
        assert_ne!(first, second);
        assert!(first.starts_with("fargate-migrate-") && first.ends_with("/result.json"), "{first}");
        assert_eq!(fs::read_to_string(below.path().join(&first)).expect("read"), "one");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        let file = below.path().join(&first);
        assert_eq!(mode(&file) & 0o444, 0o444);
        assert_eq!(mode(file.parent().expect("a directory")) & 0o555, 0o555);
        assert!(keep(Path::new("/proc/nowhere"), "result.json", |_| Ok(())).is_err());
    }
}
