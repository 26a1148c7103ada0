//! A document for a terminal, or a plain log.

use std::fmt::Write as _;

use super::{Content, Document, Line, Log, Mark, Reader, Section, Span, Table};
use crate::failure::Failure;
use crate::untrusted::{lines, one_line};

/// Lines of a log: the whole log has scrolled by.
const LOG_LINES: usize = 12;
/// Bytes of the flags that a next step needs.
const FLAGS: usize = 1_000;
/// Columns of a fact's name.
const NAME: usize = 12;

/// Whether to use colours; their absence loses no information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Always,
    Never,
}

/// Sections with a blank line between them, then the conclusion, what to do next, and the error.
pub fn text(document: &Document, colour: Colour) -> String {
    let mut out = String::new();
    if let Some(lead) = document.lead {
        let _ = writeln!(out, "{}. {lead}\n", plain(&document.title));
    }
    let mut parts: Vec<String> =
        document.sections.iter().map(|one| section(one, colour)).filter(|part| !part.is_empty()).collect();
    parts.extend(document.conclusion.as_ref().map(|line| match document.mark {
        Some(mark) => colour.paint(Paint::of(mark), &plain(line)) + "\n",
        None => plain(line) + "\n",
    }));
    out.push_str(&parts.join("\n"));
    for content in document.sections.iter().flat_map(shown) {
        if let Content::Next(say, how) = content {
            let how = how.as_ref().filter(|how| how.len() <= FLAGS).map(|how| format!(": {}", one_line(how)));
            let next = colour.paint(Paint::Cyan, "next:");
            let _ = writeln!(out, "{next} {}{}", plain(say), how.unwrap_or_default());
        }
    }
    out.push_str(&document.error.as_ref().map(|error| failure(error, colour)).unwrap_or_default());
    out
}

/// `error: …`, its evidence indented, and `hint: …` last, where the eye ends.
pub fn failure(failure: &Failure, colour: Colour) -> String {
    let mut out = format!("{} {}\n", colour.paint(Paint::Red, "error:"), one_line(&failure.message));
    for line in failure.evidence.iter().flat_map(|text| lines(text)) {
        let _ = writeln!(out, "  {}", one_line(line));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "{} {}", colour.paint(Paint::Cyan, "hint:"), one_line(hint));
    }
    out
}

fn shown(section: &Section) -> impl Iterator<Item = &Content> {
    section.blocks.iter().filter(|block| block.reader != Reader::Page).map(|block| &block.content)
}

fn section(section: &Section, colour: Colour) -> String {
    let body: String = shown(section).map(|content| block(content, colour)).collect();
    if body.is_empty() || section.title.is_empty() {
        return body;
    }
    format!("{}\n{body}", colour.paint(Paint::Bold, &plain(&section.title)))
}

fn block(content: &Content, colour: Colour) -> String {
    let mut out = String::new();
    match content {
        Content::Paragraph(line) => out = format!("{}\n", plain(line)),
        Content::Warning(line) => out = format!("warning: {}\n", plain(line)),
        Content::Facts(facts) => {
            let width = facts.iter().map(|(name, _)| name.len() + 1).fold(NAME, usize::max);
            for (name, value) in facts {
                let _ = writeln!(out, "  {name:<width$} {}", plain(value));
            }
        }
        Content::Points(points) => {
            for (_, name, value) in points.iter().filter(|(reader, ..)| *reader != Reader::Page) {
                let _ =
                    writeln!(out, "  {} {}", colour.paint(Paint::Cyan, &format!("{name}:")), plain(value));
            }
        }
        Content::Table(table) => out = rows(table, colour),
        Content::Notes(notes) => {
            notes.iter().for_each(|note| out.push_str(&format!("note: {}\n", one_line(note))));
        }
        Content::Lines(all) => {
            if let Some(title) = &all.fold {
                out = format!("{}\n", colour.paint(Paint::Bold, &plain(title)));
            }
            lines(&all.text).for_each(|line| out.push_str(&format!("  {}\n", one_line(line))));
        }
        Content::File(text) => {
            out.push('\n');
            lines(text).for_each(|line| out.push_str(&format!("{}\n", one_line(line))));
        }
        Content::Log(end) => out = log(end, colour),
        Content::Next(..) | Content::Markdown(_) => {}
    }
    out
}

fn rows(Table { rows, rest, .. }: &Table, colour: Colour) -> String {
    let cells = |(mark, cells): &(Option<Mark>, Vec<Line>)| -> Vec<String> {
        let tick = mark.map(|mark| if mark == Mark::Good { "✔ " } else { "✖ " });
        let ticks = [None, tick].into_iter().chain(std::iter::repeat(None));
        cells
            .iter()
            .zip(ticks)
            .map(|(cell, tick)| tick.unwrap_or_default().to_owned() + &plain(cell))
            .collect()
    };
    let all: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = all.first().map_or(0, Vec::len);
    let width = |column: usize| {
        all.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0)
    };
    // Nothing is to the right of the last column.
    let widths: Vec<usize> = (1..columns).map(|next| width(next - 1)).chain([0]).collect();
    let mut out = String::new();
    for (cells, (mark, _)) in all.iter().zip(rows) {
        let mut cells: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        if let (Some(mark), Some(cell)) = (mark, cells.get_mut(1)) {
            *cell = colour.paint(Paint::of(*mark), cell);
        }
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    if rest.is_empty() { out } else { format!("{out}{rest}\n") }
}

/// The end of a log.
fn log(log: &Log, colour: Colour) -> String {
    let tail = &log.tail;
    let mut out = String::new();
    let name = colour.paint(Paint::Cyan, "log:");
    if let Some(note) = &tail.note {
        let _ = writeln!(out, "  {name} {}", one_line(note));
    }
    let shown = tail.lines().len().min(LOG_LINES);
    if shown > 0 {
        let _ = writeln!(out, "  {name} {}", log.count(shown));
    }
    for line in tail.lines().skip(tail.lines().len() - shown) {
        let _ = writeln!(out, "    {}", one_line(line));
    }
    out
}

fn plain(line: &Line) -> String {
    let spans = line.0.iter().map(|span| match span {
        Span::Own(own) => (*own).into(),
        Span::Text(text) | Span::Code(text) | Span::Link(_, text) => one_line(text),
    });
    spans.collect()
}

#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Red,
    Green,
    Cyan,
}

impl Paint {
    fn of(mark: Mark) -> Self {
        if matches!(mark, Mark::Good | Mark::Doubtful) { Self::Green } else { Self::Red }
    }
}

impl Colour {
    /// SGR sequences (ECMA-48, 8.3.117).
    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Red => 31,
            Paint::Green => 32,
            Paint::Cyan => 36,
        };
        match self {
            Self::Always => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Never => text.to_owned(),
        }
    }
}
