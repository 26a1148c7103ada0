//! What was asked for, checked: a [`Settings`] is made before anything is observed, so that bad input changes nothing.

use crate::cli;
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;

mod build;
mod common;
mod definition;
mod fleet;
mod github;
mod image;
mod network;
mod resume;
mod run_identity;
mod selection;
mod task;

pub use crate::values::{Packing, Selector};
pub use build::BuildSettings;
pub use common::Common;
pub use definition::TaskDefinitionSource;
pub use fleet::{Canary, FleetSettings};
pub use github::GitHubSettings;
pub use image::{ImageChoice, ImageSettings};
pub use network::NetworkChoice;
pub use resume::{ResumeSettings, StateChoice};
pub use run_identity::RunIdentity;
pub use task::TaskSettings;

/// What `fargate-migrate migrate` was asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub common: Common,
    /// Not empty, each once, in the order given.
    pub databases: Vec<DatabaseName>,
    /// More were named, and earlier runs have done with the others.
    pub is_part_of_fleet: bool,
    pub cluster: String,
    pub task_definition: TaskDefinitionSource,
    pub container: Option<String>,
    pub image: ImageSettings,
    pub network: NetworkChoice,
    pub task: TaskSettings,
    pub fleet: FleetSettings,
    pub github: GitHubSettings,
    pub resume: ResumeSettings,
}

impl Settings {
    /// # Errors
    /// A flag is missing, or its value makes no sense beside those of others.
    pub fn new(flags: cli::MigrateFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        all_given(&flags)?;
        let cli::MigrateFlags {
            plan,
            database,
            databases_file,
            exclude,
            target: cli::TargetFlags { cluster, base, aws },
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
        let asked = selection::Selection { databases: database, listed: listed.unwrap_or_default(), exclude };
        let databases = selection::select(&asked, &config.fleet)?;
        let task_definition = required(
            base.task_definition,
            "task definition",
            "--task-definition FAMILY, an ARN, or the path of a JSON file",
        );
        let settings = Self {
            common: Common::new(plan, aws, credentials, &output, run),
            fleet: FleetSettings::new(&fleet, &databases, &config.fleet)?,
            databases,
            is_part_of_fleet: false,
            cluster: required(cluster, "cluster", "--cluster NAME")?,
            task_definition: task_definition?.into(),
            container: base.container,
            image: ImageSettings::new(image.image, image.source, commit),
            network: NetworkChoice::new(network)?,
            task: TaskSettings::new(task, output.log_dir)?,
            resume: ResumeSettings::new(resume, github.deployments)?,
            github: github.into(),
        };
        settings.check_environment()?;
        Ok(settings)
    }

    /// What tells a task its databases is nobody else's to set.
    fn check_environment(&self) -> Result<(), Failure> {
        let list = list_variable(&self.task.database_variable);
        let is_set = |variable: &str| self.task.environment.iter().any(|(name, _)| name == variable);
        let (variable, what) = if is_set(&self.task.database_variable) {
            (&self.task.database_variable, "the database variable")
        } else if self.fleet.packing != Packing::One && is_set(&list) {
            (&list, "the variable that names the databases of a task")
        } else {
            return Ok(());
        };
        Err(Failure::input(format!("--env sets {variable}, {what}"))
            .hint("name databases with --database; each task gets its own value"))
    }
}

/// Fails with all of what a run can not do without, when it lacks more than one thing.
fn all_given(flags: &cli::MigrateFlags) -> Result<(), Failure> {
    let absent = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
    let network = &flags.network;
    let missing: Vec<(&str, &str)> = [
        (flags.database.is_empty() && flags.databases_file.is_none(), "database", "--database NAME"),
        (absent(&flags.target.cluster), "cluster", "--cluster NAME"),
        (absent(&flags.target.base.task_definition), "task definition", "--task-definition FAMILY"),
        (
            network.subnets.is_empty() && network.network_from_service.is_none(),
            "subnets",
            "--subnets ID or --network-from-service SERVICE",
        ),
    ]
    .into_iter()
    .filter_map(|(missing, what, flag)| missing.then_some((what, flag)))
    .collect();
    let ([first @ .., last], false) = (missing.as_slice(), missing.len() < 2) else { return Ok(()) };
    let words = |part: fn(&(&'static str, &'static str)) -> &'static str| {
        first.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    Err(Failure::input(format!("no {} and {} given", words(|(what, _)| what), last.0)).hint(format!(
        "pass {} and {}",
        words(|(_, flag)| flag),
        last.1
    )))
}

fn required(value: Option<String>, what: &str, flag: &str) -> Result<String, Failure> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Failure::input(format!("no {what} given")).hint(format!("pass {flag}")))
}

#[cfg(test)]
mod tests;
