//! Pure: what the post stage says.

use std::fmt::Write as _;

use super::stop::{Fate, Outcome, Stopped};
use crate::untrusted::{markdown_text, one_line};

/// Rows of the summary; GitHub drops one above 1 MiB as a whole.
const ROWS: usize = 500;

pub fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for task in &outcome.tasks {
        let _ = writeln!(
            out,
            "{}  {}  {}",
            one_line(name(task)),
            one_line(&task.arn),
            one_line(&fate(&task.fate))
        );
    }
    if let Some(problem) = &outcome.problem {
        let _ = writeln!(out, "tasks may be missing here: {}", one_line(problem));
    }
    let _ = writeln!(out, "{}", headline(outcome));
    out
}

pub fn markdown(outcome: &Outcome) -> String {
    let mut out = format!("### {}\n", headline(outcome));
    if !outcome.tasks.is_empty() {
        out.push_str("\n| database | task | |\n|---|---|---|\n");
    }
    for task in outcome.tasks.iter().take(ROWS) {
        let cells = [name(task), &task.arn, &fate(&task.fate)].map(markdown_text);
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if let Some(more) = outcome.tasks.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(out, "\n{more} more are in the log.");
    }
    if let Some(problem) = &outcome.problem {
        let _ = writeln!(out, "\n> [!WARNING]\n> Tasks may be missing here: {}", markdown_text(problem));
    }
    out
}

/// `--on-cancel leave`: nobody is asked, and nothing is stopped.
pub fn left(arns: &[String]) -> String {
    format!(
        "the run was cut off, and leaves its tasks running (--on-cancel leave): {}",
        counted(arns.len(), "task")
    )
}

pub fn summary_of_left(arns: &[String]) -> String {
    let mut out =
        "### The run was cut off, and leaves its tasks running\n\n`--on-cancel leave` says so. They may \
                   have ended since.\n\n"
            .to_owned();
    for arn in arns.iter().take(ROWS) {
        let _ = writeln!(out, "- {}", markdown_text(arn));
    }
    out
}

fn headline(outcome: &Outcome) -> String {
    let count = |wanted: fn(&Fate) -> bool| outcome.tasks.iter().filter(|task| wanted(&task.fate)).count();
    let stopped = count(|fate| matches!(fate, Fate::Stopped | Fate::Stopping));
    let refused = count(|fate| matches!(fate, Fate::Refused(_)));
    let what = match (stopped, refused) {
        _ if refused > 0 => format!("{} could not be stopped", counted(refused, "migration task")),
        (0, _) if outcome.problem.is_some() => "its migration tasks could not all be looked at".to_owned(),
        (0, _) => "no migration task was still running".to_owned(),
        (1, _) => "1 migration task was still running and is stopped".to_owned(),
        (n, _) => format!("{n} migration tasks were still running and are stopped"),
    };
    format!("The run was cut off: {what}")
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::OverBefore => "had ended".to_owned(),
        Fate::Stopped => "stopped".to_owned(),
        Fate::Stopping => "stopped, and not seen to have ended yet".to_owned(),
        Fate::Refused(why) => format!("not stopped: {why}"),
    }
}

fn name(task: &Stopped) -> &str {
    task.database.as_deref().unwrap_or("(unknown)")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(database: &str, fate: Fate) -> Stopped {
        Stopped { arn: "arn:aws:ecs:x:1:task/c/0".into(), database: Some(database.into()), fate }
    }

    #[test]
    fn a_run_that_was_cut_off_is_told_in_one_table() {
        let outcome = Outcome {
            tasks: vec![
                task("shop", Fate::Stopped),
                task("##[set-output name=image]x", Fate::OverBefore),
                task("<b>|", Fate::Refused("allow ecs:StopTask".into())),
            ],
            problem: Some("list tasks: denied".into()),
        };
        insta::assert_snapshot!(markdown(&outcome), @r"
        ### The run was cut off: 1 migration task could not be stopped

        | database | task | |
        |---|---|---|
        | shop | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | stopped |
        | &#35;&#35;&#91;set-output name&#61;image&#93;x | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | had ended |
        | &#60;b&#62;&#124; | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | not stopped: allow ecs&#58;StopTask |

        > [!WARNING]
        > Tasks may be missing here: list tasks: denied
        ");
        insta::assert_snapshot!(text(&outcome), @r"
        shop  arn:aws:ecs:x:1:task/c/0  stopped
        ##[set-output name=image]x  arn:aws:ecs:x:1:task/c/0  had ended
        <b>|  arn:aws:ecs:x:1:task/c/0  not stopped: allow ecs:StopTask
        tasks may be missing here: list tasks: denied
        The run was cut off: 1 migration task could not be stopped
        ");
        assert!(!outcome.is_done());
    }

    #[test]
    fn the_headline_counts_what_was_stopped() {
        let headline = |fates: &[Fate]| {
            let tasks = fates.iter().map(|fate| task("shop", fate.clone())).collect();
            headline(&Outcome { tasks, problem: None })
        };
        for (fates, said) in [
            (vec![], "no migration task was still running"),
            (vec![Fate::OverBefore], "no migration task was still running"),
            (vec![Fate::Stopped, Fate::OverBefore], "1 migration task was still running and is stopped"),
            (vec![Fate::Stopped, Fate::Stopping], "2 migration tasks were still running and are stopped"),
        ] {
            assert_eq!(headline(&fates), format!("The run was cut off: {said}"));
        }
    }
}
