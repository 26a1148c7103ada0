//! Python programs that judge: each set of pinned packages in a virtual environment of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// A virtual environment.
#[derive(Debug)]
pub struct Python {
    directory: PathBuf,
}

/// The judges: boto3, botocore, the AWS CLI, moto. `None` where they can not be had, said aloud; with
/// REQUIRE_REAL_PARTS that is a failure.
pub fn python() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements.txt"))))
}

/// MiniStack, which needs an older botocore than the judges.
pub fn ministack() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements-ministack.txt"))))
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn or_skip(python: &'static Result<Python, String>) -> Option<&'static Python> {
    match python {
        Ok(python) => Some(python),
        Err(reason) => {
            let message = "needs python3 with venv and PyPI, get it with `apt-get install python3-venv`";
            assert!(std::env::var_os("REQUIRE_REAL_PARTS").is_none(), "this test {message}: {reason}");
            println!("skipped: {message} ({reason})");
            None
        }
    }
}

impl Python {
    /// The environment with these packages. It stays under the target directory, and is made again only when the
    /// packages or Python itself change.
    fn with(requirements: &str) -> Result<Self, String> {
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

    /// A program that the packages bring: `aws`, `moto_server`, `ministack`, and `python` itself.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// Runs a script that lies beside this file, without the caller's AWS settings.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[&str], stdin: impl AsRef<[u8]> + Send) -> Output {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity").join(script);
        let mut command = Command::new(self.program("python"));
        // -B: no compiled files beside the scripts.
        command.arg("-B").arg(&path).args(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("start {script}: {error}"));
        let mut pipe = child.stdin.take().expect("piped");
        std::thread::scope(|scope| {
            // A script that ends without reading everything says so by its status.
            scope.spawn(move || pipe.write_all(stdin.as_ref()));
            child.wait_with_output().unwrap_or_else(|error| panic!("wait for {script}: {error}"))
        })
    }
}

/// What a command printed, or why it failed in its own words.
fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("start {program}: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} failed with {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
}

#[test]
fn packages_are_there_in_the_pinned_versions() {
    let Some(python) = python() else { return };
    let script =
        "import importlib.metadata as m, sys; print(*(f'{p}=={m.version(p)}' for p in sys.argv[1:]))";
    let packages = ["awscli", "boto3", "botocore", "moto"];
    let mut installed = Command::new(python.program("python"));
    let said = output(installed.args(["-c", script]).args(packages)).expect("ask for versions");
    let pins = include_str!("requirements.txt").replace("[server]", "");
    for package in String::from_utf8_lossy(&said).split_whitespace() {
        assert!(pins.lines().any(|pin| pin == package), "{package} is installed and not pinned");
    }
}
