//! A document for a page on GitHub: a job summary, or a comment on a pull request.
//!
//! Nothing from outside is markup here: see [`crate::untrusted`]. The page is never larger than its limit, whatever
//! comes in: blocks get their room by [`Rank`], and what comes too late gives way.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::{Block, Content, Document, Line, Lines, Log, Rank, Reader, Section, Span, Table};
use crate::failure::Failure;
use crate::untrusted::{fence, html, markdown_code, markdown_text, shortened};
use crate::words::{counted, sentence};

/// Characters of a sentence from outside: ECS keeps 1,024 of a reason.
const SENTENCE: usize = 2_000;
/// Characters of the line above a log, and bytes of an error's evidence.
const ABOUT: usize = 300;
const EVIDENCE: usize = 48 * 1024;
/// Bytes of the flags that a next step needs: nobody copies more.
const FLAGS: usize = 16 * 1024;
/// Bytes of a log: less is not help, and then there is only its link.
const LEAST: usize = 2 * 1024;
/// Bytes of a line that counts what is left out.
const MORE: usize = 200;

/// Renders a document in at most `limit` bytes.
pub(crate) fn markdown(document: &Document, limit: usize) -> String {
    let mut out = head(document);
    let mut room = limit.saturating_sub(out.len() + document.rest.map_or(0, |rest| rest.len() + MORE));
    let blocks = document.sections.iter().flat_map(|section| {
        let shown = section.blocks.iter().filter(|block| block.reader != Reader::Terminal);
        let headings = [heading(document, section)].into_iter().chain(std::iter::repeat_with(String::new));
        headings.zip(shown)
    });
    let blocks: Vec<(String, &Block)> = blocks.collect();
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|index| blocks[*index].1.rank);
    let share = |index: &usize| (blocks[*index].1.rank, blocks[*index].1.part);
    let mut pieces = vec![None; blocks.len()];
    for group in order.chunk_by(|one, other| share(one) == share(other)) {
        let mut budget = group.first().map_or(0, |index| room.min(limit / blocks[*index].1.part));
        for (done, index) in group.iter().enumerate() {
            let (heading, block) = &blocks[*index];
            // Logs share equally; anything else comes in its order.
            let most = match block.content {
                Content::Log(_) => (budget / (group.len() - done)).max(2 * LEAST).min(budget),
                _ => budget,
            };
            let body = most.checked_sub(heading.len()).and_then(|room| content(&block.content, room));
            pieces[*index] = body.map(|body| format!("{heading}{body}"));
            let used = pieces[*index].as_ref().map_or(0, String::len);
            (budget, room) = (budget - used, room - used);
            if pieces[*index].is_none() && document.rest.is_some() && block.rank == Rank::Rest {
                // There is no gap above the line that counts the rest.
                break;
            }
        }
    }
    let is_left = |(_, block): &(String, &Block)| block.rank == Rank::Rest;
    let left = blocks.iter().zip(&pieces).filter(|(block, piece)| is_left(block) && piece.is_none()).count();
    out.extend(pieces.into_iter().flatten());
    if let Some(rest) = document.rest.filter(|_| left > 0) {
        let _ = writeln!(out, "… and {left} {rest}.");
    }
    format!("{}\n", out.trim_end())
}

fn head(document: &Document) -> String {
    let title = sentence(&marked(&document.title));
    let mut out = match document.mark {
        Some(mark) => format!("## {} {title}\n\n", mark.emoji()),
        None => format!("### {title}\n\n"),
    };
    document.lead.iter().for_each(|lead| out.push_str(&format!("{lead}\n\n")));
    out.push_str(&document.error.as_ref().map(error).unwrap_or_default());
    out
}

fn heading(document: &Document, Section { title, mark, .. }: &Section) -> String {
    let title = marked(title);
    match (document.mark, mark) {
        _ if title.is_empty() => String::new(),
        (None, _) => format!("**{title}**\n\n"),
        (Some(_), None) => format!("### {}\n\n", sentence(&title)),
        (Some(_), Some(mark)) => format!("### {} {title}\n\n", mark.emoji()),
    }
}

/// Renders what ended the run, with its hint and evidence.
fn error(failure: &Failure) -> String {
    let mut out = format!("**Error:** {}\n\n", prose(&failure.message));
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "**Fix:** {}\n", prose(hint));
    }
    if !failure.evidence.is_empty() {
        let evidence = failure.evidence.iter().map(String::as_str);
        let _ = writeln!(out, "<pre>{}</pre>\n", last(evidence, EVIDENCE).0);
    }
    out
}

/// Renders what a block shows. `None` where there is no room; empty where there is nothing to show.
fn content(content: &Content, room: usize) -> Option<String> {
    match content {
        Content::Paragraph(line) => Some(format!("{}\n\n", sentence(&marked(line)))),
        Content::Warning(line) => Some(format!("⚠️ {}\n\n", sentence(&marked(line)))),
        Content::Facts(facts) => {
            let rows = facts.iter().map(|(name, value)| format!("| {name} | {} |\n", marked(value)));
            return table("| | |\n|---|---|\n", rows, "", room);
        }
        Content::Table(Table { head, rows, rest }) => {
            let head = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
            let rows = rows.iter().map(|(_, cells)| {
                format!("| {} |\n", cells.iter().map(marked).collect::<Vec<_>>().join(" | "))
            });
            return table(&head, rows, rest, room);
        }
        Content::Points(points) => Some(list(points)),
        Content::Notes(notes) => {
            let notes = notes.iter().map(|note| format!("> [!NOTE]\n> {}\n\n", prose(note)));
            let (notes, left) = fitting(notes, room);
            let more =
                if left > 0 { format!("… and {}\n\n", counted(left, "more note")) } else { String::new() };
            return Some(notes + &more);
        }
        Content::Lines(lines) => return code(lines, room),
        Content::File(text) => Some(format!("{}\n", fence("json", text))),
        Content::Log(log) => return end_of(log, room),
        Content::Next(say, Some(how)) if how.len() <= FLAGS => {
            Some(format!("**Next:** {}:\n\n{}\n", marked(say), fence("sh", how)))
        }
        Content::Next(say, _) => Some(format!("**Next:** {}.\n\n", marked(say))),
        Content::Markdown(text) => Some(text.clone()),
    }
    .filter(|text| text.len() <= room)
}

/// Joins the first parts that fit into `room` bytes with the line that counts the others; returns how many these are.
fn fitting(parts: impl ExactSizeIterator<Item = String>, room: usize) -> (String, usize) {
    let (mut out, mut left) = (String::new(), 0);
    for part in parts {
        if left > 0 || out.len() + part.len() + MORE > room {
            left += 1;
        } else {
            out.push_str(&part);
        }
    }
    (out, left)
}

fn table(head: &str, rows: impl ExactSizeIterator<Item = String>, rest: &str, room: usize) -> Option<String> {
    if rows.len() == 0 {
        return Some(String::new());
    }
    let (rows, left) = fitting(rows, room.checked_sub(head.len() + rest.len())?);
    let mut out = format!("{head}{rows}\n");
    if left > 0 {
        let _ = writeln!(out, "… and {}.\n", counted(left, "more row"));
    }
    if !rest.is_empty() {
        let _ = writeln!(out, "{rest}\n");
    }
    Some(out)
}

fn list(points: &[(Reader, &'static str, Line)]) -> String {
    let mut out = String::new();
    for (reader, name, value) in points {
        let value = marked(value);
        if *reader != Reader::Terminal && !value.is_empty() {
            // Names of AWS are what one searches for.
            let name = if name.contains(char::is_uppercase) { (*name).to_owned() } else { sentence(name) };
            let _ = writeln!(out, "- **{name}:** {value}");
        }
    }
    if out.is_empty() { out } else { out + "\n" }
}

fn code(Lines { language, text, fold, whole, more }: &Lines, room: usize) -> Option<String> {
    if text.trim().is_empty() {
        return Some(String::new());
    }
    let (before, after) = match fold {
        Some(fold) => (format!("<details><summary>{}</summary>\n\n", marked(fold)), "\n</details>\n\n"),
        None => (String::new(), "\n"),
    };
    let block = fence(language, text);
    let mut lines: Vec<&str> = block.lines().collect();
    let end = lines.pop().unwrap_or_default();
    let mut used = before.len() + end.len() + after.len() + MORE;
    let fits = |line: &&&str| {
        used += line.len() + 1;
        used <= room
    };
    let shown = lines.iter().take_while(fits).count();
    let more = match lines.len() - shown {
        0 => String::new(),
        // Less than its first line shows nothing.
        _ if *whole || shown < 2 => return None,
        left => format!("\n… and {}{more}\n", counted(left, "more line")),
    };
    Some(format!("{before}{}\n{end}\n{more}{after}", lines[..shown].join("\n")))
}

/// Renders a log's last lines; `None` where there is no room.
fn end_of(log: &Log, room: usize) -> Option<String> {
    const END: &str = "</pre>\n\n</details>\n\n";
    if log.is_empty() {
        return Some(String::new());
    }
    let Log { of, tail, url, about, open } = log;
    let open = if *open { " open" } else { "" };
    let of = markdown_text(&shortened(of, 100));
    let url = url.as_deref().and_then(|url| link("whole log", url));
    let link = url.map(|link| format!(", {link}")).unwrap_or_default();
    let above = [tail.note.as_ref(), about.as_ref()].into_iter().flatten();
    let above: String =
        above.map(|text| format!("<p>{}</p>\n", markdown_text(&shortened(text, ABOUT)))).collect();
    let frame = of.len() + link.len() + above.len() + END.len() + MORE;
    if room < frame + LEAST {
        return None;
    }
    let (text, shown) = last(tail.lines(), room - frame);
    let count = log.count(shown);
    let head = format!("<details{open}><summary>Log of <b>{of}</b>: {count}{link}</summary>\n{above}\n");
    Some(if shown == 0 { format!("{head}</details>\n\n") } else { format!("{head}<pre>{text}{END}") })
}

/// Returns the last lines that fit into `limit` bytes once they are escaped, at least the very last one's beginning,
/// and how many these are.
fn last<'a>(lines: impl DoubleEndedIterator<Item = &'a str>, limit: usize) -> (String, usize) {
    /// `\u{202e}`: no character is longer once it is escaped.
    const ESCAPED: usize = 8;
    let mut kept = VecDeque::new();
    let mut used = 0;
    for line in lines.rev() {
        let line = if kept.is_empty() { html(&shortened(line, limit / ESCAPED - 1)) } else { html(line) };
        used += line.len() + 1;
        if used > limit {
            break;
        }
        kept.push_front(line);
    }
    (kept.make_contiguous().join("\n"), kept.len())
}

/// Renders a line with the program's own markup alone.
fn marked(line: &Line) -> String {
    let spans = line.0.iter().map(|span| match span {
        Span::Own(own) => (*own).to_owned(),
        Span::Text(text) => prose(text),
        Span::Code(text) => markdown_code(text),
        Span::Link(label, url) => link(label, url).unwrap_or_default(),
    });
    spans.collect()
}

/// Renders a sentence from outside, in a paragraph.
fn prose(text: &str) -> String {
    markdown_text(&shortened(text, SENTENCE))
}

/// Makes a link of the program's own; `None` for anything but an HTTP address of at most 2,000 bytes. What could end
/// it or the cell is percent-encoded.
pub(crate) fn link(label: &str, url: &str) -> Option<String> {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return None;
    }
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#=&%$+,;".contains(&byte) {
            safe.push(byte as char);
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    (safe.len() <= SENTENCE).then(|| format!("<a href=\"{}\">{label}</a>", html(&safe)))
}
