//! The workflows that `init` writes: those of this repository, with the Action by its commit, with the databases and the
//! service of the other repository, and with its tests or none.

use std::path::Path;

use super::answers::Answers;
use crate::config::DEFAULT_WORKFLOW;
use crate::failure::Failure;
use crate::operations::workflow::{block, with_databases};

const MIGRATE: &str = include_str!("../../../.github/workflows/migrate.yml");
const PLAN: &str = include_str!("../../../.github/workflows/plan.yml");
const DEPLOY: &str = include_str!("../../../.github/workflows/deploy.yml");
const ROLLBACK: &str = include_str!("../../../.github/workflows/rollback.yml");

const DOCUMENTATION: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs");

/// Makes migrate.yml.
///
/// # Errors
/// The workflow cannot list these databases.
pub(super) fn migrate(answers: &Answers) -> Result<String, Failure> {
    let about = "From a commit to migrated databases, by hand: Actions → migrate → Run workflow.";
    let text = with_tests(&with_action(MIGRATE, about, "guide.md", answers)?, answers)?;
    with_databases(&text, &answers.databases, Path::new(DEFAULT_WORKFLOW))
}

/// Makes plan.yml.
///
/// # Errors
/// The workflow does not have what is edited.
pub(super) fn plan(answers: &Answers) -> Result<String, Failure> {
    let about = "What a pull request would do to the databases, as one comment on it that is kept up to date. Not for forks.";
    with_action(PLAN, about, "guide.md", answers)
}

/// Makes deploy.yml.
///
/// # Errors
/// The workflow does not have what is edited.
pub(super) fn deploy(answers: &Answers) -> Result<String, Failure> {
    let about = "From a push to main to migrated databases, and then to the running service.";
    with_tests(&with_action(DEPLOY, about, "everyday.md", answers)?, answers)
}

/// Makes rollback.yml.
///
/// # Errors
/// The workflow does not have what is edited.
pub(super) fn rollback(answers: &Answers, service: &str) -> Result<String, Failure> {
    let about = "Takes a service back to what really ran before, by hand: Actions → rollback → Run workflow.";
    let text = with_action(ROLLBACK, about, "everyday.md", answers)?;
    replaced(&text, &block(["startupwebapp-web"].into_iter()), &block([service].into_iter()))
}

/// Gives a workflow its first comment, and the Action by its commit.
fn with_action(text: &str, about: &str, page: &str, answers: &Answers) -> Result<String, Failure> {
    let from_name = text.find("name: ").ok_or_else(|| differs("name: "))?;
    let used = format!("uses: fargate-migrate/fargate-migrate@{}", answers.action);
    let rest = replaced(&text[from_name..], "uses: ./", &used)?;
    Ok(format!("# {about}\n# {DOCUMENTATION}/{page} sets it up.\n{rest}"))
}

/// Puts the tests of the other repository in the place of those of this one; without a command for them there is no such job.
fn with_tests(text: &str, answers: &Answers) -> Result<String, Failure> {
    let Some(command) = &answers.test_command else { return without_tests(text) };
    let mut text = text.to_owned();
    for first in ["    services:", "        env:"] {
        text = without_block(&text, first, "  test:")?;
    }
    let step = "        run: cargo test --locked --package app\n";
    replaced(
        &text,
        step,
        &format!(
            "        # Add what the tests need: a setup step, a service.\n        run: |\n          {command}\n"
        ),
    )
}

fn without_tests(text: &str) -> Result<String, Failure> {
    let mut text = without_block(text, "  test:", "jobs:")?;
    text = without_block(&text, "      skip-tests:", "on:")?;
    for line in ["    needs: test\n", "          TEST: ${{ needs.test.result }}\n"] {
        text = replaced(&text, line, "")?;
    }
    let skipped = "    # Skipped tests are not failed ones: without a word about the status here, this job would be skipped with them.\n";
    text = replaced(&text, skipped, "")?;
    text = replaced(&text, "test, build", "build")?;
    let shown = text.lines().filter(|line| !line.contains(r#"echo "| test |"#));
    let mut text = shown.collect::<Vec<_>>().join("\n") + "\n";
    // A mapping of inputs that has none left.
    if text.contains("    inputs:\n\n") {
        text = replaced(&text, "    inputs:\n\n", "\n")?;
    }
    Ok(text)
}

/// Removes the first block behind the line `after` that begins with the line `first`: with all lines that are indented more.
fn without_block(text: &str, first: &str, after: &str) -> Result<String, Failure> {
    let lines: Vec<&str> = text.lines().collect();
    let find = |from: usize, line: &str| {
        lines.iter().skip(from).position(|one| *one == line).map(|place| from + place)
    };
    let begin = find(0, after).and_then(|after| find(after, first)).ok_or_else(|| differs(first))?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(first);
    let is_inside = |line: &&&str| line.trim().is_empty() || indent(line) > own;
    let mut end = begin + 1 + lines[begin + 1..].iter().take_while(is_inside).count();
    // The empty line in front of the next block stays, unless this was a job.
    while end > begin + 1 && lines[end - 1].trim().is_empty() && own > 2 {
        end -= 1;
    }
    Ok([&lines[..begin], &lines[end..]].concat().join("\n") + "\n")
}

/// Replaces each place.
///
/// # Errors
/// There is none: the workflow is not what this was written for.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, Failure> {
    if text.contains(from) { Ok(text.replace(from, to)) } else { Err(differs(from)) }
}

fn differs(what: &str) -> Failure {
    Failure::service(format!("make the workflow: the one of this version does not have {:?}", what.trim()))
        .hint("this is a defect of fargate-migrate: report it with its version")
}
