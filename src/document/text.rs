//! A document for a terminal, or a plain log.

use std::fmt::Write as _;

use super::{Content, Document, Line, Mark, Reader, Section, Span, Table};
use crate::failure::Failure;
use crate::untrusted::{lines, one_line};

/// Lines of a log: the whole log has scrolled by.
const LOG_LINES: usize = 12;
/// Bytes of the flags that a next step needs.
const FLAGS: usize = 1_000;
/// Columns of a fact's name.
const NAME: usize = 12;
/// SGR parameters (ECMA-48, 8.3.117).
const BOLD: u8 = 1;
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const CYAN: u8 = 36;

/// Whether to use colours; their absence loses no information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Always,
    Never,
}

/// Renders sections with a blank line between them, then the conclusion, what to do next, and the error.
pub(crate) fn text(document: &Document, colour: Colour) -> String {
    let mut out = String::new();
    if let Some(lead) = document.lead {
        let _ = writeln!(out, "{}. {lead}\n", plain(&document.title));
    }
    let mut parts: Vec<String> =
        document.sections.iter().map(|one| section(one, colour)).filter(|part| !part.is_empty()).collect();
    parts.extend(document.conclusion.as_ref().map(|line| match document.mark {
        Some(mark) => colour.paint(paint_of(mark), &plain(line)) + "\n",
        None => plain(line) + "\n",
    }));
    out.push_str(&parts.join("\n"));
    for content in document.sections.iter().flat_map(shown) {
        if let Content::Next(say, how) = content {
            let how = how.as_ref().filter(|how| how.len() <= FLAGS).map(|how| format!(": {}", one_line(how)));
            let next = colour.paint(CYAN, "next:");
            let _ = writeln!(out, "{next} {}{}", plain(say), how.unwrap_or_default());
        }
    }
    out.push_str(&document.error.as_ref().map(|error| failure(error, colour)).unwrap_or_default());
    out
}

/// Renders `error: …`, its evidence indented, and `hint: …` last, where the eye ends.
pub(crate) fn failure(failure: &Failure, colour: Colour) -> String {
    let mut out = format!("{} {}\n", colour.paint(RED, "error:"), one_line(&failure.message));
    for line in failure.evidence.iter().flat_map(|text| lines(text)) {
        let _ = writeln!(out, "  {}", one_line(line));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "{} {}", colour.paint(CYAN, "hint:"), one_line(hint));
    }
    out
}

fn shown(section: &Section) -> impl Iterator<Item = &Content> {
    section.blocks.iter().filter(|block| block.reader != Reader::Page).map(|block| &block.content)
}

fn section(section: &Section, colour: Colour) -> String {
    let lines: Vec<String> = shown(section).flat_map(|content| block(content, colour)).collect();
    let title = match lines.is_empty() || section.title.is_empty() {
        true => None,
        false => Some(colour.paint(BOLD, &plain(&section.title))),
    };
    title.into_iter().chain(lines).map(|line| line + "\n").collect()
}

/// Renders what a block shows as lines.
fn block(content: &Content, colour: Colour) -> Vec<String> {
    let named = |name: &str| colour.paint(CYAN, &format!("{name}:"));
    match content {
        Content::Paragraph(line) => vec![plain(line)],
        Content::Warning(line) => vec![format!("warning: {}", plain(line))],
        Content::Facts(facts) => {
            let width = facts.iter().map(|(name, _)| name.len() + 1).fold(NAME, usize::max);
            facts.iter().map(|(name, value)| format!("  {name:<width$} {}", plain(value))).collect()
        }
        Content::Points(points) => {
            let shown = points.iter().filter(|(reader, ..)| *reader != Reader::Page);
            shown.map(|(_, name, value)| format!("  {} {}", named(name), plain(value))).collect()
        }
        Content::Table(table) => rows(table, colour),
        Content::Notes(notes) => notes.iter().map(|note| format!("note: {}", one_line(note))).collect(),
        Content::Lines(all) => {
            let title = all.fold.iter().map(|title| colour.paint(BOLD, &plain(title)));
            title.chain(lines(&all.text).map(|line| format!("  {}", one_line(line)))).collect()
        }
        Content::File(text) => {
            [String::new()].into_iter().chain(lines(text).map(|line| one_line(line).into())).collect()
        }
        Content::Log(log) => {
            let shown = log.tail.lines().len().min(LOG_LINES);
            let note = log.tail.note.iter().map(|note| one_line(note).into_owned());
            let above = note.chain((shown > 0).then(|| log.count(shown)));
            let above = above.map(|line| format!("  {} {line}", named("log")));
            let last = log.tail.lines().skip(log.tail.lines().len() - shown);
            above.chain(last.map(|line| format!("    {}", one_line(line)))).collect()
        }
        Content::Next(..) | Content::Markdown(_) => Vec::new(),
    }
}

fn rows(Table { rows, rest, .. }: &Table, colour: Colour) -> Vec<String> {
    let cells = |(mark, cells): &(Option<Mark>, Vec<Line>)| -> Vec<String> {
        let mut cells: Vec<String> = cells.iter().map(plain).collect();
        if let (Some(mark), Some(cell)) = (mark, cells.get_mut(1)) {
            cell.insert_str(0, &format!("{} ", mark.sign()));
        }
        cells
    };
    let all: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = all.first().map_or(0, Vec::len);
    let width = |column: usize| {
        all.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0)
    };
    // Nothing is to the right of the last column.
    let widths: Vec<usize> = (1..columns).map(|next| width(next - 1)).chain([0]).collect();
    let aligned = all.iter().zip(rows).map(|(cells, (mark, _))| {
        let mut cells: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        if let (Some(mark), Some(cell)) = (mark, cells.get_mut(1)) {
            *cell = colour.paint(paint_of(*mark), cell);
        }
        cells.join("  ").trim_end().to_owned()
    });
    let rest = Some(rest.clone()).filter(|rest| !rest.is_empty());
    aligned.chain(rest).collect()
}

fn plain(line: &Line) -> String {
    let spans = line.0.iter().map(|span| match span {
        Span::Own(own) => (*own).into(),
        Span::Text(text) | Span::Code(text) | Span::Link(_, text) => one_line(text),
    });
    spans.collect()
}

fn paint_of(mark: Mark) -> u8 {
    match mark {
        Mark::Good => GREEN,
        Mark::Doubtful => YELLOW,
        Mark::UnderWay | Mark::Bad => RED,
    }
}

impl Colour {
    fn paint(self, paint: u8, text: &str) -> String {
        match self {
            Self::Always => format!("\x1b[{paint}m{text}\x1b[0m"),
            Self::Never => text.to_owned(),
        }
    }
}
