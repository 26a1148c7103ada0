//! `fargate-migrate init`: what a repository needs for its first run. It asks, or takes flags, and reads the files that
//! are there; it writes the configuration file, the workflows, and `infra/` for what is still to be made in AWS.
//!
//! ```text
//! answers (flags, git, files, questions) ─► configuration file ─► workflows ─► infra/ ─► the next commands
//! ```
//!
//! A file that is there is never written over. Nothing is asked of AWS.

use std::path::{Path, PathBuf};

use anyhow::Result;

use self::answers::{Answers, Network};
use self::written::{Kept, Written};
use super::printing::print;
use crate::adapters::github::GitHub;
use crate::cli::InitFlags;
use crate::config::{DEFAULT_PATH, DEFAULT_WORKFLOW};
use crate::database_name::DatabaseName;
use crate::failure::{ExitCode, Failure};
use crate::interrupt::Interrupt;

/// What is known, and where it comes from.
mod answers;
/// The configuration file's text.
mod configuration;
/// The framework of a repository, and how its command is called.
mod framework;
/// The templates and scripts of infra/.
mod infrastructure;
/// A configuration file that is there.
mod there;
/// The texts of the workflows.
mod workflows;
/// Files that are written, or kept.
mod written;

/// Does `fargate-migrate init` in the current directory.
///
/// # Errors
/// A question has no answer and no default; the answers do not fit what is here; or a file cannot be written.
pub(super) async fn run(
    flags: InitFlags,
    variable: &dyn Fn(&str) -> Option<String>,
    github: Option<&GitHub>,
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    let (is_plan, no_witness) = (flags.plan, flags.no_witness);
    let said = there::said(&flags);
    let answers = Answers::find(there::filled(flags)?, variable, github, interrupt).await?;
    let files = files(&answers)?;
    if answers.network != Network::There {
        infrastructure::check()?;
    }
    let mut lines = Vec::new();
    let (mut made, mut lacks, mut offers_others) = (Vec::new(), None, false);
    for file in &files {
        let kept = file.write(is_plan).map_err(|failure| match is_plan {
            true => failure,
            false => half_way(failure, &made),
        })?;
        match kept {
            Kept::No => made.push(file),
            Kept::Same => lines.push(format!("unchanged  {}", file.path)),
            Kept::Other(text) => {
                lines.push(format!("kept       {}, which is there and stays as it is", file.path));
                offers_others |= file.path == DEFAULT_WORKFLOW;
                if file.path == DEFAULT_PATH {
                    lacks = Some(configuration::missing(&text, &file.text, &said));
                    if no_witness && configuration::has_witness(&text) {
                        let line = "It has witness: true, which --no-witness does not take away: remove it";
                        lines.push(format!("           {line}"));
                    }
                }
            }
        }
    }
    let verb = if is_plan { "would write" } else { "wrote" };
    lines.extend(made.iter().map(|file| format!("{verb:<10} {}", file.path)));
    if let Some(missing) = lacks.filter(|missing| !missing.is_empty()) {
        lines.push(format!("\nThese lines are not in {DEFAULT_PATH}:"));
        lines.extend(missing.iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    lines.extend(next(&answers, offers_others));
    print(&lines.join("\n"))
}

/// Adds to a failure what was written before it.
fn half_way(failure: Failure, made: &[&Written]) -> Failure {
    let made: Vec<&str> = made.iter().map(|file| file.path.as_str()).collect();
    if made.is_empty() {
        failure
    } else {
        failure.evidence([format!("written before it: {}", made.join(", "))])
    }
}

/// Returns the files of a repository.
fn files(answers: &Answers) -> Result<Vec<Written>, Failure> {
    let mut files = vec![Written::text(DEFAULT_PATH, configuration::text(answers))];
    let workflow = |name: &str, text: String| Written::text(format!(".github/workflows/{name}.yml"), text);
    files.push(Written::text(DEFAULT_WORKFLOW, workflows::migrate(answers)?));
    files.push(workflow("plan", workflows::plan(answers)?));
    if let Some(service) = &answers.service {
        files.push(workflow("deploy", workflows::deploy(answers)?));
        files.push(workflow("rollback", workflows::rollback(answers, service)?));
    }
    if answers.network != Network::There {
        files.extend(infrastructure::files());
    }
    Ok(files)
}

/// Returns the commands that come next. A workflow that is there may offer other databases.
fn next(answers: &Answers, offers_others: bool) -> Vec<String> {
    let mut lines = vec!["Next (the push goes to the default branch):".to_owned()];
    if offers_others {
        lines.push("  fargate-migrate workflow --write".to_owned());
    }
    let quoted = |database: &DatabaseName| shell_words::quote(database).into_owned();
    match (infrastructure::up(answers), answers.databases.last().map(quoted)) {
        (Some(up), _) => lines.push(format!("  {up}")),
        (None, Some(database)) => {
            lines.push(format!("  fargate-migrate migrate --plan --database {database}"))
        }
        (None, None) => {}
    }
    let added = if answers.network == Network::There { ".github" } else { ".github infra" };
    lines.push(format!("  git add {added} && git commit --message 'Configure migrations' && git push"));
    // With the last one, since the first is often that of production.
    if let Some(database) = answers.databases.last().map(quoted) {
        lines.push(format!(
            "  gh workflow run migrate.yml --repo {} --field database={database} --field plan=true",
            answers.github
        ));
    }
    if answers.service.is_none() {
        lines.push(
            "\nWhen a service runs the image, fargate-migrate init --service NAME adds deploy.yml and rollback.yml."
                .to_owned(),
        );
    }
    lines
}

/// Returns the directory that everything is relative to.
fn here() -> &'static Path {
    Path::new("")
}

/// Joins a path to it.
fn at(path: &str) -> PathBuf {
    here().join(path)
}

#[cfg(test)]
mod tests;
