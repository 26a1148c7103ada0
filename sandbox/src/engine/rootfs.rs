//! Finding an executable inside an unpacked image.

use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// Docker's PATH for images that set none.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// As many as the kernel follows.
const MAX_LINKS: usize = 40;

/// A program of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// In the image, with its links.
    pub path: PathBuf,
    /// On this machine.
    pub file: PathBuf,
}

/// Finds `program` in the image, as the container would look it up.
///
/// # Errors
/// The wording of the container runtime.
pub(super) fn executable(root: &Path, path: &str, directory: &str, program: &str) -> Result<Found, String> {
    let find = |directory: &str| {
        let path = Path::new("/").join(directory).join(program);
        resolve(root, &path).map(|file| Found { path, file })
    };
    if program.contains('/') {
        return match find(directory) {
            Some(found) if is_executable(&found.file) => Ok(found),
            Some(_) => Err(format!("exec: {program:?}: permission denied: unknown")),
            None => Err(format!("exec: {program:?}: stat {program}: no such file or directory: unknown")),
        };
    }
    path.split(':')
        .filter_map(find)
        .find(|found| is_executable(&found.file))
        .ok_or_else(|| format!("exec: {program:?}: executable file not found in $PATH: unknown"))
}

/// Returns the place of `path` below `root`. The image's symbolic links are followed inside the image only.
pub(super) fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut links = 0;
    let mut todo: Vec<PathBuf> = vec![path.to_owned()];
    let mut inside = PathBuf::new();
    while let Some(next) = todo.pop() {
        let mut parts = next.components();
        let Some(part) = parts.next() else { continue };
        let rest = parts.as_path().to_owned();
        if rest.components().next().is_some() {
            todo.push(rest);
        }
        match part {
            Component::RootDir | Component::Prefix(_) => inside = PathBuf::new(),
            Component::CurDir => {}
            Component::ParentDir => {
                inside.pop();
            }
            Component::Normal(name) => {
                let candidate = root.join(&inside).join(name);
                let metadata = candidate.symlink_metadata().ok()?;
                if metadata.is_symlink() {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    todo.push(candidate.read_link().ok()?);
                } else {
                    inside.push(name);
                }
            }
        }
    }
    Some(root.join(inside))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside_the_image() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("usr/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let app = bin.join("app");
        std::fs::write(&app, "").unwrap();
        std::fs::set_permissions(&app, PermissionsExt::from_mode(0o755)).unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        symlink("/../../../bin/app", bin.join("alias")).unwrap();
        symlink("loop", bin.join("loop")).unwrap();

        let find = |program: &str| executable(root.path(), "/bin", "/", program);
        let at = |path: &str| Found { path: path.into(), file: app.clone() };
        assert_eq!(find("app").unwrap(), at("/bin/app"));
        assert_eq!(find("alias").unwrap(), at("/bin/alias"));
        assert_eq!(find("/bin/app").unwrap(), at("/bin/app"));
        assert_eq!(executable(root.path(), "", "/usr", "bin/app").unwrap(), at("/usr/bin/app"));
        assert!(find("loop").unwrap_err().contains("executable file not found in $PATH"));
        assert!(find("/bin/sh").unwrap_err().contains("no such file or directory"));
    }
}
