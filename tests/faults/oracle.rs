//! Whether a day went as it must, by what the containers did.
//!
//! It shares no code with the product: it knows the simulated databases and ECS, and reads what the runs have written.

/// Whether the verdicts are so.
mod claims;
/// Whether each line of a log is there once, and in order.
mod logs;
/// Whether exit code, outputs, summary and state file tell one story.
mod one_story;
/// Whether the runs kept to what they may do: no container beside another one, nothing left, no call above the share.
mod within;

use std::path::PathBuf;

use serde_json::Value;

use crate::account::{Ended, outputs};
use crate::trial::Over;

/// All that is not as it must be, in sentences.
pub fn violations(over: &Over<'_>) -> Vec<String> {
    let mut found = Vec::new();
    within::check(over, &mut found);
    for run in over.runs {
        let mut of_run = Vec::new();
        claims::check(over, run, &mut of_run);
        one_story::check(run, &mut of_run);
        logs::check(over, run, &mut of_run);
        found.extend(of_run.into_iter().map(|what| format!("run {}: {what}", run.name)));
    }
    found
}

impl Ended {
    /// The whole result, as the run keeps it for later steps.
    pub fn result(&self) -> Value {
        let file = self.outputs().remove("result-file").unwrap_or_default();
        let text = std::fs::read_to_string(self.files.join(file)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub fn outputs(&self) -> std::collections::BTreeMap<String, String> {
        outputs(&self.read("outputs"))
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.files.join(file)).unwrap_or_default()
    }

    pub fn logs(&self) -> PathBuf {
        self.files.join("logs")
    }

    /// Each database with its verdict's word; "none" where there is none.
    pub fn verdicts(&self) -> Vec<(String, String)> {
        let result = self.result();
        let rows = result["databases"].as_array().cloned().unwrap_or_default();
        let word = |row: &Value| row["verdict"].as_str().unwrap_or("none").to_owned();
        rows.iter().map(|row| (row["database"].as_str().unwrap_or_default().to_owned(), word(row))).collect()
    }
}
