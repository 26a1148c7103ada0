//! A plan in Markdown: for the job summary, and for a comment on a pull request.

use std::fmt::Write as _;

use super::facts::facts;
use super::listing::listing;
use super::print::{AGAIN, Request, becomes, counted, pretty, requests};
use super::{Earlier, Plan};
use crate::failure::Failure;
use crate::untrusted::{fence, markdown_text, shortened};
use crate::workflow_commands::SUMMARY_LIMIT;

/// Characters of a fact: of a large fleet's names, the first are enough.
const FACT: usize = 2_000;
/// Bytes of the line that counts the others.
const LAST: usize = 1024;

/// At most as large as a job summary may be.
///
/// # Errors
/// As [`Plan::revision`].
pub fn markdown(plan: &Plan) -> Result<String, Failure> {
    markdown_within(plan, SUMMARY_LIMIT)
}

/// At most `limit` bytes long: a long diff ends early, then RunTask's inputs, which differ in nothing but what they migrate.
///
/// # Errors
/// As [`Plan::revision`].
pub fn markdown_within(plan: &Plan, limit: usize) -> Result<String, Failure> {
    let mut out = format!(
        "### Plan: migrate {} on {}\n\nNothing has been changed.\n\n| | |\n|---|---|\n",
        counted(plan.databases().count()),
        markdown_text(&plan.cluster)
    );
    for (name, value) in facts(plan)? {
        let _ = writeln!(out, "| {name} | {} |", markdown_text(&shortened(&value, FACT)));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\n> [!NOTE]\n> {}", markdown_text(&shortened(note, FACT)));
    }
    out.push_str(&databases(plan, limit / 4));
    out.push_str(&difference(&plan.diff(&plan.image.reference())?, limit / 2));
    let mut left = 0;
    for Request { pack, input, already_running } in requests(plan)? {
        let again = if pack.earlier.is_some() { AGAIN } else { "" };
        let text = match (&pack.earlier, already_running) {
            (Some(Earlier::Task { arn, has_ended, .. }), _) => format!(
                "\n**{}** is not started: task {} of this run {}.\n",
                markdown_text(&pack.name()),
                markdown_text(arn),
                becomes(*has_ended)
            ),
            (_, Some(arn)) => format!(
                "\n**{}** is not started: task {} migrates it now.\n",
                markdown_text(&pack.name()),
                markdown_text(arn)
            ),
            (_, None) => format!(
                "\n<details><summary>RunTask for {}{again}</summary>\n\n{}\n</details>\n",
                markdown_text(&pack.name()),
                fence("json", &pretty(&input))
            ),
        };
        if left > 0 || out.len() + text.len() + LAST > limit {
            left += 1;
        } else {
            out.push_str(&text);
        }
    }
    if left > 0 {
        let _ = writeln!(
            out,
            "\n… and {left} more RunTask calls, which differ in nothing but what they migrate."
        );
    }
    if out.len() > limit {
        return Ok("### Plan\n\nThe plan is too long to be shown here.\n".to_owned());
    }
    Ok(out)
}

/// Every name, folded, in at most about `limit` bytes.
fn databases(plan: &Plan, limit: usize) -> String {
    let listing = listing(plan);
    if listing.is_empty() {
        return String::new();
    }
    let (lines, more) = fitting(listing.iter().map(String::as_str), limit);
    let more = match more {
        0 => String::new(),
        more => format!("\n… and {more} more lines: `--format json` has every name.\n"),
    };
    format!(
        "\n<details><summary>The {}</summary>\n\n{}{more}\n</details>\n",
        counted(plan.databases().count() + plan.proved.len()),
        fence("text", &lines.join("\n"))
    )
}

/// The first lines, in at most `limit` bytes, and how many others there are.
fn fitting<'a>(lines: impl ExactSizeIterator<Item = &'a str>, limit: usize) -> (Vec<&'a str>, usize) {
    let all = lines.len();
    let mut length = 0;
    let fits = |line: &&str| {
        length += line.len() + 1;
        length <= limit
    };
    let lines: Vec<&str> = lines.take_while(fits).collect();
    let more = all - lines.len();
    (lines, more)
}

/// Whole lines of the diff, in at most about `limit` bytes.
fn difference(diff: &str, limit: usize) -> String {
    if diff.is_empty() {
        return "\nThe task definition does not change.\n".to_owned();
    }
    let lines: Vec<&str> = diff.lines().collect();
    let (lines, more) = fitting(lines.into_iter(), limit);
    let mut out = format!("\n**Task definition**\n\n{}\n", fence("diff", &lines.join("\n")));
    if more > 0 {
        let _ = writeln!(out, "… and {more} more lines of the diff.");
    }
    out
}
