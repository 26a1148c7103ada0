//! Names in a line of JSON that two readers may take for different things.

use std::collections::HashSet;

use crate::untrusted::phrase;

/// Refuses a name that an object has twice, in whatever capitals (RFC 8259, 4: what that means is not defined, and
/// readers take the first, the last, or ignore case), and one that is written with escapes. `json` is valid JSON.
///
/// # Errors
/// Says which name it is.
pub(super) fn check(json: &str) -> Result<(), String> {
    // The names of each object that is open; `None` for a list.
    let mut open: Vec<Option<HashSet<String>>> = Vec::new();
    let mut is_name = false;
    let mut rest = json;
    while let Some(at) = rest.find(['{', '}', '[', ']', ',', '"']) {
        let (token, after) = rest[at..].split_at(1);
        rest = after;
        match token {
            "{" => open.push(Some(HashSet::new())),
            "[" => open.push(None),
            "}" | "]" => drop(open.pop()),
            "\"" => {
                let (text, after) = string(rest);
                rest = after;
                if let Some(Some(names)) = open.last_mut().filter(|_| is_name) {
                    if text.contains('\\') {
                        return Err(format!("the name {} is written with escapes", phrase(text)));
                    }
                    if !names.insert(text.to_lowercase()) {
                        return Err(format!("the name {} stands there twice", phrase(text)));
                    }
                }
            }
            _ => {}
        }
        is_name = match token {
            "{" => true,
            "," => matches!(open.last(), Some(Some(_))),
            _ => false,
        };
    }
    Ok(())
}

/// Splits what follows an opening quote: the string up to its closing quote, and the text behind that.
fn string(rest: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return (&rest[..at], &rest[at + 1..]),
            _ => {}
        }
    }
    (rest, "")
}
