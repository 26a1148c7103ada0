//! What was asked for, checked: a [`Settings`] is made before anything is observed, so that bad input changes nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::choices::{Format, Leftover, OnRunning};
use crate::cli;
use crate::database_name::list_variable;
use crate::failure::Failure;

mod build;
mod common;
mod identity;
pub(crate) mod parse;
mod selection;
mod waves;

pub use waves::Canary;

pub use build::BuildSettings;
pub use common::Common;
pub use identity::RunIdentity;

#[derive(Debug, Clone)]
pub struct Settings {
    pub common: Common,
    pub plan_only: bool,
    /// Not empty, valid, each once, in the order given.
    pub databases: Vec<String>,
    /// More were named, and earlier runs have done with the others.
    pub is_part_of_fleet: bool,
    pub cluster: String,
    pub task_definition: TaskDefinitionSource,
    pub container: Option<String>,
    pub region: Option<String>,
    /// The role to assume with GitHub's OIDC token.
    pub role_to_assume: Option<String>,
    pub call_timeout: Duration,
    pub image: ImageSettings,
    pub network: NetworkChoice,
    pub database_variable: String,
    pub environment: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub require_report: bool,
    pub timeout: Duration,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
    pub log_drain: Duration,
    pub max_parallel: usize,
    pub packing: Packing,
    pub canary: Option<Canary>,
    /// Nothing starts after so many; none is to keep going.
    pub max_failures: Option<u32>,
    pub on_running: OnRunning,
    /// Of AWS's API rates: above 0, up to 1.
    pub api_share: f64,
    /// A GitHub Deployment per database.
    pub deployments: bool,
    pub environment_prefix: String,
    /// With `plan_only`: the plan as a comment on the pull request.
    pub comment: bool,
    pub format: Format,
    pub summary_file: Option<PathBuf>,
    /// Where each database's log goes, as a file.
    pub log_dir: Option<PathBuf>,
    /// Where the run is recorded, and whether it goes on with the one there.
    pub state: Option<StateChoice>,
    /// Without a state file: databases whose deployments say that they are migrated are skipped.
    pub resumes_deployed: bool,
    pub run: RunIdentity,
}

/// Which image, and how it is made where it is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSettings {
    /// An ECR repository's name or URI.
    pub repository: Option<String>,
    pub tag: Option<String>,
    /// The commit that GitHub says this run is about: the tag, where there is none.
    pub commit: Option<String>,
    pub choice: ImageChoice,
}

/// `--state`, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChoice {
    pub file: PathBuf,
    pub resume: bool,
    /// Only databases that ran and are not proved migrated.
    pub only_failed: bool,
}

/// How many databases share a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Each has a task of its own, which is told that one.
    One,
    /// A task is told a list of so many at most.
    AtMost(usize),
    /// A task is told a list: as many tasks as run at once, with about as much to do each.
    Auto,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskDefinitionSource {
    /// A JSON file, as DescribeTaskDefinition answers or as RegisterTaskDefinition takes it.
    File(PathBuf),
    /// Family, family:revision or ARN.
    Ecs(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    Docker { context: PathBuf, dockerfile: PathBuf, target: Option<String>, build_args: Vec<String> },
    Binary(PathBuf),
    Reference(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkChoice {
    Given { subnets: Vec<Selector>, security_groups: Vec<Selector>, assign_public_ip: bool },
    FromService(String),
}

/// A subnet or a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    Id(String),
    Tag { key: String, pattern: String },
}

impl Settings {
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::Migrate, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        parse::all_given(&flags)?;
        let cli::Migrate {
            plan,
            database,
            databases_file,
            exclude,
            target,
            image,
            network,
            task,
            fleet,
            resume,
            config,
            credentials,
            github,
            output,
        } = flags;
        let listed = databases_file.as_deref().map(selection::listed_in).transpose()?;
        let asked = selection::Asked { databases: database, listed: listed.unwrap_or_default(), exclude };
        let databases = selection::select(&asked, &config.fleet)?;
        let canary = waves::canary(&fleet.canary)?;
        let canary = canary.map(|canary| canary.among(&databases, &config.fleet)).transpose()?.flatten();
        let common = Common {
            plan_only: plan,
            region: target.aws.region.clone(),
            role_to_assume: credentials.role_to_assume.clone(),
            call_timeout: parse::duration("call-timeout", &target.aws.call_timeout)?,
            format: output.format,
            summary_file: output.summary_file.clone(),
            run: run.clone(),
        };
        let settings = Self {
            common,
            plan_only: plan,
            databases,
            is_part_of_fleet: false,
            cluster: parse::required(target.cluster, "cluster", "--cluster NAME")?,
            task_definition: parse::task_definition(parse::required(
                target.base.task_definition,
                "task definition",
                "--task-definition FAMILY, an ARN, or the path of a JSON file",
            )?),
            container: target.base.container,
            region: target.aws.region,
            role_to_assume: credentials.role_to_assume.map(parse::role_arn).transpose()?,
            call_timeout: parse::duration("call-timeout", &target.aws.call_timeout)?,
            image: parse::image(image, commit)?,
            network: parse::network_choice(network)?,
            database_variable: parse::variable_name("database-variable", task.database_variable)?,
            environment: parse::environment(task.env)?,
            command: task.command.as_deref().map(parse::command).transpose()?,
            require_report: task.require_report,
            timeout: parse::duration("timeout", &task.timeout)?,
            on_timeout: task.on_timeout,
            on_cancel: task.on_cancel,
            log_drain: parse::duration("log-drain", &task.log_drain)?,
            max_parallel: fleet.max_parallel.into(),
            packing: waves::packing(&fleet.databases_per_task)?,
            canary,
            on_running: fleet.on_running,
            api_share: waves::share(&fleet.api_share)?,
            max_failures: (!fleet.keep_going).then(|| fleet.max_failures.unwrap_or(1)),
            deployments: github.deployments,
            environment_prefix: github.environment_prefix.unwrap_or_default(),
            comment: github.comment,
            format: output.format,
            summary_file: output.summary_file,
            log_dir: output.log_dir,
            resumes_deployed: resume.resume && resume.state.is_none(),
            state: parse::state(resume, github.deployments)?,
            run,
        };
        settings.check_environment()?;
        Ok(settings)
    }

    /// What tells a task its databases is nobody else's to set.
    fn check_environment(&self) -> Result<(), Failure> {
        let list = list_variable(&self.database_variable);
        let is_set = |variable: &str| self.environment.iter().any(|(name, _)| name == variable);
        let (variable, what) = if is_set(&self.database_variable) {
            (&self.database_variable, "the database variable")
        } else if self.packing != Packing::One && is_set(&list) {
            (&list, "the variable that names the databases of a task")
        } else {
            return Ok(());
        };
        Err(Failure::input(format!("--env sets {variable}, {what}"))
            .hint("name databases with --database; each task gets its own value"))
    }
}

#[cfg(test)]
mod tests;
