//! Parse, run, say how it ended.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use fargate_migrate::adapters::github::{GitHub, place};
use fargate_migrate::adapters::proxy;
use fargate_migrate::choices::Format;
use fargate_migrate::cli::{self, Command};
use fargate_migrate::document::{self, Colour, Document};
use fargate_migrate::failure::{self, Failure};
use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::operations::build::{self as build_operation, BuildOutcome};
use fargate_migrate::operations::iam;
use fargate_migrate::operations::migrate::{self as migrate_operation, Outcome};
use fargate_migrate::operations::post;
use fargate_migrate::operations::workflow;
use fargate_migrate::progress::{Mode, Progress, Stream, Vocabulary};
use fargate_migrate::report::{Annotation, annotations};
use fargate_migrate::settings::{BuildSettings, RunIdentity, Settings};
use fargate_migrate::workflow_commands::SUMMARY_LIMIT;

#[tokio::main]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    if post::is_called(std::env::args_os().next().as_deref()) {
        return after(&variable).await.into();
    }
    let cli = match cli::parse(std::env::args_os().collect(), &variable, Path::new("")) {
        Ok(cli) => cli,
        Err(cli::Error::Usage(error)) if !error.use_stderr() => error.exit(),
        Err(error) => {
            // It quotes what was passed, which GitHub's runner would read for commands.
            let vocabulary = vocabulary(GitHub::from_environment(&variable).as_ref());
            let progress = Progress::new(Mode::Plain, Stream::Stderr, vocabulary);
            match error {
                cli::Error::Usage(error) => progress.closing(&error.render().to_string()),
                cli::Error::Config(failure) => {
                    progress.annotate_error(None, "fargate-migrate", &failure.message);
                    progress.closing(&document::failure(&failure, colour()));
                }
            }
            return failure::ExitCode::BadInput.into();
        }
    };
    let github = GitHub::from_environment(&variable);
    let format = match &cli.command {
        Command::Migrate(flags) => flags.output.format,
        Command::Build(flags) => flags.output.format,
        Command::Iam(flags) => flags.migrate.output.format,
        Command::Workflow(_) => Format::Text,
    };
    let progress = progress(format, github.as_ref());
    let ended = match cli.command {
        Command::Migrate(flags) => migrate(flags, &progress, github.as_ref()).await,
        Command::Build(flags) => build(flags, &progress, github.as_ref()).await,
        Command::Iam(flags) => policies(&flags, &variable, &progress).await,
        Command::Workflow(flags) => dropdown(&flags),
    };
    concluded(ended, &progress).into()
}

/// The post stage of the Action.
async fn after(variable: &dyn Fn(&str) -> Option<String>) -> failure::ExitCode {
    let github = GitHub::from_environment(variable);
    let progress = progress(Format::Text, github.as_ref());
    concluded(post::post(variable, &progress, github.as_ref()).await, &progress)
}

fn concluded(ended: Result<failure::ExitCode>, progress: &Progress) -> failure::ExitCode {
    let code = ended.unwrap_or_else(|error| {
        let failure = Failure::from_error(&error);
        progress.annotate_error(None, "fargate-migrate", &failure.message);
        progress.closing(&document::failure(&failure, colour()));
        failure.exit_code
    });
    progress.finish();
    code
}

async fn migrate(
    flags: cli::Migrate,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<failure::ExitCode> {
    let interrupt = Interrupt::install()?;
    let format = flags.output.format;
    let commit = github.and_then(|github| github.sha.clone());
    let settings = Settings::new(flags, commit, identity(github))?;
    match migrate_operation::migrate(&settings, progress, github, &interrupt).await? {
        Outcome::Planned(plan) => planned(&plan.document()?, format, progress, github),
        Outcome::Done(report) => {
            let document = report.document();
            progress.closing(&document::text(&document, colour()));
            for annotation in annotations(&report) {
                annotate(progress, github, &annotation);
            }
            for_programs(&document, format)?;
            Ok(report.exit_code())
        }
    }
}

fn planned(
    plan: &Document,
    format: Format,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<failure::ExitCode> {
    if let Some(github) = github {
        github.write_summary(&document::markdown(plan, SUMMARY_LIMIT))?;
    }
    if format == Format::Text {
        progress.closing(&document::text(plan, colour()));
    }
    for_programs(plan, format)?;
    Ok(failure::ExitCode::Done)
}

fn for_programs(document: &Document, format: Format) -> Result<()> {
    match format {
        Format::Text => Ok(()),
        Format::Json => print(&document::json(document)),
        Format::Markdown => print(&document::markdown(document, SUMMARY_LIMIT)),
    }
}

/// At the SQL that failed, where the repository is checked out and has it.
fn annotate(progress: &Progress, github: Option<&GitHub>, annotation: &Annotation) {
    let Annotation { title, message, file, line } = annotation;
    let workspace = github.and_then(|github| github.workspace.as_deref());
    let place = workspace.zip(file.as_deref()).and_then(|(workspace, file)| place(workspace, file, *line));
    progress.annotate_error(place.as_ref(), title, message);
}

async fn build(flags: cli::Build, progress: &Progress, github: Option<&GitHub>) -> Result<failure::ExitCode> {
    let interrupt = Interrupt::install()?;
    let format = flags.output.format;
    let settings = BuildSettings::new(flags, github.and_then(|github| github.sha.clone()), identity(github))?;
    match build_operation::build(&settings, progress, github, &interrupt).await? {
        BuildOutcome::Planned(plan) => planned(&plan.document(), format, progress, github),
        BuildOutcome::Done(report) => {
            let document = report.document();
            progress.closing(&document::text(&document, colour()));
            if let Some(error) = &report.error {
                progress.annotate_error(None, "fargate-migrate", &error.message);
            }
            for_programs(&document, format)?;
            Ok(report.exit_code())
        }
    }
}

fn dropdown(flags: &cli::Workflow) -> Result<failure::ExitCode> {
    print(&workflow::run(flags)?)?;
    Ok(failure::ExitCode::Done)
}

async fn policies(
    flags: &cli::Iam,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
) -> Result<failure::ExitCode> {
    let format = flags.migrate.output.format;
    let printed = iam::printed(&iam::documents(flags, variable, progress).await?, format)?;
    match format {
        Format::Text => progress.closing(&printed),
        Format::Json | Format::Markdown => print(&printed)?,
    }
    Ok(failure::ExitCode::Done)
}

/// What a program reads goes to stdout alone; what a person reads on the way then goes to stderr.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

fn progress(format: Format, github: Option<&GitHub>) -> Progress {
    let stream = if format == Format::Text { Stream::Stdout } else { Stream::Stderr };
    let progress = Progress::new(Mode::Terminal, stream, vocabulary(github));
    for secret in proxy::secrets(&|name| std::env::var(name).ok()) {
        progress.aside().mask(&secret);
    }
    progress
}

fn vocabulary(github: Option<&GitHub>) -> Vocabulary {
    match github {
        Some(github) if github.reads_commands => Vocabulary::GitHub,
        _ => Vocabulary::Plain,
    }
}

/// As <https://no-color.org> has it.
fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stdout().is_terminal() { Colour::Always } else { Colour::Never }
}

fn identity(github: Option<&GitHub>) -> RunIdentity {
    let run = github.and_then(|github| Some((github.run_id.as_deref()?, github)));
    match run {
        Some((run_id, github)) => RunIdentity::of_github(
            run_id,
            github.run_attempt.as_deref().unwrap_or("1"),
            github.job.as_deref().unwrap_or("job"),
            github.runner.as_deref(),
        ),
        None => {
            RunIdentity::local(&format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond()))
        }
    }
}
