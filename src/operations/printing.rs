//! Where an operation's words go: progress and closing lines for people, documents for programs.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;

use crate::adapters::github::GitHub;
use crate::adapters::proxy;
use crate::choices::Format;
use crate::cli;
use crate::document::{self, Colour, Document};
use crate::failure::{ExitCode, Failure};
use crate::progress::{Mode, Progress, Stream, Vocabulary};
use crate::workflow_commands::SUMMARY_LIMIT;

/// Prints what a program reads. It goes to stdout alone; what a person reads on the way then goes to stderr.
pub(super) fn print(text: &str) -> Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| {
        Failure::service(format!("write to standard output: {error}"))
            .hint("let it go where there is room, or to a program that reads all of it")
    })?;
    Ok(ExitCode::Done)
}

/// Says of a result that could not be printed how the run itself has ended. A verdict other than success stays the
/// exit code; success does not, without the document that was asked for.
pub(super) fn unprinted(error: &anyhow::Error, verdict: ExitCode) -> Failure {
    let failure = Failure::from_error(error);
    let hint = format!(
        "the run itself has ended with exit code {}, as the lines above say, and is not to be repeated for this; {}",
        verdict.number(),
        failure.hint.as_deref().unwrap_or_default()
    );
    let exit_code = if verdict == ExitCode::Done { failure.exit_code } else { verdict };
    Failure { exit_code, ..failure }.hint(hint)
}

/// Prints a document where a program asked for it.
pub(super) fn for_programs(document: &Document, format: Format) -> Result<ExitCode> {
    match format {
        Format::Text => Ok(ExitCode::Done),
        Format::Json => print(&document::json(document)),
        Format::Markdown => print(&document::markdown(document, SUMMARY_LIMIT)),
    }
}

pub(super) fn progress_for(format: Format, github: Option<&GitHub>) -> Progress {
    let stream = if format == Format::Text { Stream::Stdout } else { Stream::Stderr };
    masking(Progress::new(Mode::Terminal, stream, vocabulary(github)))
}

/// Makes the progress of an operation whose standard output is that of containers. Bars would be drawn over it in a
/// terminal.
pub(super) fn progress_beside_output(github: Option<&GitHub>) -> Progress {
    let mode = if std::io::stdout().is_terminal() { Mode::Plain } else { Mode::Terminal };
    masking(Progress::new(mode, Stream::Stderr, vocabulary(github)))
}

fn masking(progress: Progress) -> Progress {
    for secret in proxy::secrets(&|name| std::env::var(name).ok()) {
        progress.aside().mask(&secret);
    }
    progress
}

/// Makes the progress that says why a command line cannot be read. That quotes what was passed, in which GitHub's
/// runner would look for commands.
pub(super) fn refusals(github: Option<&GitHub>) -> Progress {
    Progress::new(Mode::Plain, Stream::Stderr, vocabulary(github))
}

/// Says why the command line cannot be read.
pub(super) fn print_refusal(error: cli::Error, progress: &Progress) -> ExitCode {
    match error {
        cli::Error::Usage(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            progress.annotate_error(None, "fargate-migrate", first.trim_start_matches("error: "));
            progress.closing(&text);
        }
        cli::Error::Input(failure) => {
            progress.annotate_error(None, "fargate-migrate", &failure.message);
            progress.closing(&document::failure(&failure, colour()));
        }
    }
    ExitCode::BadInput
}

fn vocabulary(github: Option<&GitHub>) -> Vocabulary {
    match github {
        Some(github) if github.reads_commands => Vocabulary::GitHub,
        _ => Vocabulary::Plain,
    }
}

/// Returns whether the terminal shows colours, as <https://no-color.org> has it.
pub(super) fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stdout().is_terminal() { Colour::Always } else { Colour::Never }
}
