//! Text from outside (container logs, AWS messages, names) made harmless for the place where it will stand.
//!
//! Everything here keeps the text readable: what cannot be shown as it is becomes visible as something else, so
//! that a hostile line is seen, not hidden. Only the colours and cursor movements of a terminal are dropped.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Splits a text into lines as a person and GitHub's runner would see them: at LF, CRLF, and a lone CR.
///
/// A final line end adds no empty line.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Makes one line for a terminal or a plain log: no escape sequences, no line ends, control characters visible.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_end_matches(['\n', '\r']);
    while let Some(char) = rest.chars().next() {
        if let Some(length) = escape_sequence(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[char.len_utf8()..];
        match char {
            '\t' => out.push(char),
            '\r' if rest.starts_with('\n') => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('⏎'),
            // Unicode has a picture for each of these: ␀ ␛ ␡.
            '\0'..'\x20' => out.push(char::from_u32(0x2400 + char as u32).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('␡'),
            _ if is_hidden(char) => {
                let _ = write!(out, "\\u{{{:x}}}", char as u32);
            }
            _ => out.push(char),
        }
    }
    Cow::Owned(out)
}

/// Makes one line of at most `limit` characters, for a sentence of the program.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    shortened(&one_line(text), limit).into_owned()
}

/// Shortens a text to at most `limit` characters, the last of which, `…`, says that there was more.
pub(crate) fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept = text.char_indices().nth(limit.saturating_sub(1)).map_or(0, |(index, _)| index);
            Cow::Owned(format!("{}…", &text[..kept]))
        }
    }
}

/// Makes text from outside a part of a sentence of the program: one line of at most 300 characters.
pub(crate) fn phrase(text: &str) -> String {
    printable(text, 300)
}

/// Escapes one line of text for HTML content and attributes.
///
/// It can stand on a stream that GitHub's runner reads: no workflow command survives.
pub(crate) fn html(text: &str) -> String {
    let line = one_line(text);
    let mut out = String::with_capacity(line.len() + line.len() / 8);
    let indent = line.len() - line.trim_start().len();
    let command = line[indent..].starts_with("::");
    for (index, char) in line.char_indices() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '[' if out.ends_with('#') => out.push_str("&#91;"),
            ':' if command && index == indent => out.push_str("&#58;"),
            _ => out.push(char),
        }
    }
    out
}

/// Escapes text for a Markdown paragraph, or an HTML element in it: one line without markup, links, mentions or HTML.
///
/// A character reference never takes part in Markdown's structure (CommonMark 0.31, 2.5), so every character that
/// could is written as one. GitHub looks for mentions (`@name`) and references (`#1`, `GH-1`) in the text that comes
/// out of that: a zero-width space keeps it from finding them.
///
/// A pair of backticks makes a code span, as in the program's own hints. That is harmless in words from outside: the text in
/// it is escaped too.
pub(crate) fn markdown_text(text: &str) -> String {
    let line = one_line(text);
    let mut out = String::with_capacity(line.len() * 2);
    let mut rest = line.trim();
    while let Some((before, code, after)) = code_span(rest) {
        push_markdown(&mut out, before, ZERO_WIDTH);
        out.push_str("<code>");
        push_markdown(&mut out, code, "");
        out.push_str("</code>");
        rest = after;
    }
    push_markdown(&mut out, rest, ZERO_WIDTH);
    out
}

const ZERO_WIDTH: &str = "&#8203;";

/// Splits at the first text between two backticks: what stands before it, the text, and what stands behind it.
fn code_span(text: &str) -> Option<(&str, &str, &str)> {
    let mut ticks = text.match_indices('`').map(|(at, _)| at);
    let mut open = ticks.next()?;
    for close in ticks {
        let code = &text[open + 1..close];
        if !code.trim().is_empty() {
            return Some((&text[..open], code, &text[close + 1..]));
        }
        open = close;
    }
    None
}

/// Writes a name or an ARN in a code span, at most [`CELL`] characters long, that copies as it is: nothing in a code
/// span is a mention. It is raw HTML, because a code span of backticks cannot stand in a table with a `|` in it.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = shortened(text, CELL);
    let mut out = String::new();
    push_markdown(&mut out, one_line(&text).trim(), "");
    if out.is_empty() { "–".to_owned() } else { format!("<code>{out}</code>") }
}

/// Appends one line, escaped for Markdown; `apart` stands where GitHub would see a mention or a reference.
fn push_markdown(out: &mut String, line: &str, apart: &str) {
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            // An empty element keeps an address in code from becoming a link, and is not copied.
            '@' if apart.is_empty() && ends_an_address(chars.clone()) => out.push_str("&#64;<span></span>"),
            '@' => out.extend(["&#64;", apart]),
            '#' if chars.peek().is_some_and(|next| next.is_alphanumeric()) => out.extend(["&#35;", apart]),
            '-' if out.to_ascii_lowercase().ends_with("gh") => out.extend(["-", apart]),
            // The end of a sentence and the parts of a number or a name stay; "www." and "://" do not link.
            // A number with a full stop or a parenthesis begins a list.
            '.' | ')'
                if !(apart.is_empty() || out.is_empty()) && out.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                let _ = write!(out, "&#{};", char as u32);
            }
            '.' if !out.to_ascii_lowercase().ends_with("www") => out.push(char),
            ',' | ';' | '?' | '%' | '/' | '"' | '\'' | '(' | ')' => out.push(char),
            '-' if apart.is_empty() || !out.is_empty() => out.push(char),
            ':' if !out.is_empty() && chars.peek().is_none_or(|next| *next == ' ') => out.push(char),
            '_' if between_letters(out, chars.peek()) => out.push(char),
            '\t' => out.push(' '),
            _ if char.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", char as u32);
            }
            _ => out.push(char),
        }
    }
}

/// Escapes text for a cell of a Markdown table, at most [`CELL`] characters long; never empty.
pub(crate) fn markdown_cell(text: &str) -> String {
    let text = markdown_text(&shortened(text, CELL));
    if text.is_empty() { "–".to_owned() } else { text }
}

/// Characters of a cell: names and reasons fit, and a thousand rows stay readable.
pub(crate) const CELL: usize = 300;

/// Makes a fenced code block that its content cannot close: the fence is longer than any run of backticks in it.
///
/// `##[` is written with a JSON escape, since the runner takes it for a command wherever it stands.
pub(crate) fn fence(language: &str, content: &str) -> String {
    let longest = content.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let marks = "`".repeat(longest.max(2) + 1);
    let mut out = format!("{marks}{language}\n");
    for line in lines(content) {
        let line = one_line(line).replace("##[", "#\\u0023[");
        if line.trim_start().starts_with("::") {
            out.push('\u{200b}');
        }
        out.push_str(&line);
        out.push('\n');
    }
    out.push_str(&marks);
    out.push('\n');
    out
}

/// Tells whether GitHub takes this for the domain of an address (GFM 0.29, 6.9): it has a dot.
fn ends_an_address(after: impl Iterator<Item = char>) -> bool {
    after.take_while(|char| char.is_alphanumeric() || matches!(char, '.' | '-' | '_')).any(|char| char == '.')
}

/// Tells whether an underscore is inside a name such as `startupwebapp_prod`: it is not emphasis (CommonMark 0.31,
/// 6.2).
fn between_letters(before: &str, after: Option<&char>) -> bool {
    before.ends_with(|char: char| char.is_alphanumeric()) && after.is_some_and(|char| char.is_alphanumeric())
}

/// Tells whether a character shows nothing: control characters, those that turn the order of others around, and those
/// without a width, except the joiners that emoji and some scripts are written with. All of them are in Unicode's
/// first plane.
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns the length in bytes of the whole escape sequence that `text` begins with (ECMA-48).
///
/// None for one that does not end within the text: else it would hide the rest of the line.
pub(crate) fn escape_sequence(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\x1b')?;
    let length = match body.bytes().next()? {
        // CSI: parameters, intermediates, one final byte.
        b'[' => {
            let parameters = body[1..].bytes().take_while(|byte| matches!(byte, b' '..=b'?')).count();
            matches!(body.as_bytes().get(1 + parameters)?, b'@'..=b'~').then_some(parameters + 2)?
        }
        // OSC, DCS, SOS, PM, APC: a string up to BEL or ST, without other control characters in it.
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let end = body.find(char::is_control)?;
            if body[end..].starts_with('\x07') {
                end + 1
            } else {
                body[end..].starts_with("\x1b\\").then_some(end + 2)?
            }
        }
        b' '..=b'/' => matches!(body.as_bytes().get(1)?, b'0'..=b'~').then_some(2)?,
        b'0'..=b'~' => 1,
        _ => return None,
    };
    Some(1 + length)
}

#[cfg(test)]
mod tests;
