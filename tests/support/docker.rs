//! The Docker Engine, by its own program.

use std::process::{Command, Output, Stdio};

/// What the engine keeps of a sandbox's repository: built there, or pulled from it.
pub struct EngineImages {
    repository: String,
}

impl EngineImages {
    pub fn of(repository: &str) -> Self {
        Self { repository: repository.to_owned() }
    }
}

impl Drop for EngineImages {
    fn drop(&mut self) {
        // By name, not by id: the same image has other names, which other stories use.
        for (format, nameless) in
            [("{{.Repository}}:{{.Tag}}", ":<none>"), ("{{.Repository}}@{{.Digest}}", "@<none>")]
        {
            let listed = docker(&["images", "--digests", "--format", format, &self.repository]);
            let names = String::from_utf8_lossy(&listed.stdout).into_owned();
            for name in names.lines().filter(|name| !name.ends_with(nameless)) {
                docker(&["image", "rm", name]);
            }
        }
    }
}

pub fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).stdin(Stdio::null()).output().expect("run docker")
}

pub fn docker_says(arguments: &[&str]) -> String {
    let output = docker(arguments);
    assert!(output.status.success(), "docker {arguments:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
