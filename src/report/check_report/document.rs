//! How a check reads: what needs a person first.

use super::{CheckReport, CheckRow};
use crate::database_name::{is_fleet, short_list};
use crate::document::{Block, Content, Document, Line, Lines, Log, Mark, Rank, Reader, Section, Table};
use crate::report::document::{image, revision};
use crate::verdict::Checked;
use crate::words::{counted, duration};

/// Rows of a fleet that a terminal shows, and causes that are told.
const SHOWN: usize = 50;
/// Characters of a schema's digest that a row shows: as many as docker shows of a digest.
const SCHEMA: usize = 12;

impl CheckReport {
    pub fn document(&self) -> Document {
        let headline = self.headline();
        let rows = self.rows();
        let is_told = !(self.error.is_some() && rows.iter().all(|row| row.task_arn.is_none()));
        let (open, up_to_date): (Vec<_>, Vec<_>) = match is_fleet(rows.len()) {
            true => rows.iter().copied().partition(|row| row.mark() != Mark::Good),
            false => (rows.clone(), Vec::new()),
        };
        let mut sections = Vec::new();
        if is_told {
            let terminal = Block::from(Content::Table(terminal_rows(&open, &up_to_date)));
            let page = Block::from(Content::Table(table(&open))).within(Rank::Core, 2);
            sections.push(Section::of([terminal.only(Reader::Terminal), page.only(Reader::Page)]));
            sections.extend(names(&up_to_date));
            let unproved = open.iter().filter(|row| row.mark() == Mark::Bad && row.task_arn.is_some());
            sections.extend(unproved.take(SHOWN).map(|row| explanation(row)));
        }
        sections.extend(self.sql.as_ref().map(|sql| sql.section("What the pending SQL will do")));
        sections.extend(self.logs.iter().map(|one| {
            let log = Log {
                of: short_list(&one.databases),
                tail: one.log.clone(),
                url: one.url.clone(),
                about: None,
                open: false,
            };
            Section::of([Block::from(Content::Log(log)).within(Rank::Log, 1)])
        }));
        sections.push(self.what_ran());
        sections.push(Section::of([Content::Notes(self.notes.clone())]).within(Rank::Detail, 64));
        Document {
            mark: Some(self.mark()),
            title: headline.clone().into(),
            conclusion: Some(headline.into()),
            error: self.error.clone(),
            sections,
            data: self.data(),
            ..Document::default()
        }
    }

    /// Returns the check in one line: `12 of 15 databases up to date: 2 behind, 1 unproved`.
    pub(super) fn headline(&self) -> String {
        let total = counted(self.databases.len(), "database");
        let good = self.databases.iter().filter(|row| row.mark() == Mark::Good).count();
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for row in self.rows().into_iter().filter(|row| row.mark() != Mark::Good) {
            match counts.iter_mut().find(|(word, _)| *word == row.word()) {
                Some((_, count)) => *count += 1,
                None => counts.push((row.word(), 1)),
            }
        }
        let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let others = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        format!("{good} of {total} up to date{others}")
    }

    fn mark(&self) -> Mark {
        let any = |mark| self.databases.iter().any(|row| row.mark() == mark);
        match () {
            () if self.error.is_some() || any(Mark::Bad) => Mark::Bad,
            () if any(Mark::UnderWay) => Mark::UnderWay,
            () if any(Mark::Doubtful) || self.databases.is_empty() => Mark::Doubtful,
            () => Mark::Good,
        }
    }

    fn what_ran(&self) -> Section {
        let code = |text: &String| Line::code(text.clone());
        let account = self.account.as_ref();
        let took = self.ended_at.map(|ended| ended.as_millisecond() - self.started_at.as_millisecond());
        let facts = [
            ("commit or tag", self.tag.as_ref().map(code)),
            ("image", self.image.as_ref().map(image)),
            ("task definition", self.revision.as_ref().map(revision)),
            ("cluster", Some(code(&self.cluster))),
            (
                "region, account",
                account.map(|account| code(&account.region).and(", ").and(code(&account.caller.account))),
            ),
            ("started", Some(self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string().into())),
            ("took", took.map(|took| duration(took).into())),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Section::of([Block::from(Content::Facts(facts)).only(Reader::Page)]).titled("What ran")
    }
}

fn terminal_rows(open: &[&CheckRow], up_to_date: &[&CheckRow]) -> Table {
    let shown =
        if up_to_date.is_empty() && !is_fleet(open.len()) { open.len() } else { open.len().min(SHOWN) };
    let row = |row: &&CheckRow| {
        let version = version(row);
        let said = [version, row.explain()].into_iter().filter(|part| !part.is_empty());
        let said = said.collect::<Vec<_>>().join("; ");
        (Some(row.mark()), vec![row.database.clone().into(), row.word().into(), said.into()])
    };
    let left = open.len() - shown;
    let rest = [
        (left > 0).then(|| format!("{} more that are not up to date", counted(left, "database"))),
        (!up_to_date.is_empty()).then(|| format!("{} up to date", counted(up_to_date.len(), "database"))),
    ];
    let rest: Vec<String> = rest.into_iter().flatten().collect();
    let rest = if rest.is_empty() { String::new() } else { format!("… and {}", rest.join(", ")) };
    Table { rows: open.iter().take(shown).map(row).collect(), rest, ..Table::default() }
}

/// Returns the version as `at 57`; empty where nothing proves it.
fn version(row: &CheckRow) -> String {
    let report = row.verdict.as_ref().and_then(Checked::report);
    let current = report.and_then(|report| report.current.as_deref());
    current.map_or_else(String::new, |current| format!("at {current}"))
}

fn table(rows: &[&CheckRow]) -> Table {
    let line = |row: &&CheckRow| {
        let report = row.verdict.as_ref().and_then(Checked::report);
        let schema = report.and_then(|report| report.schema.as_deref()).map(|schema| {
            let digits = schema.split_once(':').map_or(schema, |(_, digits)| digits);
            Line::code(digits.chars().take(SCHEMA).collect::<String>())
        });
        let links = [("task", &row.task_url), ("log", &row.log_url)];
        let links = links.into_iter().filter_map(|(label, url)| Some(Line::link(label, url.clone()?)));
        let cells = vec![
            row.database.clone().into(),
            Line::from(row.mark().emoji()).and(" ").and(row.word()),
            report.and_then(|report| report.current.clone()).unwrap_or_default().into(),
            row.explain().into(),
            schema.unwrap_or_default(),
            links.reduce(|all, link| all.and(" · ").and(link)).unwrap_or_default(),
        ];
        (None, cells)
    };
    Table {
        head: vec!["database", "verdict", "version", "what it says", "schema", ""],
        rows: rows.iter().map(line).collect(),
        ..Table::default()
    }
}

/// Lists the databases of a fleet that nobody has to look at; `None` where there are none.
fn names(up_to_date: &[&CheckRow]) -> Option<Section> {
    let names: Vec<&str> = up_to_date.iter().map(|row| row.database.as_str()).collect();
    let lines = Lines {
        language: "text",
        text: names.join("\n"),
        fold: Some(format!("{} up to date", counted(names.len(), "database")).into()),
        more: ": `--format json` has every name.",
        ..Lines::default()
    };
    let block = Block::from(Content::Lines(lines)).within(Rank::Detail, 4).only(Reader::Page);
    (!names.is_empty()).then(|| Section::of([block]))
}

/// Explains why nothing is known of a database, and what to do about it.
fn explanation(row: &CheckRow) -> Section {
    let points = [
        ("cause", row.diagnosis.map(|diagnosis| diagnosis.cause.into())),
        ("fix", row.diagnosis.map(|diagnosis| diagnosis.fix.into())),
        ("task", row.task_arn.clone().map(Line::code)),
    ];
    let points = points.into_iter().filter_map(|(name, value)| Some((Reader::Both, name, value?)));
    Section {
        mark: Some(row.mark()),
        title: Line::from(row.database.clone()).and(": ").and(row.word()),
        blocks: vec![Block::from(Content::Points(points.collect())).within(Rank::Reason, 8)],
    }
}
