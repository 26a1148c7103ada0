//! Observe → plan → apply → report. Read this first.
//!
//! ```text
//! settings ─┐
//!           ├─ plan (pure) ─► Plan ─┬─► print                                  --plan
//! observe ──┘   reads only          └─► apply: image ─► revision ─► migrate
//!                                             every step adds to the Report ▼
//!                                       job summary · outputs · JSON · exit code
//! ```

use anyhow::Result;
use tokio::try_join;

use crate::adapters::github::GitHub;
use crate::adapters::github::api::Api;
use crate::adapters::identity::{self, Access};
use crate::adapters::{Aws, ThisMachine};
use crate::database_name::is_fleet;
use crate::failure::{ExitCode, Failure};
use crate::github::comment::comment;
use crate::github::deployments::DeploymentQueue;
use crate::github::deployments::earlier;
use crate::interrupt::Interrupt;
use crate::migration::Migration;
use crate::operations::post;
use crate::plan::Plan;
use crate::ports::{Reads, Writes};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::Report;
use crate::settings::{Settings, TaskDefinitionSource};
use crate::state::State;
use crate::state::deployed::EarlierDeployments;
use crate::steps::image::image;
use crate::steps::observe::{observe, past};
use crate::steps::revision::revision;
use crate::steps::task::log::files::LogFiles;

/// What came of a run.
pub enum Outcome {
    /// `--plan`: nothing was changed.
    Planned(Box<Plan>),
    Done(Box<Report>),
}

/// All of `fargate-migrate migrate`.
///
/// # Errors
/// With `--plan`, whatever keeps the plan from being made. Without it, an error is part of the report.
pub async fn migrate(
    settings: &Settings,
    progress: &Progress,
    github: Option<&GitHub>,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    if settings.plan_only {
        let mut plan = unless(interrupt, planned(settings, progress, github)).await?;
        if settings.comment {
            let posted = async { Ok(post_plan(&plan, progress, github).await) };
            if let Err(error) = unless(interrupt, posted).await? {
                plan.notes.push(format!(
                    "the plan is not on the pull request: {}",
                    Failure::from_error(&error).sentence()
                ));
            }
        }
        return Ok(Outcome::Planned(Box::new(plan)));
    }
    let (access, aside) = (Access::of(settings), progress.aside());
    let connect = Aws::connect(&access, &aside);
    Ok(Outcome::Done(Box::new(migrate_on(connect, settings, progress, github, interrupt).await)))
}

/// All of `fargate-migrate migrate` without `--plan`, on the AWS that `connect` comes to.
pub async fn migrate_on(
    connect: impl Future<Output = Result<Aws>>,
    settings: &Settings,
    progress: &Progress,
    github: Option<&GitHub>,
    interrupt: &Interrupt,
) -> Report {
    let (settings, state) = match State::take_up(settings) {
        Ok((settings, state)) => (&settings.clone(), state),
        Err(failure) => return Recorder::new(settings, progress, github).close(Some(failure)),
    };
    let deployments = settings.deployments.then(|| DeploymentQueue::new(settings));
    let recorder = Recorder::new(settings, progress, github)
        .with_deployments(deployments.as_ref())
        .with_state(state.as_ref());
    let run = async {
        let ended = run(connect, settings, state.as_ref(), progress, &recorder, interrupt, github).await;
        recorder.save();
        ended
    };
    let ended = match &deployments {
        None => run.await,
        Some(deployments) => match github_api(github, progress) {
            Ok(api) => {
                let ended = deployments.beside(&api, run, interrupt).await;
                deployments.notes().into_iter().for_each(|note| recorder.note(note));
                ended
            }
            Err(failure) => {
                recorder.note(format!("no GitHub Deployment is recorded: {}", failure.sentence()));
                run.await
            }
        },
    };
    let error = ended.err().map(|error| Failure::from_error(&error));
    recorder.close(error)
}

async fn run(
    connect: impl Future<Output = Result<Aws>>,
    settings: &Settings,
    state: Option<&State>,
    progress: &Progress,
    recorder: &Recorder<'_>,
    interrupt: &Interrupt,
    github: Option<&GitHub>,
) -> Result<()> {
    // Before anything is changed.
    let log_files = log_files(settings, github)?;
    progress.databases(&settings.databases);
    progress.step("observe");
    let (plan, aws) = unless(interrupt, async {
        let aws = connect.await?;
        let (mut observed, deployed) = try_join!(
            observe(settings, &ThisMachine, Some((&aws, aws.region()))),
            earlier_deployments(settings, progress, github)
        )?;
        observed.past = past(state, settings, Some(&aws)).await?;
        observed.takes(deployed);
        let plan = Plan::new(settings, observed)?;
        state.map_or(Ok(()), |state| state.check(plan.target().as_ref()))?;
        Ok((plan, aws))
    })
    .await?;
    recorder.planned(&plan);
    state.into_iter().flat_map(State::notes).for_each(|note| recorder.note(note.clone()));
    recorder.leave_for_post(&post::Run::new(settings, &plan, aws.region()));
    recorder.save();
    apply(&plan, &aws, progress, recorder, interrupt, log_files.as_ref()).await
}

/// Reads only: the half of the world that can change something is not in scope. With the task definition in a file, a
/// plan does without AWS where AWS can not be asked, and says so.
async fn planned(settings: &Settings, progress: &Progress, github: Option<&GitHub>) -> Result<Plan> {
    let (settings, state) = State::take_up(settings)?;
    let (settings, state) = (&settings, state.as_ref());
    let mut known = past(state, settings, None::<&Aws>).await?;
    let from_file = matches!(settings.task_definition, TaskDefinitionSource::File(_));
    let has_credentials =
        settings.role_to_assume.is_some() || identity::is_configured(&|name| std::env::var(name).ok());
    let mut observed = if from_file && !has_credentials {
        observe(settings, &ThisMachine, None::<(&Aws, &str)>).await?
    } else {
        match Aws::connect(&Access::of(settings), &progress.aside()).await {
            Ok(aws) => {
                known = past(state, settings, Some(&aws)).await?;
                observe(settings, &ThisMachine, Some((&aws, aws.region()))).await?
            }
            Err(error) if from_file => {
                let mut observed = observe(settings, &ThisMachine, None::<(&Aws, &str)>).await?;
                observed.notes.push(format!("AWS was not asked: {error:#}"));
                observed
            }
            Err(error) => return Err(error),
        }
    };
    observed.past = known;
    observed.takes(earlier_deployments(settings, progress, github).await?);
    let mut plan = Plan::new(settings, observed)?;
    if let Some(state) = state {
        state.check(plan.target().as_ref())?;
        plan.notes.extend(state.notes().iter().cloned());
    }
    Ok(plan)
}

/// What GitHub's Deployments say, when `--resume` has no state file, and a note on what they do not; never an error.
async fn earlier_deployments(
    settings: &Settings,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<(EarlierDeployments, Option<String>)> {
    if !settings.resumes_deployed {
        return Ok(Default::default());
    }
    Ok(match github_api(github, progress) {
        Ok(api) => earlier::read(&api, settings).await,
        Err(failure) => {
            let note = format!(
                "GitHub's Deployments were not asked what is migrated already, so everything runs: {}",
                failure.sentence()
            );
            (EarlierDeployments::default(), Some(note))
        }
    })
}

/// The plan as a comment on the pull request that this run is about.
async fn post_plan(plan: &Plan, progress: &Progress, github: Option<&GitHub>) -> Result<()> {
    let api = github_api(github, progress)?;
    let event = github.map(GitHub::pull_request).transpose()?.flatten();
    let pull_request = event.ok_or_else(|| {
        Failure::input("this run is not about a pull request")
            .hint("--comment is for workflows `on: pull_request`")
    })?;
    let run_url = github.and_then(GitHub::run_url);
    let posted = comment(plan, &pull_request, run_url.as_deref(), &api).await;
    posted.map_err(|error| match Failure::find(&error) {
        Some(failure) if pull_request.is_from_fork => failure
            .clone()
            .hint(
                "the pull request comes from a fork, whose runs get a token that can only read: comment from a \
                 workflow `on: pull_request_target` that runs nothing of the fork's",
            )
            .into(),
        _ => error,
    })
}

/// GitHub's API for this run, with its token masked before it is used.
fn github_api(github: Option<&GitHub>, progress: &Progress) -> Result<Api, Failure> {
    let github = github.ok_or_else(|| Failure::input("this is no run of GitHub Actions"))?;
    let token = github.token.as_ref().ok_or_else(|| {
        Failure::input("there is no token")
            .hint("add `GITHUB_TOKEN: ${{ github.token }}` to the step's `env`")
    })?;
    progress.aside().mask(token.expose());
    Api::connect(github, token)
}

/// The steps in their order: a revision needs an image, and a task needs a revision.
async fn apply<W: Reads + Writes>(
    plan: &Plan,
    world: &W,
    progress: &Progress,
    recorder: &Recorder<'_>,
    interrupt: &Interrupt,
    log_files: Option<&LogFiles>,
) -> Result<()> {
    let image = unless(interrupt, image(&plan.image, world, progress)).await?;
    recorder.update(|report| report.image = Some(image.used()));
    recorder.save();

    let diff = plan.diff(image.reference())?;
    let revision = unless(interrupt, revision(plan, &image, world, progress)).await?;
    recorder.update(|report| {
        report.diff = diff;
        report.revision = Some(revision.used());
    });
    recorder.save();

    recorder.begins(plan, revision.arn())?;
    progress.step("migrate");
    Migration { plan, revision: &revision, world, progress, recorder, interrupt, log_files }.run().await;
    if let Some(files) = log_files {
        recorder.note(format!("the logs of all databases are in {}", files.directory().display()));
    }
    let all_migrated = recorder.update(|report| report.not_migrated().next().is_none());
    if interrupt.is_set() && !all_migrated { Err(interrupted().into()) } else { Ok(()) }
}

/// Where `--log-dir` says; a fleet's logs would be lost without it, so they have a place in any case.
fn log_files(settings: &Settings, github: Option<&GitHub>) -> Result<Option<LogFiles>, Failure> {
    match &settings.log_dir {
        Some(directory) => LogFiles::within(directory).map(Some),
        None if is_fleet(settings.databases.len()) => {
            let below = github.and_then(|github| github.temporary.as_deref());
            LogFiles::temporary(below).map(Some)
        }
        None => Ok(None),
    }
}

fn interrupted() -> Failure {
    Failure { exit_code: ExitCode::Cancelled, ..Failure::service("the run was interrupted") }
}

/// What `doing` comes to, unless the run is interrupted first: then it is dropped, and what it started with it.
pub async fn unless<T>(interrupt: &Interrupt, doing: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = doing => done,
        () = interrupt.wait() => Err(interrupted().into()),
    }
}
