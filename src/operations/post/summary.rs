//! What the post stage says.

use super::stop::{Fate, StopOutcome};
use crate::document::{Content, Document, Line, Section, Table};
use crate::words::counted;

impl StopOutcome {
    pub(super) fn document(&self) -> Document {
        let rows = self.tasks.iter().map(|task| {
            let name = task.database.clone().unwrap_or_else(|| "(unknown)".to_owned());
            (None, [name, task.arn.clone(), fate(&task.fate)].map(Line::from).to_vec())
        });
        let table = Table { head: vec!["database", "task", "now"], rows: rows.collect(), ..Table::default() };
        let problem = self.problem.iter().map(|problem| format!("tasks may be missing here: {problem}"));
        let problem = problem.map(|problem| Content::Warning(problem.into()));
        Document {
            title: headline(self).into(),
            conclusion: Some(headline(self).into()),
            sections: vec![Section::of([Content::Table(table)]), Section::of(problem)],
            ..Document::default()
        }
    }
}

/// Lists the tasks that `--on-cancel leave` leaves running: ECS is not asked for them, and nothing is stopped.
pub(super) fn left(arns: &[String]) -> Document {
    let rows = arns.iter().map(|arn| (None, vec![arn.clone().into()])).collect();
    let table = Table { head: vec!["task"], rows, ..Table::default() };
    let said = Content::Paragraph("`--on-cancel leave` says so. They may have ended since.".into());
    Document {
        title: "The run was cut off, and leaves its tasks running".into(),
        sections: vec![Section::of([said, Content::Table(table)])],
        ..Document::default()
    }
}

fn headline(outcome: &StopOutcome) -> String {
    let count = |wanted: fn(&Fate) -> bool| outcome.tasks.iter().filter(|task| wanted(&task.fate)).count();
    let stopped = count(|fate| matches!(fate, Fate::Stopped | Fate::Stopping));
    let refused = count(|fate| matches!(fate, Fate::Refused(_)));
    let task = if outcome.migrates_nothing { "task" } else { "migration task" };
    let what = match (stopped, refused) {
        _ if refused > 0 => format!("{} could not be stopped", counted(refused, task)),
        (0, _) if outcome.problem.is_some() => format!("its {task}s could not all be looked at"),
        (0, _) => format!("no {task} was still running"),
        (1, _) => format!("1 {task} was still running and is stopped"),
        (n, _) => format!("{n} {task}s were still running and are stopped"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Colour};
    use crate::operations::post::stop::Stopped;

    fn task(database: &str, fate: Fate) -> Stopped {
        Stopped { arn: "arn:aws:ecs:x:1:task/c/0".into(), database: Some(database.into()), fate }
    }

    #[test]
    fn a_run_that_was_cut_off_is_told_in_one_table() {
        let outcome = StopOutcome {
            tasks: vec![
                task("shop", Fate::Stopped),
                task("##[set-output name=image]x", Fate::OverBefore),
                task("<b>|", Fate::Refused("allow ecs:StopTask".into())),
            ],
            problem: Some("list tasks: denied".into()),
            migrates_nothing: false,
        };
        let document = outcome.document();
        insta::assert_snapshot!(document::markdown(&document, 1_000), @"
        ### The run was cut off: 1 migration task could not be stopped

        | database | task | now |
        |---|---|---|
        | shop | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | stopped |
        | &#35;&#35;&#91;set-output name&#61;image&#93;x | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | had ended |
        | &#60;b&#62;&#124; | arn&#58;aws&#58;ecs&#58;x&#58;1&#58;task/c/0 | not stopped: allow ecs&#58;StopTask |

        ⚠️ Tasks may be missing here: list tasks: denied
        ");
        insta::assert_snapshot!(document::text(&document, Colour::Never), @"
        shop                        arn:aws:ecs:x:1:task/c/0  stopped
        ##[set-output name=image]x  arn:aws:ecs:x:1:task/c/0  had ended
        <b>|                        arn:aws:ecs:x:1:task/c/0  not stopped: allow ecs:StopTask

        warning: tasks may be missing here: list tasks: denied

        The run was cut off: 1 migration task could not be stopped
        ");
        assert!(!outcome.is_done());
    }

    #[test]
    fn the_headline_counts_what_was_stopped() {
        let headline = |fates: &[Fate]| {
            let tasks = fates.iter().map(|fate| task("shop", fate.clone())).collect();
            headline(&StopOutcome { tasks, ..StopOutcome::default() })
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
