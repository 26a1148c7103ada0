//! The workflows and action.yml, read as YAML.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::environment::{Python, or_skip};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// zizmor, check-jsonschema and act. `None` where they cannot be had.
pub fn python() -> Option<&'static Python> {
    static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
    or_skip(PYTHON.get_or_init(|| Python::with(include_str!("requirements.txt"))))
}

/// The paths of the workflows, relative to the root and sorted.
pub fn workflows() -> Vec<PathBuf> {
    let directory = Path::new(".github/workflows");
    let entries = std::fs::read_dir(root().join(directory)).expect("list .github/workflows");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| directory.join(entry.expect("an entry").file_name())).collect();
    paths.sort();
    paths
}

/// A file of the repository as YAML.
#[track_caller]
pub fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The jobs of a workflow, by id.
pub fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().expect("jobs").iter()
}

/// The steps of a job.
pub fn steps(job: &Value) -> &[Value] {
    job["steps"].as_array().map(Vec::as_slice).unwrap_or_default()
}
