//! The post stage: stops the migration tasks of a run that was cut off.
//!
//! GitHub's runner starts the action's `post-entrypoint` after the job's steps, in a new container of the same image
//! and whatever became of the main stage: cancelled, out of time, or killed before it could stop anything. Its
//! arguments and inputs are those of the main stage, so the program goes by the name that it is called by, and all
//! that it knows is what the main stage left in the step's state (actions/runner, ActionRunner.cs). When the runner
//! itself is gone, nothing starts it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use crate::adapters::Aws;
use crate::adapters::github::{GitHub, TaskList};
use crate::adapters::identity::{Access, role::Role};
use crate::bounded_file;
use crate::choices::Leftover;
use crate::document::{self, Colour, Document};
use crate::failure::{ExitCode, Failure};
use crate::hex::hex;
use crate::plan::run_plan::RunPlan;
use crate::plan::{Orders, Plan, Told};
use crate::ports::Task;
use crate::progress::Progress;
use crate::recorder::Reported;
use crate::session::Session;
use crate::settings::{RunSettings, Settings};
use crate::words::counted;
use crate::workflow_commands::SUMMARY_LIMIT;

mod services;
mod stop;
mod summary;

pub use services::ServicesState;
#[cfg(test)]
pub(super) use services::taken_back;

use services::{Deploying, settle};
use stop::stop_tasks;

/// What the Action's image calls the program for this stage.
const NAME: &str = "fargate-migrate-post";
/// Keys of the step's state.
const RUN: &str = "run";
const SERVICES: &str = "services";
const ENDED: &str = "ended";
/// Bytes of the state of a run. It is a variable of the post stage's container, and Linux starts no program with one
/// of more than 128 KiB, its name included (execve(2), MAX_ARG_STRLEN).
const LARGEST: usize = 100 * 1024;
/// Bytes of it in a file: a hundred thousand databases.
const LARGEST_FILE: u64 = 16 << 20;
/// The time for each AWS call, with its retries.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The time for all of it, tasks and services together: a cancelled job's remaining stages share some 4.5 minutes.
const DEADLINE: Duration = Duration::from_secs(150);

/// What the main stage leaves before it starts the first task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    pub region: String,
    pub cluster: String,
    pub family: String,
    pub started_by: String,
    pub container: String,
    pub database_variable: String,
    /// A digest of what each of its tasks is told, apart from its databases.
    #[serde(default)]
    pub orders: String,
    /// Digests of its databases: names of thousands would be too long for a step's state.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Tasks that an earlier step of the job has left running, and this one does not follow.
    #[serde(default)]
    pub others: Vec<String>,
    /// `--on-cancel leave`
    pub leave_tasks: bool,
    /// The file that has all of it, where it is too long for the step's state; this has no lists then.
    #[serde(default)]
    pub whole: Option<PathBuf>,
    /// The [`TaskList`] of the tasks that have started.
    #[serde(default)]
    pub task_list: Option<PathBuf>,
    /// `--role-to-assume`: the main stage's session may have ended with it.
    pub role_to_assume: Option<String>,
}

impl StepState {
    pub fn new(settings: &Settings, plan: &Plan, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            cluster: plan.cluster.clone(),
            family: plan.family().to_owned(),
            started_by: settings.common.run.started_by.clone(),
            container: plan.container.clone(),
            database_variable: plan.task.common.database_variable.to_string(),
            orders: plan.orders().digest(),
            databases: plan.databases().map(digest).collect(),
            others: plan.left_by_earlier_steps(),
            leave_tasks: plan.task.common.on_cancel.tasks() == Leftover::Leave,
            whole: None,
            task_list: None,
            role_to_assume: settings.common.credentials.role_to_assume.as_deref().cloned(),
        }
    }

    /// Makes the state of a run of a command: its tasks are told no database where it has none.
    pub(super) fn of_run(settings: &RunSettings, plan: &RunPlan) -> Self {
        let call = plan.run_task(plan.base.family(), &[], String::new());
        let variable = &plan.task.common.database_variable;
        Self {
            region: plan.account.region.clone(),
            cluster: plan.cluster.clone(),
            family: plan.family().to_owned(),
            started_by: plan.started_by.clone(),
            container: plan.container.clone(),
            database_variable: variable.to_string(),
            orders: Orders::of(&call.overrides(), &plan.container, variable).digest(),
            databases: plan.databases.iter().map(|database| digest(database)).collect(),
            others: Vec::new(),
            leave_tasks: plan.on_cancel == Leftover::Leave,
            whole: None,
            task_list: None,
            role_to_assume: settings.target.common.credentials.role_to_assume.as_deref().cloned(),
        }
    }

    fn access(&self) -> Access {
        let role = |arn: &String| Role { arn: arn.clone(), run: self.started_by.clone() };
        Access {
            region: Some(self.region.clone()),
            call_timeout: CALL_TIMEOUT,
            // Only seconds are left, and other callers have the rate again after that: the post stage takes all of
            // it.
            api_share: 1.0,
            role: self.role_to_assume.as_ref().map(role),
        }
    }

    /// Returns what one of its tasks was told to migrate: `shop`, `shop and 3 more`; `None` where it was told none.
    fn databases(&self, task: &Task) -> Option<String> {
        Some(crate::database_name::short_list(self.told(task)?.databases()))
    }

    fn told(&self, task: &Task) -> Option<Told> {
        Told::by(task.overrides.as_ref()?, &self.container, &self.database_variable)
    }

    /// Tells whether a task that this step's state does not name was started by this step: by its run, and told what
    /// this step tells its tasks. The other steps of a job are the same run to ECS.
    fn has_started(&self, task: &Task) -> bool {
        let Some(overrides) = &task.overrides else { return false };
        let is_of_it =
            |told: Told| told.databases().iter().any(|name| self.databases.contains(&digest(name)));
        task.started_by.as_ref() == Some(&self.started_by)
            && !self.others.contains(&task.arn)
            && Orders::of(overrides, &self.container, &self.database_variable).digest() == self.orders
            && self.told(task).map_or(self.databases.is_empty(), is_of_it)
    }
}

/// Returns eight hexadecimal digits.
fn digest(database: &str) -> String {
    hex(&Sha256::digest(database)[..4])
}

/// Saves the step's state before the main stage starts tasks, each of which goes to the list. A state that is too
/// long for a variable goes to a file.
pub fn begins(github: &GitHub, run: StepState, list: Option<&TaskList>) -> Result<()> {
    let run = StepState { task_list: list.map(|list| list.path().to_owned()), ..run };
    let mut text = serde_json::to_string(&run)?;
    if text.len() > LARGEST {
        let whole = github.save_beside_state("run", &text)?;
        text = serde_json::to_string(&StepState {
            databases: Vec::new(),
            others: Vec::new(),
            whole: Some(whole),
            ..run
        })?;
    }
    github.save_state(RUN, &text)
}

/// Saves the services before the main stage updates them.
pub fn deploys(github: &GitHub, services: &ServicesState) -> Result<()> {
    let text = serde_json::to_string(services)?;
    if text.len() > LARGEST {
        bail!("{} are too many for it", counted(services.services.len(), "service"));
    }
    github.save_state(SERVICES, &text)
}

/// Saves that the main stage has ended by itself, and has done with its tasks what it wanted to.
fn ended(github: &GitHub) -> Result<()> {
    github.save_state(ENDED, "true")
}

/// Saves that the main stage has ended, unless it was interrupted: then the post stage looks whether everything has
/// stopped.
pub fn ends<W, R: Reported>(session: &Session<'_, W, R>, error: Option<&anyhow::Error>) {
    let is_cancelled = |error: &anyhow::Error| Failure::from_error(error).exit_code == ExitCode::Cancelled;
    if let Some(github) = session.github
        && !error.is_some_and(is_cancelled)
    {
        session.recorder.note_unwritten("the step's state was", ended(github));
    }
}

/// Tells whether the program was called by the post stage's name.
pub fn is_called(program: Option<&OsStr>) -> bool {
    program.and_then(|program| Path::new(program).file_name()).is_some_and(|name| name == NAME)
}

/// Runs the post stage: stops the tasks, and takes back the deployments, that the main stage has left.
///
/// # Errors
/// The state cannot be read, or AWS cannot be reached.
pub async fn post(
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<ExitCode> {
    let state = |key: &str| GitHub::state(variable, key);
    let (run, services) = (state(RUN), state(SERVICES));
    if run.is_none() && services.is_none() {
        progress.note("no migration had begun: there is nothing to stop");
        return Ok(ExitCode::Done);
    }
    if state(ENDED).is_some() {
        progress.note("the run has ended by itself: there is nothing to stop");
        return Ok(ExitCode::Done);
    }
    let deadline = Instant::now() + DEADLINE;
    let deploying = async {
        match services {
            Some(text) => Some(settle(&text, deadline, progress).await),
            None => None,
        }
    };
    let stopping = async {
        match run {
            Some(text) => stopped(&text, deadline, progress).await,
            None => Ok((Document::default(), true)),
        }
    };
    // Neither waits for the other: what is not told to stop in time goes on.
    let (deploying, stopped) = tokio::join!(deploying, stopping);
    match stopped {
        Ok((tasks, are_done)) => Ok(concluded(tasks, are_done, deploying, progress, github)),
        Err(error) => {
            concluded(Document::default(), false, deploying, progress, github);
            Err(error)
        }
    }
}

/// Stops the tasks of the run whose state this is. Returns what became of them, and whether none is left to stop.
///
/// # Errors
/// The state cannot be read, or AWS cannot be reached.
async fn stopped(run: &str, deadline: Instant, progress: &Progress) -> Result<(Document, bool)> {
    let run: StepState = serde_json::from_str(run).map_err(|error| {
        Failure::service(format!("read the step's state, which the main stage has left: {error}")).hint(
            "no task was stopped: look for tasks of the cluster that fargate-migrate has started (startedBy), and stop \
             those that must not go on; both stages need the same version of the action",
        )
    })?;
    let run = match &run.whole {
        None => run,
        Some(path) => {
            let whole = bounded_file::read(path, LARGEST_FILE).map_err(anyhow::Error::new);
            whole.and_then(|text| Ok(serde_json::from_slice(&text)?)).unwrap_or_else(|error| {
                progress.note(&format!(
                    "only tasks that the list names are stopped, for the rest of the step's state cannot be read from {}: \
                     {error:#}",
                    path.display()
                ));
                run.clone()
            })
        }
    };
    let (arns, problem) = run.task_list.as_deref().map(TaskList::read).unwrap_or_default();
    if let Some(problem) = problem {
        progress.note(&format!(
            "the list of the run's tasks is not whole, so ECS is asked for the others: {problem}"
        ));
    }
    if run.leave_tasks {
        let tasks = counted(arns.len(), "task");
        progress
            .note(&format!("the run was cut off, and leaves its tasks running (--on-cancel leave): {tasks}"));
        return Ok((summary::left(&arns), true));
    }

    progress.step("stop what the run has left");
    let stopping = async {
        let aws = Aws::connect(&run.access(), &progress.aside()).await?;
        stop_tasks(&run, &arns, &aws, progress).await
    };
    let outcome = match timeout_at(deadline, stopping).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            return Err(Failure::service(format!(
                "stop the tasks of cluster {}: AWS did not answer in time",
                run.cluster
            ))
            .hint(format!("look for tasks that {} has started, and stop them", run.started_by))
            .into());
        }
    };
    Ok((outcome.document(), outcome.is_done()))
}

/// Says what became of tasks and of services, in one document.
fn concluded(
    tasks: Document,
    tasks_are_done: bool,
    deploying: Option<Deploying>,
    progress: &Progress,
    github: Option<&GitHub>,
) -> ExitCode {
    let services_are_done = deploying.as_ref().is_none_or(Deploying::is_done);
    let document = match deploying {
        Some(deploying) => deploying.beside(tasks),
        None => tasks,
    };
    if !document.title.is_empty() {
        progress.closing(&document::text(&document, Colour::Never));
        let page = document::markdown(&document, SUMMARY_LIMIT);
        if let Some(Err(error)) = github.map(|github| github.write_summary(&page)) {
            progress.note(&format!("the job summary was not written: {error:#}"));
        }
    }
    if tasks_are_done && services_are_done { ExitCode::Done } else { ExitCode::Service }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_large_run_is_one_variable_and_a_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("state").display().to_string();
        let github = GitHub::from_environment(&|name| match name {
            "GITHUB_STATE" => Some(file.clone()),
            "GITHUB_ACTIONS" => Some("true".into()),
            _ => None,
        });
        let github = github.expect("a runner's");
        for (count, is_whole) in [(2, true), (20_000, false)] {
            let databases: Vec<String> = (0..count).map(|number| digest(&number.to_string())).collect();
            let state = serde_json::json!({
                "region": "r", "cluster": "c", "family": "f", "started_by": "s", "container": "m",
                "database_variable": "D", "databases": databases, "leave_tasks": false,
            });
            let state: StepState = serde_json::from_value(state).expect("a state");
            std::fs::write(&file, "").expect("emptied");
            begins(&github, state.clone(), None).expect("saved");
            let text = std::fs::read_to_string(&file).expect("read");
            assert!(text.len() < 110 * 1024, "{count}: {}", text.len());
            let value: StepState =
                serde_json::from_str(text.lines().nth(1).expect("a value")).expect("a state");
            assert_eq!(value.whole.is_none(), is_whole);
            let whole = value.whole.as_ref().map(|path| std::fs::read(path).expect("a file"));
            let whole = whole.map_or(value, |text| serde_json::from_slice(&text).expect("a state"));
            assert_eq!(whole, state);
        }
    }

    #[test]
    fn the_name_tells_the_stage() {
        for (program, is_post) in [
            ("/usr/bin/fargate-migrate-post", true),
            ("fargate-migrate-post", true),
            ("/usr/bin/fargate-migrate", false),
            ("", false),
        ] {
            assert_eq!(is_called(Some(OsStr::new(program))), is_post, "{program}");
        }
        assert!(!is_called(None));
    }
}
