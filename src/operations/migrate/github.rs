//! What a migration asks of GitHub's API, and tells it, besides the queue of Deployments.

use anyhow::Result;

use crate::adapters::github::GitHub;
use crate::adapters::github::api::Api;
use crate::failure::Failure;
use crate::github::comment::{Commented, comment};
use crate::github::deployments::{Recording, past};
use crate::operations::Planned;
use crate::progress::Progress;
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::session::Session;
use crate::settings::Settings;
use crate::state::github_history::GitHubHistory;

/// Reads what GitHub's Deployments say, when `--resume` has no state file, with a note on what they do not; never an
/// error.
pub(super) async fn github_history(
    settings: &Settings,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<(GitHubHistory, Option<String>)> {
    if !settings.resume.from_github() {
        return Ok(Default::default());
    }
    Ok(match github_api(github, progress) {
        Ok(api) => past::read(&api, settings).await,
        Err(failure) => {
            let note = format!(
                "GitHub's Deployments were not asked what is migrated already, so everything runs: {}",
                failure.sentence()
            );
            (GitHubHistory::default(), Some(note))
        }
    })
}

/// Puts the plan as a comment on the pull request that this run is about, with a note in the plan where that fails.
pub(in crate::operations) async fn comment_plan<P: Commented + Planned, W, R>(
    plan: &mut P,
    session: &Session<'_, W, R>,
) {
    if let Err(error) = comment_on_pull_request(plan, session.progress, session.github).await {
        plan.notes()
            .push(format!("the plan is not on the pull request: {}", Failure::from_error(&error).sentence()));
    }
}

/// Keeps the comment of this plan, or of this check, on the pull request that this run is about.
///
/// # Errors
/// The run is not about a pull request, or GitHub's API cannot be used.
pub(in crate::operations) async fn comment_on_pull_request(
    plan: &impl Commented,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<()> {
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

/// Connects to GitHub's API for this run, with its token masked before it is used.
pub(in crate::operations) fn github_api(
    github: Option<&GitHub>,
    progress: &Progress,
) -> Result<Api, Failure> {
    let github = github.ok_or_else(|| Failure::input("not running in GitHub Actions"))?;
    let token = github.token.as_ref().ok_or_else(|| {
        Failure::input("no GitHub token").hint("add `GITHUB_TOKEN: ${{ github.token }}` to the step's `env`")
    })?;
    progress.aside().mask(token.expose());
    Api::connect(github, token)
}

/// Does `run` while what it tells of itself is recorded as GitHub Deployments, and notes what could not be.
pub(in crate::operations) async fn record_at_github<T, W, R: Reported + OfServices>(
    recording: &Recording,
    run: impl Future<Output = T>,
    session: &Session<'_, W, R>,
) -> T {
    let Session { progress, interrupt, recorder, github, .. } = *session;
    let run = Box::pin(run);
    if recording.is_empty() {
        return run.await;
    }
    match github_api(github, progress) {
        Err(failure) => {
            recorder.note(format!("no GitHub Deployment is recorded: {}", failure.sentence()));
            run.await
        }
        Ok(api) => {
            let ended = recording.record_during(&api, run, interrupt).await;
            let rows = recorder.update(|report| report.services().clone());
            recording.notes(&rows).into_iter().for_each(|note| recorder.note(note));
            ended
        }
    }
}
