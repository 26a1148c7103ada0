//! Python programs that judge.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

pub use crate::environment::Python;
use crate::environment::{or_skip, output};

/// The judges: boto3, botocore, the AWS CLI, moto. `None` where they cannot be had.
pub fn python() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements.txt"))))
}

/// MiniStack, which needs an older botocore than the judges.
pub fn ministack() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements-ministack.txt"))))
}

impl Python {
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
