//! How the report of a run reads.

use super::{RunEnd, RunReport, RunTaskReport};
use crate::document::{Block, Content, Document, Line, Log, Mark, Rank, Reader, Section, Table};
use crate::words::{counted, duration};

/// Rows that a page and a terminal show of many.
const ROWS: usize = 50;

impl RunEnd {
    /// Returns the end in at most three words, for programs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Exited { unread: Some(_), .. } => "output not whole",
            Self::Exited { .. } => "exited",
            Self::NeverStarted { .. } => "never started",
            Self::Unknown { .. } => "not known",
            Self::TimedOut { .. } => "timed out",
            Self::Interrupted { .. } => "interrupted",
            Self::NotRun { .. } => "not run",
        }
    }

    /// Returns a sentence without its capital and its full stop.
    pub fn in_words(&self) -> String {
        let and_stopped = |stopped: &bool| match stopped {
            true => "its task was stopped",
            false => "its task was not stopped and may still run",
        };
        match self {
            Self::Exited { exit_code, unread: None } => format!("exit code {exit_code}"),
            Self::Exited { exit_code, unread: Some(why) } => {
                format!("exit code {exit_code}, and its output was not passed on to its end: {why}")
            }
            Self::NeverStarted { reason } => format!("never started: {reason}"),
            Self::Unknown { why } => format!("how it ended is not known: {why}"),
            Self::TimedOut { stopped } => format!("still running at --timeout; {}", and_stopped(stopped)),
            Self::Interrupted { stopped } => format!("the run was interrupted; {}", and_stopped(stopped)),
            Self::NotRun { why } => format!("not run: {why}"),
        }
    }
}

impl RunTaskReport {
    fn mark(&self) -> Mark {
        match &self.end {
            None => Mark::UnderWay,
            Some(end) if end.is_well() => Mark::Good,
            Some(_) => Mark::Bad,
        }
    }

    fn name(&self) -> String {
        self.database.as_ref().map_or_else(|| "the command".to_owned(), ToString::to_string)
    }

    fn took(&self) -> Option<String> {
        let (started, ended) = self.started_at.zip(self.ended_at)?;
        Some(duration(super::super::ms_between(Some(started), Some(ended))?))
    }

    fn words(&self) -> String {
        self.end.as_ref().map_or_else(|| "under way".to_owned(), RunEnd::in_words)
    }
}

impl RunReport {
    pub fn document(&self) -> Document {
        let is_well = self.exit_code().number() == 0;
        let is_over = self.tasks.iter().all(|task| task.end.is_some());
        let mark = match (is_well, is_over || self.error.is_some()) {
            (true, _) => Mark::Good,
            (false, true) => Mark::Bad,
            (false, false) => Mark::UnderWay,
        };
        let facts = [
            ("command", Some(Line::code(self.command.clone()))),
            ("cluster", Some(self.cluster.clone().into())),
            ("image", self.image.as_ref().map(|image| Line::code(image.reference.clone()))),
            ("revision", self.revision.as_ref().map(|revision| Line::code(revision.arn.clone()))),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let facts = Block::from(Content::Facts(facts)).only(Reader::Page);
        let reasons = self.tasks.iter().filter(|task| task.mark() == Mark::Bad).take(ROWS).map(reason);
        let notes = Content::Notes(self.notes.clone());
        let logs = self.tasks.iter().take(ROWS).filter(|task| task.log.seen > 0).map(log);
        let headline = self.headline();
        Document {
            mark: Some(mark),
            title: headline.clone().into(),
            conclusion: Some(headline.into()),
            error: self.error.clone(),
            sections: [Section::of([facts, Block::from(notes)])]
                .into_iter()
                .chain(self.table())
                .chain(reasons)
                .chain(logs)
                .collect(),
            data: self.data(),
            ..Document::default()
        }
    }

    /// Returns `exit code 7 · 12 s · 3 lines`; of several tasks how many ended with 0.
    fn headline(&self) -> String {
        match self.tasks.as_slice() {
            [] => "nothing was run".to_owned(),
            [only] => {
                let parts = [Some(only.words()), only.took(), Some(counted(only.lines, "line"))];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
            }
            tasks => {
                let well = tasks.iter().filter(|task| task.mark() == Mark::Good).count();
                format!("exit code 0 for {well} of {}", counted(tasks.len(), "database"))
            }
        }
    }

    fn table(&self) -> Option<Section> {
        let mut tasks: Vec<&RunTaskReport> = self.tasks.iter().collect();
        tasks.sort_by_key(|task| task.mark() == Mark::Good);
        let rows = tasks.iter().take(ROWS).map(|task| {
            let took = task.took().unwrap_or_default();
            (Some(task.mark()), [task.name(), task.words(), took].map(Line::from).to_vec())
        });
        let more = tasks.len().saturating_sub(ROWS);
        let rest = if more > 0 { format!("and {}", counted(more, "more database")) } else { String::new() };
        let table = Table { head: vec!["database", "end", "time"], rows: rows.collect(), rest };
        (self.tasks.len() > 1).then(|| Section::of([Content::Table(table)]))
    }
}

/// Shows the cause and the fix of a task that did not end well, and where the task is.
fn reason(task: &RunTaskReport) -> Section {
    let cause = task.diagnosis.map(|known| {
        let both = |name, text: &'static str| (Reader::Both, name, Line::from(text));
        Content::Points(vec![both("cause", known.cause), both("fix", known.fix)])
    });
    let links = [("task", &task.task_url), ("log", &task.log_url)];
    let links = links.into_iter().filter_map(|(name, url)| Some((name, Line::link(name, url.clone()?))));
    let task_arn = task.task_arn.clone().map(|arn| ("task", Line::code(arn)));
    let facts = Block::from(Content::Facts(task_arn.into_iter().collect())).only(Reader::Terminal);
    let page = Block::from(Content::Facts(links.collect())).only(Reader::Page);
    let blocks: Vec<Block> = cause.map(Block::from).into_iter().chain([facts, page]).collect();
    let section = Section::of(blocks).titled(task.name()).within(Rank::Reason, 2);
    Section { mark: Some(Mark::Bad), ..section }
}

/// Shows a task's log on the page alone: a terminal has seen it.
fn log(task: &RunTaskReport) -> Section {
    let log = Log {
        of: task.name(),
        tail: task.log.clone(),
        url: task.log_url.clone(),
        about: None,
        open: task.mark() == Mark::Bad,
    };
    Section::of([Block::from(Content::Log(log)).only(Reader::Page).within(Rank::Log, 2)])
}
