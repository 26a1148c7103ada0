//! Questions on a terminal.

use std::io::{BufRead, IsTerminal as _, Read as _, Write as _};

use anyhow::Result;
use tokio::sync::oneshot;

use crate::adapters::github::GitHub;
use crate::interrupt::Interrupt;

/// Bytes of an answer: a longer one is none.
const ANSWER: u64 = 1000;

/// Tells whether there is someone to ask: nobody answers in CI.
pub(super) fn is_possible(github: Option<&GitHub>) -> bool {
    github.is_none() && std::io::stdin().is_terminal()
}

/// Asks a question, and waits for a line, or an interrupt. Returns the line without the space around it; `None` at the
/// end of the input, or for a line that cannot be read.
///
/// # Errors
/// The run was interrupted.
pub(super) async fn ask(question: &str, interrupt: &Interrupt) -> Result<Option<String>> {
    // Where it cannot be asked, nobody answers.
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question} ").and_then(|()| stderr.flush());
    let (answer, answered) = oneshot::channel();
    // A thread of its own, which ends with the process: a read of a terminal cannot be given up.
    std::thread::spawn(move || {
        let _ = answer.send(line(&mut std::io::stdin().lock()));
    });
    interrupt.unless(async { Ok(answered.await.unwrap_or(None)) }).await
}

/// Reads a line; `None` for one that is too long, is not UTF-8, or has no end.
fn line(input: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = input.take(ANSWER).read_line(&mut line);
    (read.is_ok() && line.ends_with('\n')).then(|| line.trim().to_owned())
}

/// Tells whether an answer is `y` or `yes` in any case: nothing else is a yes.
pub(super) fn is_yes(answer: Option<&str>) -> bool {
    answer.is_some_and(|answer| matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_yes_typed(typed: &[u8]) -> bool {
        is_yes(line(&mut &*typed).as_deref())
    }

    #[test]
    fn only_yes_is_yes() {
        for (typed, is_yes) in [
            ("y\n", true),
            ("yes\n", true),
            (" Yes \r\n", true),
            ("\n", false),
            ("", false),
            ("y", false),
            ("n\ny\n", false),
            ("yeah\n", false),
            ("y y\n", false),
        ] {
            assert_eq!(is_yes_typed(typed.as_bytes()), is_yes, "{typed:?}");
        }
        assert!(!is_yes_typed(format!("{}y\n", " ".repeat(2000)).as_bytes()));
        assert!(!is_yes_typed(b"\xff\xfe\n"));
    }
}
