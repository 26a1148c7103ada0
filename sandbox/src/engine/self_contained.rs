//! Which programs need nothing of their image but themselves, and can run as plain processes of this machine.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::rootfs::resolve;

/// As much as the kernel reads of a script's first line, and more than the program headers of an executable take.
const HEAD: u64 = 4096;
const ELF: &[u8] = b"\x7fELF";

/// Returns whether a program is a static executable, in an image that brings no shell and no loader for others.
pub(super) fn is_self_contained(tree: &Path, file: &Path) -> bool {
    head(file).is_ok_and(|head| is_static(&head)) && !has_others(tree)
}

/// Returns whether the kernel takes a file for a program: a script, or an executable of this machine's architecture.
///
/// # Errors
/// The file cannot be read.
pub(super) fn is_executable_here(file: &Path) -> io::Result<bool> {
    let (there, here) = (head(file)?, head(Path::new("/proc/self/exe"))?);
    Ok(there.starts_with(b"#!") || (there.starts_with(ELF) && there.get(18..20) == here.get(18..20)))
}

fn head(file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// Looks for PT_INTERP in a 64-bit little-endian ELF executable, the only kind that runs on Fargate's platforms.
fn is_static(head: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(bytes)?)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let index = |at, bytes| number(at, bytes).and_then(|number| usize::try_from(number).ok());
    let kinds = || {
        let (table, size, count) = (index(32, 8)?, index(54, 2)?, index(56, 2)?);
        (0..count).map(|entry| number(table.checked_add(entry * size)?, 4)).collect::<Option<Vec<u64>>>()
    };
    head.starts_with(b"\x7fELF\x02\x01") && kinds().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

/// Looks for a shell, and for the loaders of glibc and musl, where every distribution has them.
fn has_others(tree: &Path) -> bool {
    let exists = |path: &str| resolve(tree, Path::new(path)).is_some_and(|file| file.exists());
    let has_loader = |directory: &str| {
        let entries = resolve(tree, Path::new(directory)).and_then(|directory| directory.read_dir().ok());
        entries.into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name();
            ["ld-linux", "ld-musl-"].iter().any(|start| name.as_encoded_bytes().starts_with(start.as_bytes()))
        })
    };
    exists("/bin/sh") || has_loader("/lib") || has_loader("/lib64")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A static executable's header and one program header: PT_LOAD.
    fn executable(kind: u8) -> Vec<u8> {
        let mut head = vec![0; 64 + 56];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let here = super::head(Path::new("/proc/self/exe")).unwrap();
        head[18..20].copy_from_slice(&here[18..20]);
        (head[32], head[54], head[56]) = (64, 56, 1);
        head[64] = kind;
        head
    }

    #[test]
    fn an_executable_without_a_loader_is_static() {
        assert!(is_static(&executable(1)));
        assert!(!is_static(&executable(3)));
        assert!(!is_static(&head(&std::env::current_exe().unwrap()).unwrap()), "this test has a loader");
        for other in ["", "#!/bin/sh", "\x7fELF\x02\x01"] {
            assert!(!is_static(other.as_bytes()), "{other}");
        }
        for length in 0..120 {
            assert!(!is_static(&executable(1)[..length]) || length >= 68, "{length}");
        }
    }

    #[test]
    fn an_image_with_a_shell_or_a_loader_is_more_than_one_program() {
        let tree = tempfile::tempdir().unwrap();
        let program = tree.path().join("app");
        std::fs::write(&program, executable(1)).unwrap();
        assert!(is_self_contained(tree.path(), &program));
        for (directory, file) in
            [("bin", "sh"), ("lib", "ld-musl-x86_64.so.1"), ("usr/lib64", "ld-linux-x86-64.so.2")]
        {
            let tree = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink("usr/lib64", tree.path().join("lib64")).unwrap();
            std::fs::create_dir_all(tree.path().join(directory)).unwrap();
            assert!(is_self_contained(tree.path(), &program), "{directory}");
            std::fs::write(tree.path().join(directory).join(file), "").unwrap();
            assert!(!is_self_contained(tree.path(), &program), "{file}");
        }
        let script = tree.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(!is_self_contained(tree.path(), &script), "it needs its interpreter");
    }

    #[test]
    fn the_kernel_takes_scripts_and_executables_of_its_architecture() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let mut foreign = executable(1);
        foreign[18] ^= 1;
        for (content, executable) in [
            (&b"#!/bin/sh"[..], true),
            (&executable(1), true),
            (&foreign, false),
            (b"echo", false),
            (b"", false),
        ] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(is_executable_here(&file).unwrap(), executable, "{content:?}");
        }
    }
}
