//! Static executables made from Rust source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// What `--binary` takes.
pub fn static_program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &PROGRAM.get_or_init(|| compiled(PROGRAM_SOURCE)).1
}

/// A static executable `app`, in a directory that is to be kept with it.
pub fn compiled(source: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, program) = (directory.path().join("app.rs"), directory.path().join("app"));
    std::fs::write(&file, source).expect("write the source");
    let status = Command::new("rustc")
        .args(["--edition=2024", "-Copt-level=0", "-Cstrip=symbols", "-Ctarget-feature=+crt-static", "-o"])
        .args([&program, &file])
        .status()
        .expect("run rustc");
    assert!(status.success(), "rustc made no static program");
    (directory, program)
}

/// Speaks the report protocol for the database that DATABASE_NAME names, without a database.
const PROGRAM_SOURCE: &str = r#"
fn main() {
    let database = std::env::var("DATABASE_NAME").unwrap_or("production_default".into());
    let password = std::env::var("DATABASE_PASSWORD").is_ok();
    println!("migrating as {:?}, password {}", std::env::args().collect::<Vec<_>>(), if password { "set" } else { "missing" });
    println!(
        "{{\"migration_report\":{{\"version\":1,\"database\":\"{database}\",\"applied\":[],\"pending\":0,\"current\":\"1\",\"tables\":1,\"ms\":1}}}}"
    );
}
"#;
