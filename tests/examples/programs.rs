use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::support::docker::docker_says;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The sandbox, which starts containers of the process engine: this test's own package has no right to a program of
/// another one, so cargo makes sure that it is built.
pub async fn sandbox() -> &'static Path {
    static SANDBOX: OnceCell<PathBuf> = OnceCell::const_new();
    SANDBOX.get_or_init(|| async { built(&mut cargo(), &["--bin", "sandbox"]) }).await
}

/// The witness as the Action's image has it, where ACTION_IMAGE names one; else as cargo builds it here, static.
pub async fn witness() -> &'static Path {
    static EXECUTABLE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let made = || async {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        match std::env::var("ACTION_IMAGE") {
            Ok(image) => copy_out_of(&image, &path),
            Err(_) => drop(std::fs::copy(static_witness(), &path).expect("copy the witness")),
        }
        (directory, path)
    };
    &EXECUTABLE.get_or_init(made).await.1
}

fn copy_out_of(image: &str, to: &Path) {
    let container = docker_says(&["create", image]);
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let from = format!("{container}:/usr/bin/witness-{machine}");
    docker_says(&["cp", &from, &to.display().to_string()]);
    docker_says(&["rm", &container]);
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn static_witness() -> PathBuf {
    let version = cargo().arg("-vV").output().expect("run cargo");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", host.replace('-', "_").to_uppercase());
    let mut cargo = cargo();
    cargo.env(variable, "-C target-feature=+crt-static");
    // A RUSTFLAGS of the caller would replace the one that makes it static.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    built(&mut cargo, &["--package", "witness", "--target", host])
}

/// Builds a program, and returns its path.
fn built(cargo: &mut Command, what: &[&str]) -> PathBuf {
    cargo.args(["build", "--locked", "--message-format", "json-render-diagnostics"]).args(what);
    let output = cargo.current_dir(ROOT).output().expect("run cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().expect("an executable")
}
