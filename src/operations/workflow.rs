//! The dropdown of the workflow that migrates. On GitHub it is static YAML, so this makes it from the configuration
//! file, says when the two differ, and edits the workflow's list in place.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::printing::print;
use crate::bounded_file;
use crate::cli;
use crate::config::{DEFAULT_PATH, Fleet};
use crate::database_name::ALL;
use crate::failure::{ExitCode, Failure};
use crate::untrusted::lines;

mod yaml;
mod scalar;

use yaml::WorkflowFile;

/// `fargate-migrate workflow`: prints what there is to say.
///
/// # Errors
/// No file lists databases; the workflow can not be read or has no such list; or, with `--check`, the lists differ.
pub fn run(flags: &cli::WorkflowFlags) -> Result<ExitCode> {
    let options = options(&flags.config.fleet)?;
    let Some(path) = flags.check.as_ref().or(flags.write.as_ref()) else { return print(&printed(&options)) };
    let name = path.display();
    let text = bounded_file::read_text(path, bounded_file::TEXT).map_err(|error| {
        Failure::input(format!("read the workflow {name}: {error}"))
            .hint("give the path of the workflow that migrates, or make one with what fargate-migrate workflow prints")
    })?;
    let edited = edit(&text, &options, path)?;
    match (edited == text, flags.write.is_some()) {
        (true, false) => print(&format!("{name} offers what the configuration file lists")),
        (true, true) => print(&format!("{name} offers what the configuration file lists: nothing to write")),
        (false, false) => Err(differ(path, &text, &edited).into()),
        (false, true) => {
            fs::write(path, edited)
                .map_err(|error| Failure::input(format!("write the workflow {name}: {error}")))?;
            print(&format!("{name} now offers what the configuration file lists"))
        }
    }
}

/// What a person can choose: every database, every group, and all.
fn options(fleet: &Fleet) -> Result<Vec<String>, Failure> {
    if fleet.databases.is_empty() {
        return Err(Failure::input("no configuration file lists databases")
            .hint(format!("list them under databases in {DEFAULT_PATH}")));
    }
    let names = fleet.databases.iter().map(ToString::to_string).chain(fleet.groups.keys().cloned());
    Ok(names.chain([ALL.to_owned()]).collect())
}

/// The input as it stands in a workflow.
fn printed(options: &[String]) -> String {
    let mut out = "\
on:
  workflow_dispatch:
    inputs:
      database:
        description: Database, group of databases, or all
        type: choice
        required: true
        options:"
        .to_owned();
    for option in options {
        out.push_str("\n          - ");
        out.push_str(&scalar::plain_or_quoted(option));
    }
    out
}

/// The workflow's text with exactly these options, and everything else as it was.
fn edit(text: &str, options: &[String], path: &Path) -> Result<String, Failure> {
    let edited = WorkflowFile::read(text, path)?.with_options(options);
    // Editing lines relies on one option a line: what came of it is read again before anybody sees it.
    match WorkflowFile::read(&edited, path) {
        Ok(document) if document.options().eq(options.iter().map(String::as_str)) => Ok(edited),
        _ => Err(Failure::input(format!(
            "edit the options of {}: its list is not written plainly",
            path.display()
        ))
        .hint("write one option a line, each as - name, and nothing else in the list but comments")),
    }
}

fn differ(path: &Path, text: &str, edited: &str) -> Failure {
    let diff = similar::TextDiff::from_lines(text, edited);
    let name = path.display().to_string();
    let diff =
        diff.unified_diff().context_radius(1).header(&name, "what the configuration file lists").to_string();
    Failure::input(format!("{name} does not offer what the configuration file lists"))
        .hint(format!("run fargate-migrate workflow --write {name} and commit it"))
        .evidence(lines(&diff).map(str::to_owned))
}

#[cfg(test)]
mod tests;
