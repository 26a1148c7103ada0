//! A test that is skipped is seen to be, and the end of the run lists what it lacked.

use std::path::Path;
use std::process::{Command, Output};

use sandbox::real_parts::{REQUIRED, list_missing, skip};

/// What a test of a child process does, instead of starting children.
const PART: &str = "PLAY";
const TEST: &str = "a_skipped_test_is_seen_and_its_part_is_listed_once";

/// This file's tests in a process of their own that plays a part. Its output is captured as ever.
fn play(binary: &Path, part: &str, required: bool) -> Output {
    let mut tests = Command::new(binary);
    tests.args(["--test-threads=2", "--exact", TEST]).env(PART, part).env_remove(REQUIRED);
    if required {
        tests.env(REQUIRED, "1");
    }
    tests.output().expect("run this file's tests")
}

#[test]
fn a_skipped_test_is_seen_and_its_part_is_listed_once() {
    match std::env::var(PART).as_deref() {
        Ok("skip") => {
            let part: Option<()> = skip("a unicorn", "a lot of\nluck");
            return assert_eq!(part, None);
        }
        Ok(_) => return list_missing(),
        Err(_) => (),
    }
    // Elsewhere, so that the record of the run that this test belongs to stays as it is.
    let directory = tempfile::tempdir().expect("a directory");
    let binary = directory.path().join("deps/tests");
    std::fs::create_dir(directory.path().join("deps")).expect("a directory");
    std::fs::copy(std::env::current_exe().expect("this binary"), &binary).expect("copy it");

    let line = format!("{TEST} skipped: needs a unicorn, get it with: a lot of luck\n");
    for _ in 0..2 {
        let skipped = play(&binary, "skip", false);
        assert!(skipped.status.success(), "{skipped:?}");
        assert_eq!(String::from_utf8_lossy(&skipped.stderr), line);
    }
    let listed = "\ntests were skipped, because real parts are missing (REQUIRE_REAL_PARTS=1 fails instead):\n\
                  - a unicorn, get it with: a lot of luck\n";
    for expected in [listed, ""] {
        assert_eq!(String::from_utf8_lossy(&play(&binary, "list", false).stderr), expected);
    }
    std::fs::write(directory.path().join("skipped-tests"), "1 1\ta part that an earlier run lacked\n")
        .expect("write");
    assert_eq!(String::from_utf8_lossy(&play(&binary, "list", false).stderr), "");

    let required = play(&binary, "skip", true);
    assert_eq!(required.status.code(), Some(101), "{required:?}");
    assert!(String::from_utf8_lossy(&required.stdout).contains("this test needs a unicorn"), "{required:?}");
}
