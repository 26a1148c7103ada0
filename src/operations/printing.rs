//! Where an operation's words go: progress and closing lines for people, documents for programs.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;

use crate::adapters::github::GitHub;
use crate::adapters::proxy;
use crate::choices::Format;
use crate::cli;
use crate::failure::{ExitCode, Failure};
use crate::progress::{Mode, Progress, Stream, Vocabulary};
use crate::report::text;

pub use crate::report::text::Colour;

/// Prints what a program reads. It goes to stdout alone; what a person reads on the way then goes to stderr.
pub(super) fn document(text: &str) -> Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()?;
    Ok(ExitCode::Done)
}

pub(super) fn progress_for(format: Format, github: Option<&GitHub>) -> Progress {
    let stream = if format == Format::Text { Stream::Stdout } else { Stream::Stderr };
    let progress = Progress::new(Mode::Terminal, stream, vocabulary(github));
    for secret in proxy::secrets(&|name| std::env::var(name).ok()) {
        progress.aside().mask(&secret);
    }
    progress
}

/// Says why the command line cannot be read.
pub(super) fn refused(error: cli::Error, github: Option<&GitHub>) -> ExitCode {
    // It quotes what was passed, which GitHub's runner would read for commands.
    let progress = Progress::new(Mode::Plain, Stream::Stderr, vocabulary(github));
    match error {
        cli::Error::Usage(error) => progress.closing(&error.render().to_string()),
        cli::Error::Input(failure) => {
            progress.annotate_error(None, "fargate-migrate", &failure.message);
            progress.closing(&closing_of_failure(&failure));
        }
    }
    ExitCode::BadInput
}

pub(super) fn closing_of_failure(failure: &Failure) -> String {
    text::failure(failure, colour())
}

fn vocabulary(github: Option<&GitHub>) -> Vocabulary {
    match github {
        Some(github) if github.reads_commands => Vocabulary::GitHub,
        _ => Vocabulary::Plain,
    }
}

/// As <https://no-color.org> has it.
pub(super) fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stdout().is_terminal() { Colour::Always } else { Colour::Never }
}
