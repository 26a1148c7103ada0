//! What sandboxes recorded while the other test executables ran, and what botocore finds in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sandbox::real_parts;
use serde::Deserialize;

use crate::python::Python;

/// Every request and answer of the stories: the binary's own, but for the stories that need a Docker Engine.
pub fn of_stories() -> Option<&'static [u8]> {
    static RECORD: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    // Those of `memory` make no call that others do not make, and a hundred thousand of them.
    RECORD
        .get_or_init(|| run("stories", &["docker::", "memory::"], Path::new(env!("CARGO_MANIFEST_DIR"))))
        .as_deref()
        .or_else(|| skip("stories"))
}

/// Every request and answer of the sandbox's own tests, whose client is neither ours nor anyone's.
pub fn of_sandbox() -> Option<&'static [u8]> {
    static RECORD: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
    RECORD.get_or_init(|| run("aws", &["docker::"], &package)).as_deref().or_else(|| skip("aws"))
}

fn skip<T>(name: &str) -> Option<T> {
    real_parts::skip(&format!("the test executable `{name}`"), "cargo test --workspace --no-run")
}

/// Runs a test executable that cargo has built beside this one, if there is one.
fn run(name: &str, skipped: &[&str], directory: &Path) -> Option<Vec<u8>> {
    let executable = newest(name)?;
    let record = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(&executable)
        .args(skipped.iter().flat_map(|part| ["--skip", part]))
        .env("SANDBOX_RECORD", record.path())
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("run a test executable");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{} failed, so its record is not whole:\n{said}", executable.display());
    has_passed(&executable, skipped);
    Some(std::fs::read(record.path()).expect("read the record"))
}

/// Tells .ci/run-test, where it asks for that, that all tests but the skipped ones have passed.
fn has_passed(executable: &Path, skipped: &[&str]) {
    let Some(path) = std::env::var_os("PASSED_TESTS") else { return };
    let line = format!("{} {}\n", executable.display(), skipped.join(" "));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("write PASSED_TESTS");
}

fn newest(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().expect("this executable");
    let beside = std::fs::read_dir(own.parent().expect("a directory")).expect("list executables");
    let wanted = beside.map(|entry| entry.expect("an entry").path()).filter(|path| {
        let hash = path.file_name().and_then(|file| file.to_str()?.strip_prefix(name)?.strip_prefix('-'));
        hash.is_some_and(|hash| hash.chars().all(|digit| digit.is_ascii_hexdigit()))
    });
    wanted.max_by_key(|path| path.metadata().and_then(|data| data.modified()).expect("its time"))
}

/// What botocore found in a record.
#[derive(Debug, Deserialize)]
pub struct Judgement {
    /// What is wrong, and how often.
    pub findings: BTreeMap<String, u64>,
    /// Listed exceptions that nothing in the record needs.
    pub unused: Vec<String>,
    /// `service:Operation`, and how many of each kind were judged.
    pub operations: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Judgement {
    /// The judgement of a script that lies beside this file.
    #[track_caller]
    pub fn by(python: &Python, script: &str, record: &[u8]) -> Self {
        let output = python.run(script, &[], record);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} failed: {said}");
        serde_json::from_slice(&output.stdout).expect("a judgement")
    }

    #[track_caller]
    pub fn finds_nothing(&self) {
        assert!(self.findings.is_empty() && self.unused.is_empty(), "{self:#?}");
        assert!(!self.operations.is_empty(), "nothing was judged");
    }

    #[track_caller]
    pub fn finds(&self, part: &str) {
        assert!(self.findings.keys().any(|finding| finding.contains(part)), "no {part:?} in {self:#?}");
    }
}
