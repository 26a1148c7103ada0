//! What to do next.

use super::super::Report;
use super::super::words::{self, Standing};
use crate::untrusted::{fence, markdown_code, one_line};

/// Bytes of the flags that name what is left.
const FLAGS: usize = 16 * 1024;

/// One line after a run that went well, and how to run again after one that did not; nothing while it goes on.
pub(super) fn next(report: &Report) -> String {
    if report.ended_at.is_none() {
        return String::new();
    }
    let left: Vec<&str> = report.not_migrated().collect();
    match Standing::of(report) {
        Standing::Migrated if report.never_ran > 0 => {
            format!(
                "**Next:** run without `--only-failed`: {} never ran.\n\n",
                words::counted(report.never_ran as u64, "database")
            )
        }
        Standing::Migrated => after_success(report),
        _ if left.is_empty() => String::new(),
        _ if report.is_resumable => {
            "**Next:** fix the cause, then run again with the same settings and `--resume`.\n\n".to_owned()
        }
        _ => again(report, &left),
    }
}

fn after_success(report: &Report) -> String {
    let proof = match words::unproved(report) {
        0 => "",
        _ => {
            " Have the image print a migration report, and run with `--require-report`: then this is proved."
        }
    };
    let Some(image) = &report.image else { return String::new() };
    format!("**Next:** deploy what needs this schema, from {}.{proof}\n\n", markdown_code(&image.reference))
}

/// How to run again for what is left.
fn again(report: &Report, left: &[&str]) -> String {
    let flags: Vec<String> = left
        .iter()
        .map(|name| format!("--database {}", shell_words::quote(&one_line(name))))
        .scan(0, |used, flag| {
            *used += flag.len() + 1;
            (*used <= FLAGS).then_some(flag)
        })
        .collect();
    let rest = left.len() - flags.len();
    let more = if rest == 0 { String::new() } else { format!(" (and {rest} more)") };
    let whole = report.databases.len() == left.len();
    let which = if whole { "" } else { ", only for the databases that are not migrated" };
    format!(
        "**Next:** fix the cause, then run again with the same settings{which}{more}:\n\n{}\n",
        fence("sh", &flags.join(" "))
    )
}
