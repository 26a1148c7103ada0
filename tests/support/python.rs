//! Programs from PyPI: each set of pinned packages in a virtual environment of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox::real_parts;
use sha2::{Digest as _, Sha256};

/// A virtual environment.
#[derive(Debug)]
pub struct Python {
    directory: PathBuf,
}

/// `None` where it cannot be had.
pub fn or_skip(python: &'static Result<Python, String>) -> Option<&'static Python> {
    let skip = |reason: &String| {
        let needs = format!("python3 with venv and PyPI ({})", reason.lines().last().unwrap_or_default());
        real_parts::skip(&needs, "apt-get install python3-venv")
    };
    python.as_ref().map_or_else(skip, Some)
}

impl Python {
    /// The environment with these packages. It stays under the target directory, and is made again only when the
    /// packages or Python itself change.
    pub fn with(requirements: &str) -> Result<Self, String> {
        let version =
            output(Command::new("python3").args(["-c", "import sys; print(sys.executable, sys.version)"]))?;
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let key = Sha256::new().chain_update(&version).chain_update(requirements).finalize();
        let key: String = key.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let directory = parent.join(format!("python-{key}"));
        let complete = directory.join("complete");

        // Several tests' processes may want it at once; the lock ends with the process that holds it.
        fs::create_dir_all(parent).map_err(|error| format!("make {}: {error}", parent.display()))?;
        let path = parent.join(format!("python-{key}.lock"));
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|error| format!("lock {}: {error}", path.display()))?;

        if !complete.exists() {
            output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
            let list = directory.join("requirements.txt");
            fs::write(&list, requirements).map_err(|error| format!("write {}: {error}", list.display()))?;
            let mut pip = Command::new(directory.join("bin/pip"));
            output(
                pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"])
                    .arg(&list),
            )?;
            File::create(&complete).map_err(|error| format!("write {}: {error}", complete.display()))?;
        }
        Ok(Self { directory })
    }

    /// A program that the packages bring, such as `aws` or `zizmor`, and `python` itself.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }
}

/// What a command printed, or why it failed in its own words.
pub fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("start {program}: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} failed with {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
}
