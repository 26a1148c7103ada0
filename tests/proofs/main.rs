//! What the compiler holds: no proof is made by hand, and nothing but a proof of all gets through where one is demanded.
//!
//! rustc compiles against the library that cargo has built for this test: a harness that builds the library once more
//! would check the AWS SDK crates once more, which takes minutes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: &str = "tests/proofs/refused";

/// No program in `refused` compiles, and the snapshot beside each has the reason.
#[test]
fn a_proof_is_made_by_a_verdict_alone() {
    let built = built();
    let mut programs: Vec<PathBuf> = std::fs::read_dir(PROGRAMS)
        .expect("list programs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .collect();
    programs.sort();
    assert!(!programs.is_empty(), "no program in {PROGRAMS}");
    for program in programs {
        let said = refused(&program, &built);
        insta::with_settings!({
            snapshot_path => "refused",
            prepend_module_to_snapshot => false,
            omit_expression => true,
            // Where something stands in the library is no reason.
            filters => [
                (r"(?m)^ +--> ", "--> "),
                (r"(?m)^--> (src/[^:]+):\d+:\d+$", "--> $1"),
                (r"(?m)^ *\d* *\|", "|"),
                (r"(?m)^ +=", "="),
            ],
        }, {
            insta::assert_snapshot!(program.file_stem().and_then(OsStr::to_str), said);
        });
    }
}

/// A program that uses the library rightly compiles: what is refused is not refused for want of the library.
#[test]
fn what_is_right_compiles() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("right.rs");
    let text =
        "use fargate_migrate::verdict::AllMigrated;\nfn main() { let _: Option<&AllMigrated> = None; }\n";
    std::fs::write(&program, text).expect("write a program");
    let output = compile(&program, &built());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns why a program does not compile.
fn refused(program: &Path, built: &Path) -> String {
    let output = compile(program, built);
    assert!(!output.status.success(), "{} compiles", program.display());
    let said = String::from_utf8(output.stderr).expect("rustc speaks UTF-8");
    let end = said.find("error: aborting due to").unwrap_or(said.len());
    said[..end].trim_end().to_owned()
}

fn compile(program: &Path, built: &Path) -> std::process::Output {
    // A directory of its own: rustc puts a new file in the place of what `-o` names, even of a device.
    let directory = tempfile::tempdir().expect("a directory");
    Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--out-dir"])
        .arg(directory.path())
        .arg("--extern")
        .arg(format!("fargate_migrate={}", built.display()))
        .arg("-L")
        .arg(format!("dependency={}", built.parent().expect("a directory").display()))
        .arg(program)
        .output()
        .expect("run rustc")
}

/// Finds the library that is linked to this test: the one that was built last.
fn built() -> PathBuf {
    let own = std::env::current_exe().expect("this executable");
    let beside = std::fs::read_dir(own.parent().expect("a directory")).expect("list libraries");
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.starts_with("libfargate_migrate-") && name.ends_with(".rlib")
    };
    let libraries = beside.map(|entry| entry.expect("an entry").path()).filter(is_library);
    let time = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).expect("its time");
    libraries.max_by_key(time).expect("the library is built before its tests")
}
