//! Bounds a text before it is parsed: the parser and its tree recurse, and a stack that overflows ends the process.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// Words and signs on the way from the text's top to its deepest place: a tree is never deeper.
const DEEPEST: usize = 4_000;
/// Bytes of a string that stays as it is.
const SHORT: usize = 64;

/// A text that can be parsed: as long as it was, with the bodies of functions and long strings blank.
#[derive(Debug)]
pub(super) struct Bounded {
    pub text: String,
    /// Where something is blank.
    pub bodies: Vec<Range<usize>>,
}

/// Makes bodies and long strings blank, because the parser would parse them as well.
///
/// # Errors
/// Where the text is nested too deeply, and that it is.
pub(super) fn bounded(text: &str) -> Result<Bounded, (usize, &'static str)> {
    let mut bytes = text.as_bytes().to_vec();
    let mut bodies = Vec::new();
    // How many words each open parenthesis has behind it, since its last comma.
    let mut open = vec![0_usize];
    let mut depth = 0;
    let mut at = 0;
    for token in tokenize(text) {
        let end = (at + token.len as usize).min(bytes.len());
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => {}
            TokenKind::OpenParen | TokenKind::OpenBracket => {
                open.push(1);
                depth += 1;
            }
            TokenKind::CloseParen | TokenKind::CloseBracket => {
                depth -= if open.len() > 1 { open.pop().unwrap_or_default() } else { 0 };
                count(&mut open, &mut depth);
            }
            TokenKind::Comma => depth -= reset(&mut open, 0),
            TokenKind::Semi => {
                open = vec![0];
                depth = 0;
            }
            TokenKind::Literal { kind } => {
                if let Some(edge) = edge(kind, &text[at..end]) {
                    blank(&mut bytes, at + edge..end - edge);
                    bodies.push(at..end);
                }
                count(&mut open, &mut depth);
            }
            _ => count(&mut open, &mut depth),
        }
        if depth > DEEPEST {
            return Err((at, "nested too deeply to be parsed"));
        }
        at = end;
    }
    let text = String::from_utf8(bytes).map_err(|_| (0, "not UTF-8"))?;
    Ok(Bounded { text, bodies })
}

fn count(open: &mut [usize], depth: &mut usize) {
    if let Some(last) = open.last_mut() {
        *last += 1;
        *depth += 1;
    }
}

/// Sets the words of the innermost parenthesis, and returns how many they were.
fn reset(open: &mut [usize], to: usize) -> usize {
    open.last_mut().map_or(0, |last| std::mem::replace(last, to))
}

/// Returns how many bytes of each end of a literal stay; none when all of it stays.
fn edge(kind: LiteralKind, text: &str) -> Option<usize> {
    match kind {
        LiteralKind::DollarQuotedString { .. } => {
            let edge = text.get(1..)?.find('$')? + 2;
            (text.len() >= 2 * edge).then_some(edge)
        }
        LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => None,
        // `E'` and `U&'` at the most.
        _ if text.len() > SHORT => Some(3),
        _ => None,
    }
}

fn blank(bytes: &mut [u8], range: Range<usize>) {
    for byte in bytes.get_mut(range).into_iter().flatten() {
        if !matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}
