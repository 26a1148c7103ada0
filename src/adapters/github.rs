//! GitHub's runner: the run that this process is a step of, and the files through which a step tells it something.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::adapters::secret::Secret;
use crate::ports::github::PullRequest;
use crate::settings::RunIdentity;
use crate::workflow_commands::random_token;

pub mod api;
mod event;
mod kept;
mod task_list;
mod token;
mod workspace;

pub use task_list::TaskList;
pub use workspace::place;

/// The run that this process is a step of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitHub {
    /// `GITHUB_RUN_ID`.
    pub run_id: Option<String>,
    /// `GITHUB_RUN_ATTEMPT`: 1 for the first.
    pub run_attempt: Option<String>,
    /// `GITHUB_JOB`: the job's id in its workflow.
    pub job: Option<String>,
    /// `RUNNER_NAME`: one job runs on it at a time.
    pub runner: Option<String>,
    /// `GITHUB_SHA`: 40 hexadecimal digits.
    pub sha: Option<String>,
    /// `GITHUB_REPOSITORY`: owner/name.
    pub repository: Option<String>,
    /// `GITHUB_SERVER_URL`: `https://github.com`, or an enterprise server.
    pub server_url: Option<String>,
    /// `GITHUB_WORKSPACE`: where the repository is checked out.
    pub workspace: Option<PathBuf>,
    /// `RUNNER_TEMP`: what is below it outlives the Action's container, until the job's end.
    pub temporary: Option<PathBuf>,
    /// `GITHUB_API_URL`: `https://api.github.com`, or `https://host/api/v3` of an enterprise server.
    pub api_url: Option<String>,
    /// `GITHUB_GRAPHQL_URL`; made from `api_url` where it is missing.
    pub graphql_url: Option<String>,
    /// For the API; the files need none.
    pub token: Option<Secret>,
    /// The job's number, from the Action's input `check-run-id`.
    pub check_run_id: Option<String>,
    /// Whether a runner reads the streams of this process (`GITHUB_ACTIONS=true`).
    pub reads_commands: bool,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    state: Option<PathBuf>,
    event: Option<PathBuf>,
}

impl GitHub {
    /// The runner uploads no summary that is larger, and the step still succeeds (FileCommandManager.cs).
    pub const SUMMARY_LIMIT: usize = 1024 * 1024;

    /// Reads the environment. Returns `None` when nothing says that a runner started this process.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let github = Self {
            run_id: set("GITHUB_RUN_ID"),
            run_attempt: set("GITHUB_RUN_ATTEMPT"),
            job: set("GITHUB_JOB"),
            runner: set("RUNNER_NAME"),
            sha: set("GITHUB_SHA"),
            repository: set("GITHUB_REPOSITORY"),
            server_url: set("GITHUB_SERVER_URL"),
            workspace: set("GITHUB_WORKSPACE").map(PathBuf::from),
            temporary: set("RUNNER_TEMP").map(PathBuf::from),
            api_url: set("GITHUB_API_URL"),
            graphql_url: set("GITHUB_GRAPHQL_URL"),
            token: token::from_environment(variable),
            check_run_id: set("INPUT_CHECK-RUN-ID").filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())),
            reads_commands: set("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            output: set("GITHUB_OUTPUT").map(PathBuf::from),
            summary: set("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            state: set("GITHUB_STATE").map(PathBuf::from),
            event: set("GITHUB_EVENT_PATH").map(PathBuf::from),
        };
        (github.reads_commands || github.output.is_some() || github.summary.is_some()).then_some(github)
    }

    /// Returns who the run is, to ECS; `None` when the runner does not say which run this is.
    pub fn run_identity(&self) -> Option<RunIdentity> {
        Some(RunIdentity::of_github(
            self.run_id.as_deref()?,
            self.run_attempt.as_deref().unwrap_or("1"),
            self.job.as_deref().unwrap_or("job"),
            self.runner.as_deref(),
        ))
    }

    /// Returns the address of this run's page.
    pub fn run_url(&self) -> Option<String> {
        let (server, repository, run) =
            (self.server_url.as_ref()?, self.repository.as_ref()?, self.run_id.as_ref()?);
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    }

    /// Returns the page address of the run that has named its tasks so, when that is a run of GitHub Actions. It is
    /// a page of this repository: the name does not say of which one the run is. [`RunIdentity`] makes the name.
    pub fn url_of_run(&self, started_by: &str) -> Option<String> {
        let (server, repository) = (self.server_url.as_ref()?, self.repository.as_ref()?);
        let mut parts = started_by.strip_prefix("fargate-migrate/gha-")?.split('-');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (run, attempt) = (number()?, number()?);
        Some(format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"))
    }

    /// Returns the address of this attempt's page; when the job's number is known, that of the summary on it.
    /// The runner sets no variable with that number, and GitHub's API answers it only to tokens with `actions: read`,
    /// but `${{ job.check_run_id }}` is it, which an action.yml may use as an input's default.
    pub fn summary_url(&self) -> Option<String> {
        let mut url = self.run_url()?;
        if let Some(attempt) = &self.run_attempt {
            let _ = write!(url, "/attempts/{attempt}");
        }
        if let Some(job) = &self.check_run_id {
            let _ = write!(url, "#summary-{job}");
        }
        Some(url)
    }

    /// Reads the pull request that this run is about; `None` when it is about none.
    ///
    /// # Errors
    /// The event file cannot be read.
    pub fn pull_request(&self) -> Result<Option<PullRequest>> {
        self.event.as_deref().map_or(Ok(None), event::pull_request)
    }

    /// Replaces the step's summary. The file belongs to this step alone, so an earlier one can only be this
    /// program's.
    pub fn write_summary(&self, markdown: &str) -> Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        ensure!(
            markdown.len() <= Self::SUMMARY_LIMIT,
            "write the job summary: {} bytes are more than GitHub's limit of {}",
            markdown.len(),
            Self::SUMMARY_LIMIT
        );
        std::fs::write(path, markdown).with_context(|| format!("write the job summary to {}", path.display()))
    }

    /// Sets outputs of the step. The runner keeps the last value of each, so what is written at the end of a run
    /// wins over anything that was smuggled in before.
    pub fn write_outputs<K: AsRef<str>>(&self, outputs: &[(K, String)]) -> Result<()> {
        append(self.output.as_deref(), "the step's outputs", outputs)
    }

    /// Tells whether there is a file for the step's outputs.
    pub fn takes_outputs(&self) -> bool {
        self.output.is_some()
    }

    /// Keeps a file for the job's later steps, and returns its path below `RUNNER_TEMP`, which has one name in this
    /// container and another on the host. Returns `None` without such a directory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<Option<String>> {
        let Some(below) = &self.temporary else { return Ok(None) };
        let kept = kept::keep(below, name, write);
        kept.map(Some).with_context(|| format!("write {name} below {}", below.display()))
    }

    /// Begins the list of the run's tasks for the post stage; `None` when there is no file for the step's state.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn begin_task_list(&self) -> Result<Option<TaskList>> {
        self.state.as_deref().map(TaskList::begin).transpose()
    }

    /// Writes a file for the post stage next to the step's state, and returns its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_beside_state(&self, what: &str, text: &str) -> Result<PathBuf> {
        let state = self.state.as_deref().context("there is no file for the step's state")?;
        task_list::write_beside(state, what, text)
    }

    /// Lists the runner's files that this program writes: the variable, the path, and whether it is the summary.
    pub fn files_written(&self) -> impl Iterator<Item = (&'static str, &Path, bool)> {
        let files = [
            ("GITHUB_OUTPUT", &self.output, false),
            ("GITHUB_STATE", &self.state, false),
            ("GITHUB_STEP_SUMMARY", &self.summary, true),
        ];
        files.into_iter().filter_map(|(name, path, is_summary)| Some((name, path.as_deref()?, is_summary)))
    }

    /// Returns the path in `GITHUB_EVENT_PATH`.
    pub fn file_read(&self) -> Option<&Path> {
        self.event.as_deref()
    }

    /// Saves what the post stage finds in `STATE_<key>`.
    pub fn save_state(&self, key: &str, value: &str) -> Result<()> {
        append(self.state.as_deref(), "the step's state", &[(key, value.to_owned())])
    }

    /// Returns what the main stage saved for the post stage.
    pub fn state(variable: &dyn Fn(&str) -> Option<String>, key: &str) -> Option<String> {
        variable(&format!("STATE_{key}")).filter(|value| !value.is_empty())
    }
}

/// Appends `name<<delimiter`, the value, the delimiter: a value of any form, since it cannot know the delimiter.
fn append<K: AsRef<str>>(path: Option<&Path>, what: &str, pairs: &[(K, String)]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut text = String::new();
    for (key, value) in pairs {
        let delimiter = random_token();
        let _ = write!(text, "{}<<{delimiter}\n{value}\n{delimiter}\n", key.as_ref());
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("write {what} to {}", path.display()))
}

#[cfg(test)]
mod tests;
