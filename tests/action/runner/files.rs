//! A stage's own command files.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::RUNNER_USER;

/// One file of each kind.
pub struct Files(BTreeMap<&'static str, PathBuf>);

impl Files {
    pub fn create(directory: &Path, stage: &str) -> Self {
        let kinds = ["set_output", "set_env", "add_path", "save_state", "step_summary"];
        Self(
            kinds
                .into_iter()
                .map(|kind| {
                    let path = directory.join(format!("{kind}_{stage}"));
                    std::fs::write(&path, "").expect("make a command file");
                    let _ = chown(&path, Some(RUNNER_USER), Some(RUNNER_USER));
                    (kind, path)
                })
                .collect(),
        )
    }

    pub fn environment(&self) -> impl Iterator<Item = (String, String)> {
        let names = HashMap::from([
            ("set_output", "GITHUB_OUTPUT"),
            ("set_env", "GITHUB_ENV"),
            ("add_path", "GITHUB_PATH"),
            ("save_state", "GITHUB_STATE"),
            ("step_summary", "GITHUB_STEP_SUMMARY"),
        ]);
        self.0.iter().map(move |(kind, path)| (names[kind].to_owned(), path.display().to_string()))
    }

    pub fn read(&self, kind: &str) -> String {
        std::fs::read_to_string(&self.0[kind]).expect("read a command file")
    }
}
