//! The Plan: everything that a run will do, as one value.
//!
//! [`Plan::new`] is a pure function of the settings and of what was observed. `--plan` prints it and stops; without
//! `--plan` the same value is applied. So a dry run can not lie, and can not change anything.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{Leftover, OnRunning};
use crate::failure::Failure;
use crate::ports::{LogGroup, LogStream, Network, RunTask, Task};
use crate::settings::{FLEET_PLACEHOLDER, Settings};
use crate::steps::observe::{Account, Observed};
use crate::task_definition::{Logs, Patch, TaskDefinition};

pub mod build;
mod identity;
mod image;
mod markdown;
mod print;
mod request;
#[cfg(test)]
mod tests;

use identity::{attempts, client_token, running_tasks};
use image::{image_plan, unknown_program};

pub use image::ImagePlan;
pub use markdown::{markdown, markdown_within};
pub use print::{json, text};
pub use request::run_task_input;

/// Characters of RunTask's `overrides`, JSON punctuation included (RunTask).
pub const MAX_OVERRIDES: usize = 8192;

#[derive(Debug, Clone)]
pub struct Plan {
    /// Absent when the plan was made without AWS.
    pub account: Option<Account>,
    pub cluster: String,
    pub container: String,
    pub image: ImagePlan,
    /// What the revision is made from, and what it is compared with.
    pub base: TaskDefinition,
    pub current: Option<TaskDefinition>,
    /// The database variable, and what the revision sets it to.
    pub database_variable: String,
    pub revision_value: String,
    /// In the order in which they start.
    pub databases: Vec<DatabasePlan>,
    /// Further variables and the command of every task.
    pub environment: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub network: Network,
    pub started_by: String,
    pub max_parallel: usize,
    /// The first wave: so many of `databases` from the first on. All must be migrated before another one starts.
    pub canaries: usize,
    pub on_running: OnRunning,
    /// Nothing starts after so many databases that are not migrated; none is to keep going.
    pub max_failures: Option<u32>,
    pub timeout: Duration,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
    pub log_drain: Duration,
    pub log_dir: Option<PathBuf>,
    pub require_report: bool,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePlan {
    pub database: String,
    /// Its place in the order in which databases start.
    pub place: usize,
    /// A task of the family that migrates this database now: none is started beside it.
    pub running: Option<RunningTask>,
    /// How many tasks of this run have migrated the database before, and are over: the next one is another task.
    pub attempt: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    pub arn: String,
    /// The revision that it runs.
    pub task_definition: Option<String>,
    pub started_by: Option<String>,
}

/// What the revision will be.
#[derive(Debug, Clone)]
pub enum RevisionPlan {
    /// The family's newest revision is already what is wanted.
    Reuse(String),
    Register(TaskDefinition),
}

impl Plan {
    /// # Errors
    /// The task definition can not be patched, or can not run as a migration task on Fargate.
    pub fn new(settings: &Settings, observed: Observed) -> Result<Self, Failure> {
        let Observed { aws, base, current, image, network, running, finished, mut notes } = observed;
        let container = base.migration_container(settings.container.as_deref())?.to_owned();
        fit_for_fargate(&base)?;
        notes.extend(log_notes(&base, &container));
        let image = image_plan(&settings.image, Some(&base), image, &mut notes)?;
        notes.extend(unknown_program(settings, &base, &image));
        let variable = &settings.database_variable;
        let of_others = running_tasks(&running, &container, variable, &settings.run.started_by);
        let attempts = attempts(&finished, &container, variable);
        let databases = settings
            .databases
            .iter()
            .map(|database| DatabasePlan {
                database: database.clone(),
                place: 0,
                running: of_others.get(database.as_str()).cloned(),
                attempt: attempts.get(database.as_str()).copied().unwrap_or_default(),
            })
            .collect();
        let (mut databases, canaries) = match &settings.canary {
            Some(canary) => canary.first(databases, |plan: &DatabasePlan| &plan.database),
            None => (databases, 0),
        };
        (0..).zip(&mut databases).for_each(|(place, database)| database.place = place);
        let revision_value = match settings.databases.as_slice() {
            [only] => only.clone(),
            _ => FLEET_PLACEHOLDER.to_owned(),
        };
        let plan = Self {
            account: aws,
            cluster: settings.cluster.clone(),
            container,
            image,
            base,
            current,
            database_variable: variable.clone(),
            revision_value,
            databases,
            environment: settings.environment.clone(),
            command: settings.command.clone(),
            network,
            started_by: settings.run.started_by.clone(),
            max_parallel: settings.max_parallel,
            canaries,
            on_running: settings.on_running,
            max_failures: settings.max_failures,
            timeout: settings.timeout,
            on_timeout: settings.on_timeout,
            on_cancel: settings.on_cancel,
            log_drain: settings.log_drain,
            log_dir: settings.log_dir.clone(),
            require_report: settings.require_report,
            notes,
        };
        plan.revision(&plan.image.reference())?;
        plan.overrides_fit()?;
        Ok(plan)
    }

    pub fn family(&self) -> &str {
        self.base.family()
    }

    /// The databases in waves: one starts when all of the wave before it are migrated.
    pub fn waves(&self) -> impl Iterator<Item = &[DatabasePlan]> {
        let (canaries, rest) = self.databases.split_at(self.canaries.min(self.databases.len()));
        [canaries, rest].into_iter().filter(|wave| !wave.is_empty())
    }

    /// What the revision with this image will be: the current one when nothing would change.
    ///
    /// # Errors
    /// The task definition can not be patched, for example because a secret has the database variable's name.
    pub fn revision(&self, image: &str) -> Result<RevisionPlan, Failure> {
        let patch = Patch {
            image: image.to_owned(),
            environment: vec![(self.database_variable.clone(), self.revision_value.clone())],
            command: None,
        };
        let wanted = self.base.patched(&self.container, &patch)?;
        match self.current.as_ref().and_then(|current| Some((current, current.arn()?))) {
            Some((current, arn)) if current.same_as(&wanted) => Ok(RevisionPlan::Reuse(arn.to_owned())),
            _ => Ok(RevisionPlan::Register(wanted)),
        }
    }

    /// The unified diff that a revision with this image makes; empty when the current one is reused.
    pub fn diff(&self, image: &str) -> Result<String, Failure> {
        Ok(match self.revision(image)? {
            RevisionPlan::Reuse(_) => String::new(),
            RevisionPlan::Register(wanted) => {
                self.current.as_ref().unwrap_or(&self.base).diff(&wanted, &[&self.database_variable])
            }
        })
    }

    /// The RunTask call of one database; `attempt` counts from 0, and another attempt is another task.
    pub fn run_task(&self, revision: &str, database: &str, attempt: u32) -> RunTask {
        let mut environment = vec![(self.database_variable.clone(), database.to_owned())];
        environment.extend(self.environment.iter().cloned());
        RunTask {
            cluster: self.cluster.clone(),
            task_definition: revision.to_owned(),
            container: self.container.clone(),
            environment,
            command: self.command.clone(),
            network: self.network.clone(),
            started_by: self.started_by.clone(),
            client_token: client_token(&self.started_by, database, revision, attempt),
        }
    }

    /// Where a container's log of a task is; none when it is not in CloudWatch Logs.
    pub fn log_stream(&self, container: &str, task: &Task) -> Option<LogStream> {
        let Logs::Awslogs { region, group, stream_prefix, .. } = self.base.logs(container) else {
            return None;
        };
        let own_region = || self.account.as_ref().map(|account| account.region.clone());
        Some(LogStream {
            region: region.or_else(own_region)?,
            group,
            name: format!("{stream_prefix}/{container}/{}", task.id()),
        })
    }

    /// Where a container's logs of all tasks are; none as in [`Plan::log_stream`].
    pub fn log_group(&self, container: &str) -> Option<LogGroup> {
        let any = self.log_stream(container, &Task::default())?;
        let LogStream { region, group, name: stream_prefix } = any;
        Some(LogGroup { region, name: group, stream_prefix })
    }

    fn overrides_fit(&self) -> Result<(), Failure> {
        let Some(longest) = self.databases.iter().max_by_key(|plan| plan.database.len()) else {
            return Ok(());
        };
        let input = run_task_input(&self.run_task(self.family(), &longest.database, 0));
        let length = input["overrides"].to_string().chars().count();
        if length <= MAX_OVERRIDES {
            return Ok(());
        }
        Err(Failure::input(format!(
            "RunTask's overrides would have {length} characters; ECS takes {MAX_OVERRIDES}"
        ))
        .hint("shorten --env and --command; large values belong into a secret or a file in S3"))
    }
}

fn fit_for_fargate(base: &TaskDefinition) -> Result<(), Failure> {
    let name = base.name();
    if base.network_mode() != Some("awsvpc") {
        return Err(Failure::input(format!(
            "task definition {name} has networkMode {}",
            base.network_mode().unwrap_or("unset")
        ))
        .hint("Fargate runs awsvpc only: set networkMode to awsvpc"));
    }
    if !base.is_fargate_compatible() {
        return Err(Failure::input(format!("task definition {name} is not made for Fargate"))
            .hint("add FARGATE to its requiresCompatibilities"));
    }
    if base.status() == Some("DELETE_IN_PROGRESS") {
        return Err(
            Failure::input(format!("task definition {name} is being deleted")).hint("name another revision")
        );
    }
    Ok(())
}

/// What the container's log configuration means for the log that we can show.
fn log_notes(base: &TaskDefinition, container: &str) -> Option<String> {
    match base.logs(container) {
        Logs::Awslogs { blocking: true, .. } => None,
        Logs::Awslogs { blocking: false, .. } => Some(format!(
            "container {container} logs in non-blocking mode (the account's default since June 2025): when its buffer \
             is full, lines are lost. `mode: blocking` in its logConfiguration keeps every line"
        )),
        Logs::Unlocatable { missing } => Some(format!(
            "the log of container {container} can not be found: its logConfiguration has no {missing}. The exit code \
             alone will decide"
        )),
        Logs::OtherDriver(driver) => Some(format!(
            "container {container} logs with {driver}, not to CloudWatch Logs: no log can be shown, and the exit code \
             alone will decide"
        )),
        Logs::None => Some(format!(
            "container {container} has no logConfiguration: no log can be shown, and the exit code alone will decide"
        )),
    }
}
