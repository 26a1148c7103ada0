//! The operations of the command line, a file each. READ FIRST.
//!
//! ```text
//! settings ─┐
//!           ├─ plan ─► Plan ─┬─► print                       --plan
//! observe ──┘  reads only    └─► apply ─► Report ─► job summary · outputs · stdout · exit code
//! ```
//!
//! An [`Operation`] has a reading half, [`Operation::plan`], and a changing half, [`Operation::apply`]. What is the
//! same for all of them is done here, once: AWS is connected, `--plan` prints and stops, and what was done is written
//! out, however the run ends.

use std::ffi::OsString;
use std::future::ready;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use futures::{FutureExt as _, TryFutureExt as _};

use self::migrate::github_api;
use self::printing::{colour, for_programs, progress_for};
use crate::adapters::Aws;
use crate::adapters::github::{GitHub, place};
use crate::adapters::identity::{Access, is_configured};
use crate::choices::Format;
use crate::cli::{self, Command};
use crate::document::{self, Document, markdown, text};
use crate::failure::{ExitCode, Failure};
use crate::interrupt::{Interrupt, interrupted};
use crate::ports::{Reads, Writes};
use crate::progress::Progress;
use crate::recorder::{Recorder, Reported};
use crate::report::Annotation;
use crate::session::Session;
use crate::settings::{Common, RunIdentity};
use crate::sql::SeenSql;
use crate::workflow_commands::SUMMARY_LIMIT;

mod asking;
pub mod build;
pub mod check;
pub mod deploy;
mod distinct_files;
pub mod iam;
mod init;
pub mod migrate;
mod panicked;
pub mod post;
mod printing;
pub mod rollback;
pub mod run;
mod shell;
mod sql;
pub mod status;
mod verbosity;
pub mod workflow;

/// GitHub's runner leaves 7.5 s between SIGINT and SIGTERM.
const POST_AFTER_INTERRUPT: Duration = Duration::from_secs(5);

/// Something that is planned first, and then done as it was planned.
#[expect(async_fn_in_trait, reason = "a run is one task on one thread: no future has to be Send")]
pub trait Operation {
    type Plan: Planned;
    type Report: Reported;

    fn common(&self) -> &Common;

    /// Returns how AWS is reached: as the common settings say, unless the operation says otherwise.
    fn access(&self) -> Access {
        Access::of(self.common())
    }

    /// Returns the report of a run of which nothing is known yet.
    fn report(&self) -> Self::Report;

    /// Tells whether a plan can be made without AWS.
    fn plans_without_aws(&self) -> bool {
        false
    }

    /// Makes ready for a run, before anything is asked or changed.
    ///
    /// # Errors
    /// The run cannot be done here.
    fn prepare(&self, _session: &Session<'_, (), Self::Report>) -> Result<()> {
        Ok(())
    }

    /// Plans all that will be done, by calls that change nothing.
    ///
    /// # Errors
    /// What was asked for cannot be done, or cannot be found out.
    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, Self::Report>) -> Result<Self::Plan>;

    /// Adds to the plan what only tasks can find out, when nothing but the plan is made. It heeds interrupts itself.
    ///
    /// # Errors
    /// The run was interrupted, or AWS cannot be reached.
    async fn add_to_plan(
        &self,
        _plan: &mut Self::Plan,
        _session: &Session<'_, (), Self::Report>,
    ) -> Result<()> {
        Ok(())
    }

    /// Does what `--plan` does besides, such as a comment on the pull request.
    ///
    /// # Errors
    /// The run was interrupted.
    async fn only_planned(
        &self,
        _plan: &mut Self::Plan,
        _session: &Session<'_, (), Self::Report>,
    ) -> Result<()> {
        Ok(())
    }

    /// Does what was planned, and reports what results from it.
    ///
    /// # Errors
    /// What kept it from being done to its end.
    async fn apply<W: Reads + Writes>(
        &self,
        plan: &Self::Plan,
        session: &Session<'_, &W, Self::Report>,
    ) -> Result<()>;
}

/// A plan as it is read.
pub trait Planned {
    /// Returns the plan as it is read.
    ///
    /// # Errors
    /// The plan cannot be done after all.
    fn document(&self) -> Result<Document, Failure>;

    fn notes(&mut self) -> &mut Vec<String>;

    /// Returns what its migrations' SQL will do, where that was looked at.
    fn sql(&self) -> Option<&SeenSql> {
        None
    }
}

/// What an operation runs in.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub progress: &'a Progress,
    pub interrupt: &'a Interrupt,
    pub github: Option<&'a GitHub>,
}

/// Does what the command line says.
pub async fn run(arguments: Vec<OsString>, variable: &dyn Fn(&str) -> Option<String>) -> ExitCode {
    let github = GitHub::from_environment(variable);
    let github = github.as_ref();
    let early = printing::refusals(github);
    panicked::end_the_run(&early.aside());
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => return concluded(Err(error), &early),
    };
    if post::is_called(arguments.first().map(OsString::as_os_str)) {
        let progress = progress_for(Format::Text, github);
        panicked::end_the_run(&progress.aside());
        return concluded(post_stage(variable, &progress, github, &interrupt).await, &progress);
    }
    let is_run = cli::is_run(&arguments, variable);
    let parsed = cli::parse(arguments, variable, Path::new("")).and_then(|cli| {
        let level = verbosity::level(cli.verbose, variable).map_err(cli::Error::Input)?;
        Ok((cli.command, level))
    });
    let (command, level) = match parsed {
        Ok(parsed) => parsed,
        Err(cli::Error::Usage(error)) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let code = printing::print_refusal(error, &early);
            return if is_run { code.of_run() } else { code };
        }
    };
    let format = command.format();
    let progress = match &command {
        _ if is_run => printing::progress_beside_output(github),
        // What they print is for a file or a pipe: a mask of a secret would stand in it.
        Command::Iam(_)
        | Command::Workflow(_)
        | Command::Init(_)
        | Command::Completions(_)
        | Command::Man(_) => progress_for(Format::Json, github),
        _ => progress_for(format, github),
    };
    panicked::end_the_run(&progress.aside());
    verbosity::begin(level, &progress.aside());
    if let Err(failure) = distinct_files::check(&command, github) {
        let error = failure.into();
        return concluded(Err(if is_run { of_run(error) } else { error }), &progress);
    }
    let surroundings = Surroundings { progress: &progress, interrupt: &interrupt, github };
    // In a box: rustc refuses to lay out futures that are nested as deeply as these.
    let ended = match command {
        Command::Migrate(flags) => {
            in_surroundings(|| migrate::Migrate::new(flags, github), &surroundings).boxed_local()
        }
        Command::Deploy(flags) => {
            in_surroundings(|| deploy::Deploy::new(*flags, github), &surroundings).boxed_local()
        }
        Command::Rollback(flags) => {
            in_surroundings(|| rollback::Rollback::new(*flags, github), &surroundings).boxed_local()
        }
        Command::Build(flags) => {
            in_surroundings(|| build::Build::new(flags, github), &surroundings).boxed_local()
        }
        Command::Iam(flags) => {
            interrupt.heed();
            interrupt.unless(iam::run(flags, variable, &progress)).boxed_local()
        }
        Command::Status(flags) => {
            in_surroundings(|| status::Status::new(*flags, github), &surroundings).boxed_local()
        }
        Command::Init(flags) => {
            interrupt.heed();
            init::run(*flags, variable, github, &interrupt).boxed_local()
        }
        Command::Workflow(flags) => ready(workflow::run(&flags)).boxed_local(),
        Command::Completions(flags) => ready(shell::completions(flags.shell)).boxed_local(),
        Command::Man(flags) => ready(shell::man(&flags.directory)).boxed_local(),
        Command::Check(flags) => {
            in_surroundings(|| check::Check::new(*flags, github), &surroundings).boxed_local()
        }
        Command::Run(flags) => {
            in_surroundings(|| run::Run::new(*flags, github), &surroundings).map_err(of_run).boxed_local()
        }
    };
    concluded(ended.await, &progress)
}

/// Runs the post stage. After an interrupt it goes on for a moment: stopping tasks is what it is there for.
async fn post_stage(
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
    github: Option<&GitHub>,
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    interrupt.heed();
    let given_up = async {
        interrupt.wait().await;
        progress.note("the post stage is interrupted: it ends in a few seconds");
        tokio::time::sleep(POST_AFTER_INTERRUPT).await;
    };
    tokio::select! {
        ended = post::post(variable, progress, github).boxed_local() => ended,
        () = given_up => Err(interrupted()
            .hint("look for tasks that the run has started, and stop them: not all of them were seen to have stopped")
            .into()),
    }
}

/// Returns who a run is, to ECS: outside GitHub Actions the process id with the time in milliseconds.
fn identity(github: Option<&GitHub>) -> RunIdentity {
    github.and_then(GitHub::run_identity).unwrap_or_else(|| {
        let now = jiff::Timestamp::now().as_millisecond();
        RunIdentity::local(&format!("{}-{now}", std::process::id()))
    })
}

fn concluded(ended: Result<ExitCode>, progress: &Progress) -> ExitCode {
    let code = ended.unwrap_or_else(|error| {
        let failure = Failure::from_error(&error);
        progress.annotate_error(None, "fargate-migrate", &failure.message);
        progress.closing(&document::failure(&failure, colour()));
        failure.exit_code
    });
    progress.finish();
    code
}

/// Returns the same error with an exit code of `run`, which leaves the others to the container.
fn of_run(error: anyhow::Error) -> anyhow::Error {
    let failure = Failure::from_error(&error);
    Failure { exit_code: failure.exit_code.of_run(), ..failure }.into()
}

async fn in_surroundings<O: Operation>(
    operation: impl FnOnce() -> Result<O, Failure>,
    surroundings: &Surroundings<'_>,
) -> Result<ExitCode> {
    let Surroundings { progress, interrupt, .. } = *surroundings;
    let operation = operation()?;
    interrupt.heed();
    let Common { plan_only, output, .. } = operation.common();
    if *plan_only {
        return print_plan(&operation, surroundings).await;
    }
    let aside = progress.aside();
    let access = operation.access();
    let report = done(&operation, Aws::connect(&access, &aside), surroundings).await;
    let mut document = report.document();
    progress.closing(&text(&document, colour()));
    for annotation in report.annotations() {
        annotate(&annotation, surroundings);
    }
    if output.format == Format::Json {
        document.data = report.data();
    }
    let verdict = report.exit_code();
    for_programs(&document, output.format).map_err(|error| printing::unprinted(&error, verdict))?;
    Ok(verdict)
}

/// Annotates the SQL that failed, where the repository is checked out and has it, and else the run.
fn annotate(Annotation { title, message, file, line }: &Annotation, surroundings: &Surroundings<'_>) {
    let workspace = surroundings.github.and_then(|github| github.workspace.as_deref());
    let place = workspace.zip(file.as_deref()).and_then(|(workspace, file)| place(workspace, file, *line));
    surroundings.progress.annotate_error(place.as_ref(), title, message);
}

/// Makes the plan, and prints it. The half of the world that can change something is not in scope.
async fn print_plan<O: Operation>(operation: &O, surroundings: &Surroundings<'_>) -> Result<ExitCode> {
    let Surroundings { progress, interrupt, github } = *surroundings;
    let recorder = Recorder::new(operation.report(), progress, github, None);
    let session = Session { world: (), progress, interrupt, recorder: &recorder, github };
    let mut plan = interrupt.unless(plan_where_aws_may_be_absent(operation, &session)).await?;
    operation.add_to_plan(&mut plan, &session).await?;
    interrupt.unless(operation.only_planned(&mut plan, &session)).await?;
    let mut document = plan.document()?;
    if let Some(github) = github
        && let Err(error) = github.write_summary(&markdown(&document, SUMMARY_LIMIT))
    {
        plan.notes().push(format!("the plan is not in the job summary: {error:#}"));
        document = plan.document()?;
    }
    let format = operation.common().output.format;
    if format == Format::Text {
        progress.closing(&text(&document, colour()));
    }
    for_programs(&document, format)?;
    Ok(plan.sql().map_or(ExitCode::Done, |sql| sql::annotated(sql, progress, github)))
}

/// Plans, without AWS where it cannot be reached and the operation can plan without it. Where it cannot be reached in
/// spite of credentials, the plan notes why.
async fn plan_where_aws_may_be_absent<O: Operation>(
    operation: &O,
    session: &Session<'_, (), O::Report>,
) -> Result<O::Plan> {
    let common = operation.common();
    let may_be_absent = operation.plans_without_aws();
    let has_credentials =
        || common.credentials.role_to_assume.is_some() || is_configured(&|name| std::env::var(name).ok());
    if may_be_absent && !has_credentials() {
        return operation.plan(&session.on(None::<&Aws>)).await;
    }
    match Aws::connect(&operation.access(), &session.progress.aside()).await {
        Ok(aws) => operation.plan(&session.on(Some(&aws))).await,
        Err(error) if may_be_absent => {
            let mut plan = operation.plan(&session.on(None::<&Aws>)).await?;
            plan.notes().push(format!("AWS was not asked: {error:#}"));
            Ok(plan)
        }
        Err(error) => Err(error),
    }
}

/// Plans and applies on the AWS that `connect` returns; an error is part of the report.
pub async fn done<O: Operation>(
    operation: &O,
    connect: impl Future<Output = Result<Aws>>,
    surroundings: &Surroundings<'_>,
) -> O::Report {
    let Surroundings { progress, interrupt, github } = *surroundings;
    let common = operation.common();
    let recorder = Recorder::new(operation.report(), progress, github, common.output.summary_file.clone());
    let session = Session { world: (), progress, interrupt, recorder: &recorder, github };
    let doing = async {
        operation.prepare(&session)?;
        progress.step("observe");
        let (plan, aws) = interrupt
            .unless(async {
                let aws = connect.await?;
                let plan = Box::pin(operation.plan(&session.on(Some(&aws)))).await?;
                Ok((plan, aws))
            })
            .await?;
        Box::pin(operation.apply(&plan, &session.on(&aws))).await
    };
    let error = doing.await.err().map(|error| Failure::from_error(&error));
    recorder.close(error)
}
