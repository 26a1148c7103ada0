//! Workflow commands: what a step may tell GitHub's runner on its streams, and how untrusted text is kept from it.
//!
//! The runner reads both streams of a step line by line, and takes `::name k=v::data` at a line's start and
//! `##[name k=v]data` anywhere for commands (actions/runner, ActionCommand.cs).

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::hex::hex;
use crate::untrusted::{lines, one_line, shortened};

/// GitHub drops a summary of more than 1 MiB as a whole (actions/runner, FileCommandManager.cs). Secrets are masked
/// after that is measured; the distance leaves room for what else is added to the summary.
pub(crate) const SUMMARY_LIMIT: usize = 900 * 1024;

/// A fence on a stream: while it is up, the runner takes nothing on the stream for a command.
///
/// It has a new token each time it is raised: no log can take it down, not even one whose author reads along.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    token: Option<String>,
}

impl Fence {
    pub(crate) fn is_up(&self) -> bool {
        self.token.is_some()
    }

    /// Raises the fence: returns the line that puts it up, or none when it is up already.
    pub(crate) fn raise(&mut self) -> Option<String> {
        if self.token.is_some() {
            return None;
        }
        let token = self.token.insert(random_token());
        Some(format!("::stop-commands::{token}"))
    }

    /// Lowers the fence: returns the line that takes it down, or none when it is down already.
    pub(crate) fn lower(&mut self) -> Option<String> {
        self.token.take().map(|token| format!("::{token}::"))
    }
}

/// Returns the line that begins a section, which the log page folds. Sections do not nest.
pub(crate) fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

pub(crate) const END_GROUP: &str = "::endgroup::";

/// Where an annotation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Below the workspace, with `/` between its parts.
    pub file: String,
    /// From 1 on.
    pub line: Option<u64>,
}

/// Makes an annotation of the run, or of a place in its repository. GitHub shows 10 errors of a step.
pub(crate) fn error_annotation(place: Option<&Place>, title: &str, message: &str) -> String {
    annotation("error", place, title, message)
}

/// Makes a warning of the same form. GitHub shows 10 warnings of a step.
pub(crate) fn warning_annotation(place: Option<&Place>, title: &str, message: &str) -> String {
    annotation("warning", place, title, message)
}

fn annotation(level: &str, place: Option<&Place>, title: &str, message: &str) -> String {
    let mut properties = String::new();
    if let Some(Place { file, line }) = place {
        let _ = write!(properties, "file={},", property(file));
        if let Some(line) = line {
            let _ = write!(properties, "line={line},");
        }
    }
    format!(
        "::{level} {properties}title={}::{}",
        property(&one_line(title)),
        data(&shortened(&lines(message).map(one_line).collect::<Vec<_>>().join("\n"), MESSAGE))
    )
}

/// The runner cuts a longer message (ExecutionContext.cs: 4,096).
const MESSAGE: usize = 4_000;

/// Returns the line that keeps a secret out of everything printed from here on; none for a blank one. Each line of
/// the secret is masked, because logs are masked by line.
pub(crate) fn mask(secret: &str) -> Option<String> {
    (!secret.trim().is_empty()).then(|| format!("::add-mask::{}", data(secret)))
}

/// Breaks the commands in a line of text, for a stream on which commands are on.
pub(crate) fn without_commands(line: &str) -> Cow<'_, str> {
    if !line.contains("##[") && !line.trim_start().starts_with("::") {
        return Cow::Borrowed(line);
    }
    let broken = line.replace("##[", "#\u{200b}#[");
    let text = broken.trim_start();
    let indent = &broken[..broken.len() - text.len()];
    Cow::Owned(if text.starts_with("::") { format!("{indent}:\u{200b}{}", &text[1..]) } else { broken })
}

/// Escapes a command's data as ActionCommand.cs does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a command's property as ActionCommand.cs does.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns 128 random bits of the operating system, as 32 hexadecimal digits.
pub(crate) fn random_token() -> String {
    let mut bytes = [0; 16];
    // Without randomness nothing here is safe to go on with; Rust's own hash maps panic as well.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_has_a_new_token_each_time() {
        let mut fence = Fence::default();
        assert_eq!(fence.lower(), None);
        let first = fence.raise().unwrap();
        assert_eq!(fence.raise(), None);
        let token = first.strip_prefix("::stop-commands::").unwrap();
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        assert_eq!(fence.lower(), Some(format!("::{token}::")));
        assert_ne!(fence.raise(), Some(first));
    }

    #[test]
    fn commands_are_one_line_whatever_they_say() {
        assert_eq!(
            error_annotation(None, "a: b, c", "100 %\r\n::error::x\u{1b}[31m"),
            "::error title=a%3A b%2C c::100 %25%0A::error::x"
        );
        let place = Place { file: "app/a,line=9::b%.sql".to_owned(), line: Some(3) };
        assert_eq!(
            error_annotation(Some(&place), "t", &"é".repeat(5_000)),
            format!("::error file=app/a%2Cline=9%3A%3Ab%25.sql,line=3,title=t::{}…", "é".repeat(3_999))
        );
        assert_eq!(group("build\n::error::x"), "::group::build%0A::error::x");
        assert_eq!(mask("se%cret\nline").as_deref(), Some("::add-mask::se%25cret%0Aline"));
        assert_eq!(mask(" \n"), None);
    }

    #[test]
    fn a_harmless_line_is_no_command() {
        for (line, expected) in [
            ("text: a::b #[x]", "text: a::b #[x]"),
            ("::set-output name=x::y", ":\u{200b}:set-output name=x::y"),
            ("\t ::x", "\t :\u{200b}:x"),
            ("a ##[set-output name=x]y ##[b]", "a #\u{200b}#[set-output name=x]y #\u{200b}#[b]"),
            ("::##[x]", ":\u{200b}:#\u{200b}#[x]"),
        ] {
            assert_eq!(without_commands(line), expected);
        }
    }
}
