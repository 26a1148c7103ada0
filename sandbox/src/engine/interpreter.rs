//! What a program of an image needs besides itself. A process of this machine would get this machine's instead.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::rootfs::resolve;

/// As much as the kernel reads of a script's first line, and more than the program headers of an executable take.
const HEAD: u64 = 4096;

/// Refuses a program that the image brings an interpreter or a loader for: as a process it would run with this machine's,
/// and without the image's packages and libraries. What the image does not bring, it does not mean to use.
///
/// # Errors
/// What to do instead.
pub(super) fn refuse(root: &Path, file: &Path, program: &str) -> Result<(), String> {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    // A file that cannot be read cannot be started either, and the kernel says why.
    let (Ok(_), Some((needs, kind))) = (read, needed(&head)) else { return Ok(()) };
    match resolve(root, &needs).filter(|file| file.exists()) {
        Some(_) => Err(format!(
            "{program} is {kind}, which the process engine of the sandbox would start outside of the image, with {} of this \
             machine: use --engine docker",
            needs.display()
        )),
        None => Ok(()),
    }
}

/// The interpreter that a program names, and what kind of program does so.
fn needed(head: &[u8]) -> Option<(PathBuf, &'static str)> {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = String::from_utf8_lossy(line);
        let word = line.lines().next()?.split_whitespace().next()?;
        return Some((word.into(), "a script"));
    }
    Some((loader(head)?.into(), "a program with shared libraries"))
}

/// PT_INTERP of a 64-bit little-endian ELF executable, the only kind that runs on Fargate's platforms.
fn loader(head: &[u8]) -> Option<String> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(bytes)?)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let index = |at, bytes| number(at, bytes).and_then(|number| usize::try_from(number).ok());
    let (table, size, count) = (index(32, 8)?, index(54, 2)?, index(56, 2)?);
    let entry = (0..count)
        .filter_map(|entry| table.checked_add(entry * size))
        .find(|at| number(*at, 4) == Some(PT_INTERP))?;
    let (offset, length) = (index(entry.checked_add(8)?, 8)?, index(entry.checked_add(32)?, 8)?);
    let name = head.get(offset..offset.checked_add(length)?)?;
    Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_name_their_interpreter() {
        let script = |line: &str| needed(line.as_bytes()).map(|(path, _)| path.display().to_string());
        assert_eq!(script("#!/usr/bin/python3\nimport x"), Some("/usr/bin/python3".into()));
        assert_eq!(script("#! /usr/bin/env python3"), Some("/usr/bin/env".into()));
        assert_eq!(script("#!"), None);
        assert_eq!(script("echo no interpreter"), None);
    }

    #[test]
    fn this_test_has_a_loader_and_a_broken_head_has_none() {
        let mut head = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        head.truncate(4096);
        let (path, _) = needed(&head).unwrap();
        assert!(path.exists(), "{}", path.display());
        for length in 0..head.len() {
            let _ = needed(&head[..length]);
        }
        assert_eq!(needed(&head[..64]), None);
    }

    #[test]
    fn what_the_image_brings_is_not_replaced_by_this_machines() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        let file = root.path().join("usr/bin/alembic");
        std::fs::write(&file, "#!/usr/bin/python3\n").unwrap();
        assert_eq!(refuse(root.path(), &file, "alembic"), Ok(()));
        std::fs::write(root.path().join("usr/bin/python3.13"), "").unwrap();
        std::os::unix::fs::symlink("python3.13", root.path().join("usr/bin/python3")).unwrap();
        let refusal = refuse(root.path(), &file, "alembic").unwrap_err();
        assert!(
            refusal.starts_with("alembic is a script") && refusal.ends_with("use --engine docker"),
            "{refusal}"
        );
    }
}
