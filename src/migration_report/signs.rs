//! Signs of a migration report in a line: what could be one must not pass for log.
//!
//! A sign is the key's name, in any capitals and with its escapes resolved, as a key is written: in quotes and with a
//! colon, an equals sign or an arrow behind, or with an object behind it. So a report counts behind a log level, in
//! the text of a JSON log, or printed by a language that has other quotes; a sentence about reports does not.

use std::borrow::Cow;

const KEY: &str = "migration_report";

/// Returns how many signs a line has.
pub(super) fn count(line: &str) -> usize {
    let has_key =
        |text: &str| text.as_bytes().windows(KEY.len()).any(|part| part.eq_ignore_ascii_case(KEY.as_bytes()));
    if !has_key(line) && !line.contains("\\u") {
        return 0;
    }
    let text = unescaped(line).to_ascii_lowercase();
    text.match_indices(KEY).filter(|(at, _)| is_key(&text[..*at], &text[at + KEY.len()..])).count()
}

/// Returns whether the line is the beginning of a report that was cut before its key ended, or right behind it.
pub(super) fn is_cut(line: &str) -> bool {
    /// The fewest letters that tell the key: fewer may begin any other.
    const TOLD: usize = "migration".len();
    let Some(key) = line.strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix('"')) else {
        return false;
    };
    let key = key.trim_end_matches('"').to_ascii_lowercase();
    key.len() >= TOLD && KEY.starts_with(&key)
}

fn is_key(before: &str, after: &str) -> bool {
    let is_part_of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if before.chars().next_back().is_some_and(is_part_of_a_name) {
        return false;
    }
    let behind = after.trim_start_matches(is_around);
    let is_quoted = after[..after.len() - behind.len()].contains(is_quote);
    let value = ["=>", ":", "="].iter().find_map(|sign| behind.strip_prefix(sign));
    let is_object = |text: &str| text.trim_start_matches(is_around).starts_with('{');
    match value {
        Some(value) => is_quoted || is_object(value),
        None => behind.starts_with('{'),
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

fn is_around(c: char) -> bool {
    is_quote(c) || c.is_whitespace()
}

/// Resolves escapes: `\\u005f` becomes `_`, however often it is escaped, and other backslashes go, because a text in
/// a text has its quotes escaped.
fn unescaped(line: &str) -> Cow<'_, str> {
    if !line.contains('\\') {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = rest[at..].trim_start_matches('\\');
        let hex = rest.strip_prefix('u').and_then(|hex| hex.get(..4));
        let char = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        if let Some(char) = char {
            out.push(char);
            rest = &rest[5..];
        } else if rest.starts_with(['n', 'r', 't']) {
            out.push(' ');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}
