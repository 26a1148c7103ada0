//! What an operation shows, as data: every plan and every report becomes a [`Document`], and three pure functions
//! render it: [`text`] for a terminal, [`markdown`] for a page on GitHub, [`json`] for programs.
//!
//! Whoever makes one passes raw text from outside: the renderers make it harmless for the place where it will stand.

use serde_json::Value;

use crate::failure::Failure;
use crate::words::counted;

mod json;
mod log_tail;
mod markdown;
mod text;

pub(crate) use json::{json, printed};
pub use log_tail::LogTail;
pub(crate) use markdown::{link, markdown};
pub(crate) use text::{Colour, failure, text};

#[derive(Debug, Clone, Default)]
pub struct Document {
    pub mark: Option<Mark>,
    /// The heading of a page.
    pub title: Line,
    /// Stands below the title. A document that has it begins with both in a terminal, too.
    pub lead: Option<&'static str>,
    /// What a terminal shows below everything else: there the eye ends.
    pub conclusion: Option<Line>,
    pub error: Option<Failure>,
    pub sections: Vec<Section>,
    /// What the blocks of [`Rank::Rest`] are, where a page counts those that it has no room for: `more calls`.
    pub rest: Option<&'static str>,
    /// The same for programs.
    pub data: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Good,
    /// It ended well, and something is not proved.
    Doubtful,
    UnderWay,
    Bad,
}

impl Mark {
    /// Tells whether nothing went wrong.
    pub fn is_well(self) -> bool {
        matches!(self, Self::Good | Self::Doubtful)
    }

    /// Returns one character, for a terminal.
    pub fn sign(self) -> char {
        match self {
            Self::Good => '✔',
            Self::Doubtful => '⚠',
            Self::UnderWay | Self::Bad => '✖',
        }
    }

    pub fn emoji(self) -> &'static str {
        match self {
            Self::Good => "✅",
            Self::Doubtful => "⚠️",
            Self::UnderWay => "⏳",
            Self::Bad => "❌",
        }
    }
}

/// Blocks about one thing. In a terminal it is not shown where none of its blocks is.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub mark: Option<Mark>,
    pub title: Line,
    pub blocks: Vec<Block>,
}

impl Section {
    pub fn of(blocks: impl IntoIterator<Item = impl Into<Block>>) -> Self {
        Self { blocks: blocks.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub fn titled(self, title: impl Into<Line>) -> Self {
        Self { title: title.into(), ..self }
    }

    pub fn within(mut self, rank: Rank, part: usize) -> Self {
        self.blocks = self.blocks.into_iter().map(|block| block.within(rank, part)).collect();
        self
    }
}

#[derive(Debug, Clone)]
pub struct Block {
    pub content: Content,
    pub reader: Reader,
    pub rank: Rank,
    /// All blocks of this rank and part together take at most this part of a page: its third, its half.
    pub part: usize,
}

impl From<Content> for Block {
    fn from(content: Content) -> Self {
        Self { content, reader: Reader::Both, rank: Rank::Core, part: 1 }
    }
}

impl Block {
    pub fn within(self, rank: Rank, part: usize) -> Self {
        Self { rank, part, ..self }
    }

    pub fn only(self, reader: Reader) -> Self {
        Self { reader, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Both,
    Terminal,
    Page,
}

/// How dear a block is to a page that has no room for all: the last of these give way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Core,
    Reason,
    Detail,
    Log,
    Rest,
}

#[derive(Debug, Clone)]
pub enum Content {
    Paragraph(Line),
    Warning(Line),
    /// Aligned in a terminal, a table on a page.
    Facts(Vec<(&'static str, Line)>),
    /// A list.
    Points(Vec<(Reader, &'static str, Line)>),
    Table(Table),
    Notes(Vec<String>),
    Lines(Lines),
    /// JSON to be copied as it is.
    File(String),
    Log(Log),
    /// What to do next, and how. It stands last in a terminal.
    Next(Line, Option<String>),
    /// Made by a builder of its own, with harmless text in it; a terminal does not show it.
    Markdown(String),
}

#[derive(Debug, Clone, Default)]
pub struct Table {
    pub head: Vec<&'static str>,
    /// A terminal shows the mark before the second cell.
    pub rows: Vec<(Option<Mark>, Vec<Line>)>,
    /// What the rows are that are left out on purpose.
    pub rest: String,
}

/// A diff, an input, a list: lines that keep their breaks.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    pub language: &'static str,
    pub text: String,
    /// The title. On a page the lines are folded under it; without it they are open.
    pub fold: Option<Line>,
    /// It is of no use when its end is missing.
    pub whole: bool,
    /// Said on a page of lines that are left out.
    pub more: &'static str,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub of: String,
    pub tail: LogTail,
    pub url: Option<String>,
    /// Stands above the lines on a page.
    pub about: Option<String>,
    pub open: bool,
}

impl Log {
    pub fn is_empty(&self) -> bool {
        self.tail.last().is_none() && self.tail.note.is_none() && self.about.is_none()
    }

    /// Says how many lines are shown: `the last 12 of 200 lines`.
    fn count(&self, shown: usize) -> String {
        let seen = counted(self.tail.seen, "line");
        if shown as u64 == self.tail.seen { seen } else { format!("the last {shown} of {seen}") }
    }
}

/// Words of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    /// The program's own words, which are not escaped.
    Own(&'static str),
    Text(String),
    /// What one copies: a name, a flag, an ARN.
    Code(String),
    Link(&'static str, String),
}

impl From<&'static str> for Line {
    fn from(own: &'static str) -> Self {
        Self(vec![Span::Own(own)])
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self(vec![Span::Text(text)])
    }
}

impl Line {
    pub fn code(text: impl Into<String>) -> Self {
        Self(vec![Span::Code(text.into())])
    }

    pub fn link(label: &'static str, url: impl Into<String>) -> Self {
        Self(vec![Span::Link(label, url.into())])
    }

    pub fn and(mut self, more: impl Into<Line>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
