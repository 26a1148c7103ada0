//! A document for programs.

use std::fmt::Write as _;

use serde_json::Value;

use super::Document;
use crate::untrusted;

pub(crate) fn json(document: &Document) -> String {
    printed(&document.data)
}

/// Writes one line that can stand on a stream which GitHub's runner reads, and on a terminal: it has no `##[`, no
/// control characters and none that reorder others, and a JSON parser reads the same value.
pub(crate) fn printed(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            // In JSON these stand in strings alone, so an escape is always allowed.
            '[' if out.ends_with("##") => out.push_str("\\u005b"),
            _ if untrusted::is_hidden(char) => {
                let _ = write!(out, "\\u{:04x}", char as u32);
            }
            _ => out.push(char),
        }
    }
    out
}
