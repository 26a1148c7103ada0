//! What was asked for, checked: [`Settings`] are made before anything is observed, so that bad input changes nothing.

use std::collections::HashSet;

use crate::cli;
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;
use crate::untrusted::phrase;

mod build;
mod canary;
mod check;
mod definition;
mod deploy;
mod run_identity;
mod image;
mod rollback;
mod run;
mod selection;
mod service_names;
mod stages;
mod status;
mod witness;

pub use crate::values::{Packing, Selector};
pub use build::BuildSettings;
pub use check::CheckSettings;
pub use definition::TaskDefinitionSource;
#[cfg(test)]
pub(crate) use deploy::samples as deploy_samples;
pub use deploy::{DeploySettings, First, NoMigration};
pub use image::{ImageChoice, ImageSettings};
pub use rollback::{RollbackSettings, To};
pub use run::RunSettings;
pub(crate) use run_identity::migrates_nothing;
pub use run_identity::{Kind, RunIdentity};
pub use stages::{FailureRule, Stage, StageName, Stages};
pub use status::StatusSettings;
pub use witness::WitnessSettings;

/// What every operation is told: how it reaches AWS, and where its output goes.
#[derive(Debug, Clone)]
pub struct Common {
    /// Whether nothing is to be changed.
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
    pub stages: Stages,
    pub cluster: String,
    pub task_definition: TaskDefinitionSource,
    pub container: Option<String>,
    /// The family of the migration's revisions, where the user names one.
    pub family: Option<String>,
    pub image: ImageSettings,
    /// Present where the witness is put in front of the image's command.
    pub witness: Option<WitnessSettings>,
    /// With subnets, or a service to take them from.
    pub network: cli::NetworkFlags,
    pub task: cli::TaskFlags,
    pub fleet: cli::FleetFlags,
    pub github: cli::GitHubFlags,
    pub resume: cli::ResumeFlags,
    pub sql: cli::SqlFlags,
}

impl Settings {
    /// Checks the flags of `migrate`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value cannot be used with those of others.
    pub fn new(flags: cli::MigrateFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let cli::SelectionFlags { database, databases_file, exclude } = &flags.selection;
        let has_databases = !database.is_empty() || databases_file.is_some();
        let definition = flags.target.base.task_definition.as_deref();
        all_given(!has_databases, flags.target.cluster.as_deref(), definition, &flags.network)?;
        check_environment(&flags.task.common)?;
        check_tags(&flags.task.common)?;
        check_resume(&flags.resume, flags.github.deployments)?;
        let cli::TargetFlags { cluster, base, family, aws } = flags.target;
        let in_file = databases_file.as_deref().map(selection::listed_in).transpose()?.unwrap_or_default();
        let known = flags.config.fleet;
        let databases = selection::select(database, &in_file, exclude, &known)?;
        Ok(Self {
            common: Common {
                plan_only: flags.plan,
                aws,
                credentials: flags.credentials,
                output: flags.output,
                run,
            },
            stages: Stages::new(&flags.fleet.canary, &flags.config.rollout, &databases, &known)?,
            databases,
            cluster: cluster.unwrap_or_default(),
            task_definition: base.task_definition.unwrap_or_default().into(),
            container: base.container,
            family: family.map(|family| family.to_string()),
            image: ImageSettings::new(flags.image.image, flags.image.source, commit),
            witness: WitnessSettings::of(flags.witness, &flags.task.common.database_variable)?,
            network: flags.network,
            task: flags.task,
            fleet: flags.fleet,
            github: flags.github,
            resume: flags.resume,
            sql: flags.sql,
        })
    }
}

/// Tags of a task, at most (RunTask, `tags`).
const MAX_TASK_TAGS: usize = 50;

/// Fails where RunTask would: a key is given twice, or there are too many tags.
fn check_tags(task: &cli::CommonTaskFlags) -> Result<(), Failure> {
    let mut keys = HashSet::new();
    if let Some(tag) = task.task_tag.iter().find(|tag| !keys.insert(tag.key.as_str())) {
        return Err(Failure::input(format!("--task-tag gives {} twice", phrase(&tag.key)))
            .hint("ECS takes each key once: leave one of them"));
    }
    let count = task.task_tag.len();
    if count > MAX_TASK_TAGS {
        return Err(Failure::input(format!("--task-tag gives {count} tags; ECS takes {MAX_TASK_TAGS}"))
            .hint("omit some"));
    }
    Ok(())
}

/// Fails, and names everything that is missing, where a run cannot do without it.
fn all_given(
    lacks_databases: bool,
    cluster: Option<&str>,
    definition: Option<&str>,
    network: &cli::NetworkFlags,
) -> Result<(), Failure> {
    let absent = |value: Option<&str>| value.is_none_or(str::is_empty);
    let missing: Vec<(&str, &str, &str)> = [
        (lacks_databases, "database", "--database NAME", ""),
        (absent(cluster), "cluster", "--cluster NAME", "--cluster NAME"),
        (
            absent(definition),
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
        // Where databases are selected, the error lists those that exist.
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

/// Refuses an `--env` that sets a variable twice, or one that tells a task its databases: only this program sets
/// those. The list's variable is refused without packs too, because an image that takes lists looks at it first.
fn check_environment(task: &cli::CommonTaskFlags) -> Result<(), Failure> {
    let (one, list) = (task.database_variable.as_str(), list_variable(&task.database_variable));
    let mut set = HashSet::new();
    for name in task.env.iter().map(|pair| pair.name.as_str()) {
        if !set.insert(name) {
            return Err(Failure::input(format!("--env sets {name} twice"))
                .hint(format!("pass --env {name}=VALUE once")));
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
            "pass --state FILE with the state file of the run to resume; GitHub Deployments do not record failed databases",
        ),
        cli::ResumeFlags { resume: true, state: None, .. } if !deployments => (
            "--resume without --state",
            "pass --state FILE with the state file of the run to resume, or --deployments to read GitHub Deployments instead",
        ),
        _ => return Ok(()),
    };
    Err(Failure::input(message).hint(hint))
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
