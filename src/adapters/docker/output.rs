//! What a program prints, cut into lines that are harmless to show.

use crate::untrusted::escape_sequence;

/// No line is kept longer than this; the rest starts a new one.
const MAX_LINE: usize = 8 * 1024;

/// Cuts bytes into lines at LF and at CR (a redrawn progress line counts as a line), whatever the chunks.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Returns the lines that `bytes` completes, without blank ones.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for &byte in bytes {
            if byte != b'\n' && byte != b'\r' {
                self.pending.push(byte);
                if self.pending.len() < MAX_LINE {
                    continue;
                }
            }
            complete.extend(self.rest());
        }
        complete
    }

    /// Takes what came after the last line end; `None` when it is blank.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let line = harmless(&String::from_utf8_lossy(&std::mem::take(&mut self.pending)));
        (!line.trim().is_empty()).then_some(line)
    }
}

/// Removes escape sequences (colours, cursor movements, window titles) and other control characters.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match character {
            '\t' => shown.push(' '),
            character if character.is_control() => {}
            character => shown.push(character),
        }
        rest = &rest[escape_sequence(rest).unwrap_or(character.len_utf8())..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_the_chunks() {
        let text = "#1 [1/2] FROM x\n\n#2 40%\r#2 100%\r\nlast é";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut got: Vec<String> =
                text.as_bytes().chunks(size).flat_map(|chunk| lines.feed(chunk)).collect();
            got.extend(lines.rest());
            assert_eq!(got, ["#1 [1/2] FROM x", "#2 40%", "#2 100%", "last é"], "chunks of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_grow() {
        let mut lines = Lines::default();
        assert_eq!(lines.feed(&[b'x'; 3 * MAX_LINE]).len(), 3);
        assert!(lines.rest().is_none());
    }

    #[test]
    fn escape_sequences_are_left_out() {
        for (text, shown) in [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("a\u{8}b\u{0}\u{9b}c\td", "abc d"),
            ("cut \u{1b}[", "cut ["),
            ("::error::é 世", "::error::é 世"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }
}
