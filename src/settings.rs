//! What was asked for, checked: a [`Settings`] is made before anything is observed, so that bad input changes nothing.

use std::collections::HashSet;

use crate::cli;
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;
use crate::untrusted::phrase;

mod build;
mod canary;
mod definition;
mod run_identity;
mod image;
mod selection;

pub use crate::values::{Packing, Selector};
pub use build::BuildSettings;
pub use canary::Canary;
pub use definition::TaskDefinitionSource;
pub use image::{ImageChoice, ImageSettings};
pub use run_identity::RunIdentity;

/// What every operation is told: how AWS is reached, and where its output goes.
#[derive(Debug, Clone)]
pub struct Common {
    /// Nothing is changed.
    pub plan_only: bool,
    pub aws: cli::AwsFlags,
    pub credentials: cli::CredentialsFlags,
    pub output: cli::OutputFlags,
    pub run: RunIdentity,
}

/// What `fargate-migrate migrate` was asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub common: Common,
    /// Not empty, each once, in the order given.
    pub databases: Vec<DatabaseName>,
    pub canary: Option<Canary>,
    pub cluster: String,
    pub task_definition: TaskDefinitionSource,
    pub container: Option<String>,
    /// The family of the migration's revisions, where it is not to be chosen.
    pub family: Option<String>,
    pub image: ImageSettings,
    /// With subnets, or a service to take them from.
    pub network: cli::NetworkFlags,
    pub task: cli::TaskFlags,
    pub fleet: cli::FleetFlags,
    pub github: cli::GitHubFlags,
    pub resume: cli::ResumeFlags,
}

impl Settings {
    /// # Errors
    /// A flag is missing, or its value makes no sense beside those of others.
    pub fn new(flags: cli::MigrateFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        all_given(&flags)?;
        check_environment(&flags.task)?;
        check_tags(&flags.task)?;
        check_resume(&flags.resume, flags.github.deployments)?;
        let cli::TargetFlags { cluster, base, family, aws } = flags.target;
        let in_file =
            flags.databases_file.as_deref().map(selection::listed_in).transpose()?.unwrap_or_default();
        let known = flags.config.fleet;
        let databases = selection::select(&flags.database, &in_file, &flags.exclude, &known)?;
        Ok(Self {
            common: Common {
                plan_only: flags.plan,
                aws,
                credentials: flags.credentials,
                output: flags.output,
                run,
            },
            canary: canary::canary(&flags.fleet.canary, &databases, &known)?,
            databases,
            cluster: cluster.unwrap_or_default(),
            task_definition: base.task_definition.unwrap_or_default().into(),
            container: base.container,
            family: family.map(|family| family.to_string()),
            image: ImageSettings::new(flags.image.image, flags.image.source, commit),
            network: flags.network,
            task: flags.task,
            fleet: flags.fleet,
            github: flags.github,
            resume: flags.resume,
        })
    }
}

/// Tags of a task (RunTask, `tags`).
const MAX_TASK_TAGS: usize = 50;

/// Fails where RunTask would: a key given twice, or too many tags.
fn check_tags(task: &cli::TaskFlags) -> Result<(), Failure> {
    let mut keys = HashSet::new();
    if let Some(tag) = task.task_tag.iter().find(|tag| !keys.insert(tag.key.as_str())) {
        return Err(Failure::input(format!("--task-tag gives {} twice", phrase(&tag.key)))
            .hint("ECS takes each key once: leave one of them"));
    }
    let count = task.task_tag.len();
    if count > MAX_TASK_TAGS {
        return Err(Failure::input(format!("--task-tag gives {count} tags; ECS takes {MAX_TASK_TAGS}"))
            .hint("leave some away"));
    }
    Ok(())
}

/// Fails with all of what a run can not do without.
fn all_given(flags: &cli::MigrateFlags) -> Result<(), Failure> {
    let absent = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
    let network = &flags.network;
    let missing: Vec<(&str, &str, &str)> = [
        (flags.database.is_empty() && flags.databases_file.is_none(), "database", "--database NAME", ""),
        (absent(&flags.target.cluster), "cluster", "--cluster NAME", "--cluster NAME"),
        (
            absent(&flags.target.base.task_definition),
            "task definition",
            "--task-definition FAMILY",
            "--task-definition FAMILY, an ARN, or the path of a JSON file",
        ),
        (
            network.subnets.is_empty() && network.network_from_service.is_none(),
            "subnets",
            "--subnets ID or --network-from-service SERVICE",
            "--subnets ID,ID or --subnets 'tag:Name=pattern*', or take them from a service with --network-from-service",
        ),
    ]
    .into_iter()
    .filter_map(|(is_missing, what, flag, alone)| is_missing.then_some((what, flag, alone)))
    .collect();
    let (what, flags) = match missing.as_slice() {
        // Which there are is said where they are selected.
        [] | [("database", ..)] => return Ok(()),
        [(what, _, alone)] => ((*what).to_owned(), (*alone).to_owned()),
        [first @ .., last] => {
            let joined = |part: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
                format!("{} and {}", first.iter().map(part).collect::<Vec<_>>().join(", "), part(last))
            };
            (joined(|missing| missing.0), joined(|missing| missing.1))
        }
    };
    Err(Failure::input(format!("no {what} given")).hint(format!("pass {flags}")))
}

/// Holds `--env` to what is left to it: the variables that tell a task its databases are set by this program alone. The
/// list's is refused without packs as well, because an image that takes lists looks at it first.
fn check_environment(task: &cli::TaskFlags) -> Result<(), Failure> {
    let (one, list) = (task.database_variable.as_str(), list_variable(&task.database_variable));
    let mut set = HashSet::new();
    for name in task.env.iter().map(|pair| pair.name.as_str()) {
        if !set.insert(name) {
            return Err(Failure::input(format!("--env sets {name} twice"))
                .hint(format!("keep one --env {name}=VALUE and leave the other away")));
        }
        let what = match name {
            _ if name == one => "the database variable",
            _ if name == list => "the variable that names the databases of a task",
            _ => continue,
        };
        return Err(Failure::input(format!("--env sets {name}, {what}")).hint(format!(
            "name databases with --database; each task gets its own value. Remove {name} from --env (the input env, or \
             env in the configuration file)"
        )));
    }
    Ok(())
}

fn check_resume(flags: &cli::ResumeFlags, deployments: bool) -> Result<(), Failure> {
    let (message, hint) = match flags {
        cli::ResumeFlags { only_failed: true, resume: false, .. } => (
            "--only-failed without --resume",
            "add --resume and --state FILE: the file says which databases failed",
        ),
        cli::ResumeFlags { only_failed: true, state: None, .. } => (
            "--only-failed without --state",
            "name the file that the run to go on with has left: --state FILE; GitHub's Deployments do not say what ran in vain",
        ),
        cli::ResumeFlags { resume: true, state: None, .. } if !deployments => (
            "--resume without --state",
            "name the file that the run to go on with has left: --state FILE; or add --deployments, which are asked instead",
        ),
        _ => return Ok(()),
    };
    Err(Failure::input(message).hint(hint))
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
