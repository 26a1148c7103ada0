//! A workflow's text, and the lines of it that are the dropdown's options.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::{Spanned, from_str_with_options, options};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::scalar::plain_or_quoted;
use crate::failure::Failure;

/// The part of a workflow that matters here; the rest is skipped.
#[derive(Deserialize)]
struct WorkflowPart {
    on: Triggers,
}

#[derive(Deserialize)]
struct Triggers {
    workflow_dispatch: Dispatch,
}

#[derive(Deserialize)]
struct Dispatch {
    inputs: Inputs,
}

#[derive(Deserialize)]
struct Inputs {
    database: Dropdown,
}

#[derive(Deserialize)]
struct Dropdown {
    options: Vec<Spanned<String>>,
}

/// A workflow with a dropdown of databases.
#[derive(Debug)]
pub(super) struct WorkflowFile<'a> {
    text: &'a str,
    options: Vec<Spanned<String>>,
}

impl<'a> WorkflowFile<'a> {
    /// # Errors
    /// The text is no YAML, or has no `on.workflow_dispatch.inputs.database.options`.
    pub(super) fn read(text: &'a str, path: &Path) -> Result<Self, Failure> {
        let options = options! { with_snippet: false };
        let workflow: WorkflowPart = from_str_with_options(text, options).map_err(|error| {
            Failure::input(format!("{}: {error}", path.display())).hint(
                "the workflow needs an input database of type choice; fargate-migrate workflow prints one",
            )
        })?;
        let options = workflow.on.workflow_dispatch.inputs.database.options;
        if options.is_empty() {
            return Err(Failure::input(format!("{}: the input database has no options", path.display()))
                .hint("write one, as - name; the others are added to it"));
        }
        Ok(Self { text, options })
    }

    pub(super) fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(|option| option.value.as_str())
    }

    /// The text with these options: lines of options that stay are not touched, nor is a comment between them.
    pub(super) fn with_options(&self, options: &[String]) -> String {
        let there: Vec<&str> = self.options().collect();
        let wanted: Vec<&str> = options.iter().map(String::as_str).collect();
        let before: Vec<&str> = self.text.split_inclusive('\n').collect();
        let mut lines: Vec<String> = before.iter().map(|&line| line.to_owned()).collect();
        let line_of = |option: usize| {
            let line = usize::try_from(self.options[option].referenced.line()).unwrap_or_default();
            // A lone carriage return ends a line, too, for the reader of YAML.
            line.saturating_sub(1).min(before.len() - 1)
        };
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        for change in capture_diff_slices(Algorithm::Myers, &there, &wanted) {
            if matches!(change, DiffOp::Equal { .. }) {
                continue;
            }
            for removed in change.old_range() {
                lines[line_of(removed)].clear();
            }
            // New options stand before the next one that was there, or after the last one, and as it does: with its
            // indentation, and its distance from the dash.
            let next = change.old_range().start;
            let line = line_of(next.min(there.len() - 1));
            let lead = before[line].len() - before[line].trim_start_matches([' ', '-']).len();
            let new: String = wanted[change.new_range()]
                .iter()
                .map(|option| [&before[line][..lead], &plain_or_quoted(option), end].concat())
                .collect();
            let line = &mut lines[line];
            if next < there.len() {
                line.insert_str(0, &new);
            } else {
                if !line.ends_with('\n') {
                    line.push_str(end);
                }
                line.push_str(&new);
            }
        }
        lines.concat()
    }
}
