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

/// The input `database`.
#[derive(Debug, Deserialize)]
pub struct Dropdown {
    options: Vec<Spanned<String>>,
}

/// A workflow with a dropdown of databases.
#[derive(Debug)]
pub struct WorkflowFile<'a> {
    text: &'a str,
    dropdown: Dropdown,
}

impl<'a> WorkflowFile<'a> {
    /// # Errors
    /// The text is no YAML, or has no `on.workflow_dispatch.inputs.database.options`.
    pub fn read(text: &'a str, path: &Path) -> Result<Self, Failure> {
        let options = options! { with_snippet: false };
        let workflow: WorkflowPart = from_str_with_options(text, options).map_err(|error| {
            Failure::input(format!("{}: {error}", path.display())).hint(
                "the workflow needs an input database of type choice; fargate-migrate workflow prints one",
            )
        })?;
        let dropdown = workflow.on.workflow_dispatch.inputs.database;
        if dropdown.options.is_empty() {
            return Err(Failure::input(format!("{}: the input database has no options", path.display()))
                .hint("write one, as - name; the others are added to it"));
        }
        Ok(Self { text, dropdown })
    }

    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.dropdown.options.iter().map(|option| option.value.as_str())
    }

    /// The text with these options: lines of options that stay are not touched, nor is a comment between them.
    pub fn with_options(&self, options: &[String]) -> String {
        let there: Vec<&str> = self.options().collect();
        let wanted: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut lines: Vec<YamlLine<'a>> = self.text.split_inclusive('\n').map(YamlLine::new).collect();
        for operation in capture_diff_slices(Algorithm::Myers, &there, &wanted) {
            let (old, new) = match operation {
                DiffOp::Equal { .. } => continue,
                DiffOp::Delete { old_index, old_len, .. } => (old_index..old_index + old_len, 0..0),
                DiffOp::Insert { old_index, new_index, new_len } => {
                    (old_index..old_index, new_index..new_index + new_len)
                }
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    (old_index..old_index + old_len, new_index..new_index + new_len)
                }
            };
            for removed in old.clone() {
                if let Some(line) = lines.get_mut(self.line(removed)) {
                    line.is_kept = false;
                }
            }
            // New options stand before the next one that was there, or after the last one.
            let (at, before) = match old.start < there.len() {
                true => (self.line(old.start), true),
                false => (self.line(there.len() - 1), false),
            };
            let Some(line) = lines.get_mut(at) else { continue };
            let list = if before { &mut line.before } else { &mut line.after };
            list.extend(new.map(|index| plain_or_quoted(wanted[index])));
        }
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        lines.iter().map(|line| line.printed(end)).collect()
    }

    /// The line, counted from 0, of an option.
    fn line(&self, option: usize) -> usize {
        let place = self.dropdown.options[option].referenced.line();
        usize::try_from(place).unwrap_or_default().saturating_sub(1)
    }
}

/// A line of the workflow, with what is put before and after it.
struct YamlLine<'a> {
    text: &'a str,
    is_kept: bool,
    before: Vec<String>,
    after: Vec<String>,
}

impl<'a> YamlLine<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, is_kept: true, before: Vec::new(), after: Vec::new() }
    }

    /// New options stand as this one does: its indentation, and its distance from the dash.
    fn printed(&self, end: &str) -> String {
        let lead = self.text.len() - self.text.trim_start_matches([' ', '-']).len();
        let mut out = String::new();
        for option in &self.before {
            out.extend([&self.text[..lead], option, end]);
        }
        if self.is_kept {
            out.push_str(self.text);
        }
        for option in &self.after {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push_str(end);
            }
            out.extend([&self.text[..lead], option, end]);
        }
        out
    }
}
