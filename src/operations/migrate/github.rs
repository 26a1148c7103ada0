//! What a migration asks of GitHub's API, and tells it, besides the queue of Deployments.

use anyhow::Result;

use crate::adapters::github::GitHub;
use crate::adapters::github::api::Api;
use crate::failure::Failure;
use crate::github::comment::comment;
use crate::github::deployments::past;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::state::github_history::GitHubHistory;

/// What GitHub's Deployments say, when `--resume` has no state file, and a note on what they do not; never an error.
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

/// The plan as a comment on the pull request that this run is about.
pub(super) async fn post_plan(plan: &Plan, progress: &Progress, github: Option<&GitHub>) -> Result<()> {
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
pub(super) fn github_api(github: Option<&GitHub>, progress: &Progress) -> Result<Api, Failure> {
    let github = github.ok_or_else(|| Failure::input("this is no run of GitHub Actions"))?;
    let token = github.token.as_ref().ok_or_else(|| {
        Failure::input("there is no token")
            .hint("add `GITHUB_TOKEN: ${{ github.token }}` to the step's `env`")
    })?;
    progress.aside().mask(token.expose());
    Api::connect(github, token)
}
