//! A document for a terminal, or a plain log.

use std::fmt::Write as _;

use super::{Cell, Content, Document, Line, Log, Mark, Reader, Section, Span, Table};
use crate::failure::Failure;
use crate::untrusted::{lines, one_line};
use crate::words;

/// Lines of a log: the whole log has scrolled by.
const LOG_LINES: usize = 12;
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
    if let Some(conclusion) = &document.conclusion {
        let paint = if document.mark == Some(Mark::Good) { Paint::Green } else { Paint::Red };
        let conclusion = document.mark.map_or(plain(conclusion), |_| colour.paint(paint, &plain(conclusion)));
        parts.push(format!("{conclusion}\n"));
    }
    out.push_str(&parts.join("\n"));
    for content in document.sections.iter().flat_map(shown) {
        if let Content::Next(say, _) = content {
            let _ = writeln!(out, "{}", plain(say));
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

fn rows(table: &Table, colour: Colour) -> String {
    let cells = |row: &[Cell]| -> Vec<String> { row.iter().map(|Cell(_, line)| plain(line)).collect() };
    let mut widths: Vec<usize> = Vec::new();
    for row in &table.rows {
        let wide = cells(row).into_iter().map(|cell| cell.chars().count()).enumerate();
        wide.for_each(|(index, width)| match widths.get_mut(index) {
            Some(most) => *most = width.max(*most),
            None => widths.push(width),
        });
        // Nothing is to the right of the last column.
        widths.truncate(row.len().saturating_sub(1));
    }
    let mut out = String::new();
    for row in &table.rows {
        let cells = row.iter().zip(cells(row)).enumerate().map(|(index, (Cell(mark, _), cell))| {
            let width = widths.get(index).copied().unwrap_or(0);
            match mark {
                None => format!("{cell:<width$}"),
                Some(Mark::Good) => colour.paint(Paint::Green, &format!("✔ {cell:<width$}")),
                Some(_) => colour.paint(Paint::Red, &format!("✖ {cell:<width$}")),
            }
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    if !table.rest.is_empty() {
        let _ = writeln!(out, "{}", table.rest);
    }
    out
}

/// The end of a log.
fn log(Log { tail, .. }: &Log, colour: Colour) -> String {
    let mut out = String::new();
    let name = colour.paint(Paint::Cyan, "log:");
    if let Some(note) = &tail.note {
        let _ = writeln!(out, "  {name} {}", one_line(note));
    }
    let shown = tail.lines().len().min(LOG_LINES);
    if shown > 0 {
        let count = words::counted(tail.seen, "line");
        let count = if shown as u64 == tail.seen { count } else { format!("the last {shown} of {count}") };
        let _ = writeln!(out, "  {name} {count}");
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
