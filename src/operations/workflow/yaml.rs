//! A workflow's text, and the lines of it that are a dropdown's options.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::{Spanned, from_str_with_options, options};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::offered::{Input, NONE, Offered};
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
    database: Option<InputPart>,
    named: Option<InputPart>,
}

#[derive(Deserialize)]
struct InputPart {
    r#type: Option<String>,
    options: Option<Vec<Spanned<String>>>,
}

impl InputPart {
    /// Returns the options; `None` for an input that is not a dropdown.
    fn into_options(self) -> Option<Vec<Spanned<String>>> {
        let is_choice = self.r#type.as_deref() == Some("choice");
        self.options.or_else(|| is_choice.then(Vec::new))
    }
}

/// A workflow with a dropdown of databases, of commands, or of both.
#[derive(Debug)]
pub(super) struct WorkflowFile<'a> {
    text: &'a str,
    dropdowns: Vec<Dropdown>,
}

#[derive(Debug)]
pub(super) struct Dropdown {
    pub input: Input,
    /// Those that the configuration file has a say in.
    options: Vec<Spanned<String>>,
    /// The choice of no database, where it is the workflow's own.
    has_none: bool,
}

impl<'a> WorkflowFile<'a> {
    /// Reads the dropdowns of a workflow.
    ///
    /// # Errors
    /// The text is not YAML, has no `on.workflow_dispatch.inputs`, or there is no dropdown among them that is known.
    pub(super) fn read(text: &'a str, offered: &Offered, path: &Path) -> Result<Self, Failure> {
        const PRINTS: &str = "the workflow needs an input database or named of type choice; fargate-migrate workflow prints them";
        let path = path.display();
        let options = options! { with_snippet: false };
        let workflow: WorkflowPart = from_str_with_options(text, options)
            .map_err(|error| Failure::input(format!("{path}: {error}")).hint(PRINTS))?;
        let Inputs { database, named } = workflow.on.workflow_dispatch.inputs;
        let [database, named] = [database, named].map(|input| input.and_then(InputPart::into_options));
        // A command may need no database, so with a dropdown of commands that choice is the workflow's own.
        let keeps_none = named.is_some() && !offered.databases.iter().any(|name| name == NONE);
        let mut dropdowns = Vec::new();
        for (input, options) in [(Input::Database, database), (Input::Named, named)] {
            let Some(mut options) = options else { continue };
            let all = options.len();
            if input == Input::Database && keeps_none {
                options.retain(|option| option.value != NONE);
            }
            let has_none = options.len() < all;
            if options.is_empty() {
                return Err(Failure::input(format!("{path}: the input {} has no options", input.name()))
                    .hint("write one, as - name; the others are added to it"));
            }
            dropdowns.push(Dropdown { input, options, has_none });
        }
        if dropdowns.is_empty() {
            return Err(Failure::input(format!(
                "{path}: no input is a dropdown of databases or of commands"
            ))
            .hint(PRINTS));
        }
        Ok(Self { text, dropdowns })
    }

    pub(super) fn text(&self) -> &str {
        self.text
    }

    pub(super) fn dropdowns(&self) -> &[Dropdown] {
        &self.dropdowns
    }

    /// Returns the text with these options in its dropdowns.
    ///
    /// # Errors
    /// The configuration file lists nothing that a dropdown could offer.
    pub(super) fn with_options(&self, offered: &Offered) -> Result<String, Failure> {
        let before: Vec<&str> = self.text.split_inclusive('\n').collect();
        let mut lines: Vec<String> = before.iter().map(|&line| line.to_owned()).collect();
        for dropdown in &self.dropdowns {
            dropdown.edit(offered.by(dropdown.input)?, &before, &mut lines);
        }
        Ok(lines.concat())
    }
}

impl Dropdown {
    pub(super) fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(|option| option.value.as_str())
    }

    /// Returns the option that stays, whatever the configuration file lists.
    pub(super) fn kept(&self) -> impl Iterator<Item = &str> {
        self.has_none.then_some(NONE).into_iter()
    }

    /// Gives it these options: lines of options that stay are not touched, nor is a comment between them.
    fn edit(&self, options: &[String], before: &[&str], lines: &mut [String]) {
        let there: Vec<&str> = self.options().collect();
        let wanted: Vec<&str> = options.iter().map(String::as_str).collect();
        let line_of = |option: usize| {
            let line = usize::try_from(self.options[option].referenced.line()).unwrap_or_default();
            // A lone carriage return ends a line, too, for the reader of YAML.
            line.saturating_sub(1).min(before.len() - 1)
        };
        let end = if before.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
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
    }
}
