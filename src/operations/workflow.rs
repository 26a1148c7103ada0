//! The dropdowns of a workflow: of databases, and of commands. On GitHub they are static YAML, so this makes them
//! from the configuration file, says when the two differ, and edits the workflow's lists in place.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::printing::print;
use crate::bounded_file;
use crate::cli;
use crate::database_name::DatabaseName;
use crate::failure::{ExitCode, Failure};
use crate::untrusted::lines;

mod offered;
mod yaml;
mod scalar;

use offered::{Input, Offered};
pub(super) use scalar::plain_or_quoted;
use yaml::WorkflowFile;

/// Does `fargate-migrate workflow`: prints the dropdowns, or checks or writes those of a workflow, and says what it
/// did.
///
/// # Errors
/// No file lists what the workflow offers; the workflow cannot be read or has no such list; or, with `--check`, the
/// lists differ.
pub fn run(flags: &cli::WorkflowFlags) -> Result<ExitCode> {
    let offered = Offered::of(&flags.config);
    let Some(path) = flags.check.as_ref().or(flags.write.as_ref()) else { return print(&printed(&offered)?) };
    let name = path.display();
    let text = bounded_file::read_text(path, bounded_file::TEXT).map_err(|error| {
        Failure::input(format!("read the workflow {name}: {error}"))
            .hint("give the path of a workflow with such a list, or make one with what fargate-migrate workflow prints")
    })?;
    let there = WorkflowFile::read(&text, &offered, path)?;
    let edit = edit(&there, &offered, path)?;
    match (edit, flags.write.is_some()) {
        (Edit::None, false) => print(&format!("{name} offers what the configuration file lists")),
        (Edit::None, true) => {
            print(&format!("{name} offers what the configuration file lists: nothing to write"))
        }
        (Edit::Lines(edited), false) => Err(differ(path, &text, &edited).into()),
        (Edit::ByHand, false) => Err(differ_by_option(path, &there, &offered)?.into()),
        (Edit::ByHand, true) => Err(by_hand(path, &there, &offered)?.into()),
        (Edit::Lines(edited), true) => {
            fs::write(path, edited)
                .map_err(|error| Failure::input(format!("write the workflow {name}: {error}")))?;
            print(&format!("{name} now offers what the configuration file lists"))
        }
    }
}

/// Returns the inputs as they stand in a workflow: those that there is something to choose for.
fn printed(offered: &Offered) -> Result<String, Failure> {
    let mut out = "on:\n  workflow_dispatch:\n    inputs:".to_owned();
    let inputs = match (offered.databases.is_empty(), offered.commands.is_empty()) {
        (_, true) => &[Input::Database][..],
        (true, false) => &[Input::Named],
        (false, false) => &[Input::Database, Input::Named],
    };
    for &input in inputs {
        out.push_str(&format!(
            "
      {}:
        description: {}
        type: choice
        required: true
{}",
            input.name(),
            input.description(),
            block(offered.by(input)?.iter().map(String::as_str))
        ));
    }
    Ok(out)
}

/// Returns `options:` of an input, one option a line.
pub(super) fn block<'a>(options: impl Iterator<Item = &'a str>) -> String {
    let lines = options.map(|option| format!("\n          - {}", plain_or_quoted(option)));
    ["        options:".to_owned()].into_iter().chain(lines).collect()
}

/// Returns a workflow with these databases in its dropdown.
///
/// # Errors
/// The workflow has no dropdown that can be edited.
pub(super) fn with_databases(text: &str, databases: &[DatabaseName], path: &Path) -> Result<String, Failure> {
    let offered = Offered::databases(databases);
    let there = WorkflowFile::read(text, &offered, path)?;
    match edit(&there, &offered, path)? {
        Edit::None => Ok(text.to_owned()),
        Edit::Lines(edited) => Ok(edited),
        Edit::ByHand => Err(by_hand(path, &there, &offered)?),
    }
}

/// What it takes to make a workflow offer what the configuration file lists.
#[derive(Debug, PartialEq, Eq)]
enum Edit {
    None,
    /// The workflow's text with exactly these options in its dropdowns, and everything else as it was.
    Lines(String),
    /// A list is not written plainly, so its lines cannot be edited.
    ByHand,
}

fn edit(there: &WorkflowFile<'_>, offered: &Offered, path: &Path) -> Result<Edit, Failure> {
    let edited = there.with_options(offered)?;
    if edited == there.text() {
        return Ok(Edit::None);
    }
    // Editing lines relies on one option a line, so the result is read again before it is used.
    let inputs = there.dropdowns().iter().map(|dropdown| dropdown.input);
    let is_as_wanted = WorkflowFile::read(&edited, offered, path).is_ok_and(|document| {
        document.dropdowns().iter().map(|dropdown| dropdown.input).eq(inputs)
            && document
                .dropdowns()
                .iter()
                .all(|dropdown| offered.by(dropdown.input).is_ok_and(|wanted| dropdown.options().eq(wanted)))
    });
    Ok(if is_as_wanted { Edit::Lines(edited) } else { Edit::ByHand })
}

/// Makes the failure of a list that cannot be edited, with the block to paste.
fn by_hand(path: &Path, there: &WorkflowFile<'_>, offered: &Offered) -> Result<Failure, Failure> {
    let mut evidence = Vec::new();
    for dropdown in there.dropdowns() {
        let wanted = offered.by(dropdown.input)?;
        if !dropdown.options().eq(wanted) {
            let options = dropdown.kept().chain(wanted.iter().map(String::as_str));
            evidence.push(format!("      {}:", dropdown.input.name()));
            evidence.extend(lines(&block(options)).map(str::to_owned));
        }
    }
    Ok(Failure::input(format!("edit the options of {}: its list is not written plainly", path.display()))
        .hint("replace the options by these lines: one option a line, each as - name, and nothing else but comments")
        .evidence(evidence))
}

/// Makes the failure of a list that cannot be edited, with what it has too many and too few of.
fn differ_by_option(path: &Path, there: &WorkflowFile<'_>, offered: &Offered) -> Result<Failure, Failure> {
    let mut evidence = Vec::new();
    for dropdown in there.dropdowns() {
        let wanted = offered.by(dropdown.input)?;
        let options: Vec<&str> = dropdown.options().collect();
        let extra: Vec<&str> =
            options.iter().copied().filter(|&option| !wanted.iter().any(|one| one == option)).collect();
        let missing: Vec<&str> =
            wanted.iter().map(String::as_str).filter(|one| !options.contains(one)).collect();
        let mut say = |what: &str, which: &[&str]| {
            evidence.push(format!("input {}: {what}{}", dropdown.input.name(), which.join(", ")));
        };
        if !extra.is_empty() {
            say("too many: ", &extra);
        }
        if !missing.is_empty() {
            say("missing: ", &missing);
        }
        if extra.is_empty() && missing.is_empty() && options != wanted {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            say("another order, or one option twice: the configuration file lists ", &wanted);
        }
    }
    Ok(differs(path)
        .hint(format!(
            "run fargate-migrate workflow --write {}: it cannot edit this list, and prints the lines to paste",
            path.display()
        ))
        .evidence(evidence))
}

fn differs(path: &Path) -> Failure {
    Failure::input(format!("{} does not offer what the configuration file lists", path.display()))
}

fn differ(path: &Path, text: &str, edited: &str) -> Failure {
    let diff = similar::TextDiff::from_lines(text, edited);
    let name = path.display().to_string();
    let diff =
        diff.unified_diff().context_radius(1).header(&name, "what the configuration file lists").to_string();
    differs(path)
        .hint(format!("run fargate-migrate workflow --write {name} and commit it"))
        .evidence(lines(&diff).map(str::to_owned))
}

#[cfg(test)]
mod tests;
