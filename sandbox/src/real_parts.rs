//! The real parts that some tests need, such as a Docker Engine, and how a test without its part is skipped in sight.
//!
//! `cargo test` shows nothing that a passing test prints with the macros, so what is said here is written past them.
//! It is recorded as well, and the test binary that runs last, `tests/skipped.rs`, lists what the whole run lacked.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// When it is set, a test that lacks its real part fails.
pub const REQUIRED: &str = "REQUIRE_REAL_PARTS";

/// Says that this test proves nothing here, because a part is missing, and how to get that part. Returns `None`, for
/// the part.
///
/// # Panics
/// When REQUIRE_REAL_PARTS is set.
#[track_caller]
pub fn skip<T>(needs: &str, get: &str) -> Option<T> {
    let part = format!("{needs}, get it with: {get}").replace('\n', " ");
    assert!(std::env::var_os(REQUIRED).is_none(), "this test needs {part}");
    // libtest names the thread after the test, unless it has one thread: then it has said the name already.
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").map(|name| format!("{name} "));
    say(&format!("{}skipped: needs {part}\n", test.unwrap_or_default()));
    let file = OpenOptions::new().create(true).append(true).open(record());
    // Without the record, the line above still stands.
    let _ = file.and_then(|mut file| file.write_all(format!("{}\t{part}\n", run()).as_bytes()));
    None
}

/// Returns whether a Docker Engine answers. Where none does, the test is to be skipped, which is said.
///
/// # Panics
/// When none answers and REQUIRE_REAL_PARTS is set.
#[track_caller]
pub fn docker_engine() -> bool {
    let mut version = Command::new("docker");
    version.args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null());
    version.output().is_ok_and(|output| output.status.success())
        || skip::<()>("a Docker Engine", "apt-get install docker.io && dockerd &").is_some()
}

/// Lists every part that the tests of this run lacked, and forgets the runs before.
pub fn list_missing() {
    let said = fs::read_to_string(record()).unwrap_or_default();
    let _ = fs::remove_file(record());
    let run = run();
    let of_this_run = said.lines().filter_map(|line| line.split_once('\t')).filter(|(of, _)| *of == run);
    let missing: BTreeSet<&str> = of_this_run.map(|(_, part)| part).collect();
    if !missing.is_empty() {
        let parts: String = missing.iter().map(|part| format!("- {part}\n")).collect();
        say(&format!(
            "\ntests were skipped, because real parts are missing ({REQUIRED}=1 fails instead):\n{parts}"
        ));
    }
}

/// Writes to the stderr of the process. The capture of a test's output is in the print macros alone.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns the path of the record, next to the directory of the test binaries, which all runs of a checkout share.
fn record() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    binary.ancestors().nth(2).map(PathBuf::from).unwrap_or_default().join("skipped-tests")
}

/// Identifies the run: the process that starts one test binary after another, and when that process began, because
/// its number alone comes again.
fn run() -> String {
    let cargo = std::os::unix::process::parent_id();
    let stat = fs::read_to_string(format!("/proc/{cargo}/stat")).unwrap_or_default();
    // The start time is the 22nd field; the second one is a name in parentheses that may contain anything.
    let began = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(19));
    format!("{cargo} {}", began.unwrap_or_default())
}
