//! Finds the executable of the witness for a platform.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::executable::{self, Platform};
use crate::bounded_file;
use crate::failure::Failure;
use crate::witness::layer::Layer;

/// Bytes: it is held in memory. The witness has about 4 MB.
const LARGEST: u64 = 64 << 20;

/// Makes the layer with the witness for a platform, `linux/amd64`: of the file at `path`, or of `witness-amd64` beside
/// this program.
///
/// # Errors
/// There is no such file, or it is not a static executable for the platform.
pub(crate) fn witness(path: Option<&Path>, platform: &str) -> Result<Layer> {
    let platform = Platform::find(platform)?;
    let path = match path {
        Some(path) => path.to_owned(),
        None => beside(&std::env::current_exe().context("find this program")?, platform)?,
    };
    let program = bounded_file::read(&path, LARGEST).map_err(|error| {
        Failure::input(format!("read the witness {}: {error}", path.display()))
            .hint("give the path of its executable with --witness-executable")
    })?;
    executable::check(&program, &path, platform)?;
    Layer::of(&program).with_context(|| format!("make a layer of {}", path.display()))
}

/// Returns the path of the witness that lies beside a program.
///
/// # Errors
/// There is none for the platform.
fn beside(program: &Path, platform: Platform) -> Result<PathBuf, Failure> {
    let directory = program.parent().unwrap_or(Path::new("/"));
    let name = format!("witness-{}", platform.architecture);
    let path = directory.join(&name);
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::input(format!("no witness for linux/{}: {name} is not in {}", platform.architecture, directory.display()))
        .hint(format!(
            "use the released image of the Action, which has it; or build it (cargo build --release --package witness \
             --target {}-musl) and give its path with --witness-executable",
            platform.target
        )))
}

#[cfg(test)]
mod tests {
    use super::super::executable::tests::tiny_static;
    use super::*;

    #[test]
    fn the_executable_beside_the_program_is_that_of_the_platform() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("fargate-migrate");
        for (platform, machine) in [("linux/amd64", 62), ("linux/arm64", 183)] {
            let known = Platform::find(platform).unwrap();
            let failure = beside(&program, known).unwrap_err();
            let architecture = known.architecture;
            assert!(
                failure
                    .message
                    .starts_with(&format!("no witness for {platform}: witness-{architecture} is not in"))
            );
            let path = directory.path().join(format!("witness-{architecture}"));
            std::fs::write(&path, tiny_static(machine, b"witness")).unwrap();
            assert_eq!(beside(&program, known).unwrap(), path);
            let layer = witness(Some(&path), platform).unwrap();
            assert_eq!(layer, Layer::of(&tiny_static(machine, b"witness")).unwrap());
        }
    }

    #[test]
    fn what_is_not_for_the_platform_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("witness");
        let refused = |platform: &str| {
            let error = witness(Some(&path), platform).unwrap_err();
            Failure::find(&error).cloned().unwrap_or_else(|| panic!("{error:#}")).message
        };
        assert!(refused("linux/amd64").starts_with("read the witness "));
        std::fs::write(&path, tiny_static(183, b"")).unwrap();
        assert!(refused("linux/amd64").contains("made for arm64"));
        assert!(refused("windows/amd64").contains("no image can be made for platform"));
        std::fs::write(&path, "#!/bin/sh").unwrap();
        assert!(refused("linux/amd64").contains("not a Linux executable"));
    }
}
