//! How findings read: a table, and a list of what could not be looked at.

use serde_json::{Value, json};

use super::{Finding, Question, SeenSql, Unread};
use crate::document::{Block, Content, Line, Mark, Rank, Reader, Section, Table};
use crate::words::counted;

/// The page about the rules.
const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/sql.md");
/// Rows that a page and a terminal show.
const SHOWN: usize = 50;

impl SeenSql {
    /// Makes the section of a plan; it says so when nothing was found.
    pub(crate) fn section(&self, title: impl Into<Line>) -> Section {
        let Self { found, of, only, .. } = self;
        let count = |question| found.findings.iter().filter(|one| one.rule.question == question).count();
        let counts = [
            (count(Question::Locks), "statement", "that others may wait for"),
            (count(Question::Breaks), "statement", "that code which runs may not survive"),
        ];
        let said = counts.into_iter().filter(|(number, ..)| *number > 0);
        let said: Vec<String> =
            said.map(|(number, what, that)| format!("{} {that}", counted(number, what))).collect();
        let lead = match (said.is_empty(), only) {
            (true, None) => "nothing found that others wait for, or that breaks code that runs".to_owned(),
            (true, Some(Question::Locks)) => "nothing found that others wait for".to_owned(),
            (true, Some(Question::Breaks)) => "nothing found that breaks code that runs".to_owned(),
            (false, _) => said.join(", "),
        };
        let lead = format!("{} ({of}): {lead}", counted(found.files, "SQL file"));
        let mut blocks = vec![Block::from(Content::Paragraph(lead.into()))];
        if !found.findings.is_empty() {
            let left = found.findings.len().saturating_sub(SHOWN) + found.more;
            for reader in [Reader::Terminal, Reader::Page] {
                let table = Table {
                    head: vec!["file", "statement", "who waits, what breaks", "safer"],
                    rows: found.findings.iter().take(SHOWN).map(|one| row(one, reader)).collect(),
                    rest: if left > 0 { counted(left, "more finding") } else { String::new() },
                };
                blocks.push(Block::from(Content::Table(table)).only(reader));
            }
        }
        if !found.unread.is_empty() {
            let unread =
                found.unread.iter().take(SHOWN).map(|one| format!("not looked at: {}", one.in_words()));
            blocks.push(Block::from(Content::Notes(unread.collect())).within(Rank::Detail, 8));
        }
        Section::of(blocks).titled(title)
    }

    /// Lists the findings, a line each: `V12.sql:6: DROP …: code that runs may … (ban-drop-column)`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let line = |one: &Finding| {
            format!("{}:{}: {}: {} ({})", one.file, one.line, one.statement, one.rule.says, one.rule.name)
        };
        self.found.findings.iter().map(line)
    }

    /// Returns the findings for programs.
    pub(crate) fn data(&self) -> Value {
        let Self { found, of, .. } = self;
        let finding = |one: &Finding| {
            json!({
                "file": one.file,
                "line": one.line,
                "statement": one.statement,
                "question": one.rule.question.word(),
                "rule": one.rule.name,
                "says": one.rule.says,
                "safer": one.rule.safer,
            })
        };
        let unread = |one: &Unread| json!({"file": one.file, "line": one.line, "why": one.why});
        json!({
            "files": found.files,
            "of": of,
            "findings": found.findings.iter().map(finding).collect::<Vec<_>>(),
            "findings_left_out": found.more,
            "unread": found.unread.iter().map(unread).collect::<Vec<_>>(),
        })
    }
}

/// Makes a row: a page links the rule, and a terminal, which would show the address, names it.
fn row(finding: &Finding, reader: Reader) -> (Option<Mark>, Vec<Line>) {
    let rule = finding.rule;
    let place = Line::code(format!("{}:{}", finding.file, finding.line));
    let name = match reader {
        Reader::Page => Line::link(rule.name, format!("{PAGE}#{}", rule.name)),
        Reader::Both | Reader::Terminal => Line::code(rule.name),
    };
    let says = Line::from(rule.says).and(" (").and(name).and(")");
    (Some(Mark::Doubtful), vec![place, Line::code(finding.statement.clone()), says, rule.safer.into()])
}

impl Unread {
    /// Says the place and why: `migrations/V3.sql, line 2: not parsed`.
    pub(crate) fn in_words(&self) -> String {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("{}{line}: {}", self.file, self.why)
    }
}
