//! `fargate-migrate iam`: the least that the role of a run has to be allowed, and whom the role has to trust.
//!
//! The flags are those of the operation that `--for` names. Which calls such a run makes, and on what, is
//! [`ports::CALLS`](crate::ports::CALLS); nothing about them is written down here a second time.

use anyhow::{Context as _, Result};

use super::printing::print;
use crate::adapters::identity::{self, Access};
use crate::adapters::{Aws, ThisMachine};
use crate::choices::{Format, PolicyFor};
use crate::cli;
use crate::document::{self, Colour};
use crate::failure::{ExitCode, Failure};
use crate::ports::{
    Caller, DefinitionReads as _, IdentityReads as _, Machine as _, NetworkReads as _, ServiceReads as _,
};
use crate::progress::Progress;
use crate::settings::TaskDefinitionSource;
use crate::steps::observe::service_of_family;
use crate::task_definition::TaskDefinition;

mod page;
mod policy;
mod scope;
mod trust;

pub use scope::{Placeholder, Scope};

/// What AWS knows that the flags do not say. All of it is absent when nobody could be asked.
#[derive(Debug, Default)]
pub struct SeenInAws {
    pub region: Option<String>,
    pub caller: Option<Caller>,
    pub task_definition: Option<TaskDefinition>,
    /// What the services run that are deployed or rolled back, in their order; none when nobody has looked.
    pub services: Option<Vec<TaskDefinition>>,
    /// Whether a service of the cluster runs the task definition's family; none when nobody has looked.
    pub runs_in_service: Option<bool>,
    /// What could have been said and was not.
    pub notes: Vec<String>,
}

/// Prints both documents for a run with these flags. AWS is asked, if there are credentials, for what they do not
/// say.
///
/// # Errors
/// A flag is wrong, the task definition's file cannot be read, or the documents are not printed in this format.
pub async fn run(
    flags: Box<cli::IamFlags>,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
) -> Result<ExitCode> {
    let variable = &|name: &str| variable(name).filter(|value| !value.is_empty());
    let known = known(&flags, variable, progress).await?;
    let remote = match &flags.trust.github_repository {
        Some(_) => None,
        None => ThisMachine.github_repository(".".as_ref()).await,
    };
    let document = page::document(&Scope::new(&flags, variable, &known, remote.as_deref())?, &known.notes);
    match flags.migrate.output.format {
        Format::Text => drop(print(document::text(&document, Colour::Never).trim_end())?),
        Format::Json => drop(print(&document::json(&document))?),
        Format::Markdown => {
            let failure = Failure::input("iam prints text or json");
            return Err(failure.hint("pass --format text, or --format json").into());
        }
    }
    Ok(ExitCode::Done)
}

async fn known(
    flags: &cli::IamFlags,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
) -> Result<SeenInAws> {
    let services = scope::services(flags);
    let runs = flags.operation == PolicyFor::Run;
    let like_service = flags.run.like_service.as_ref().filter(|_| runs);
    let source = flags.migrate.target.base.task_definition.clone().filter(|_| like_service.is_none());
    let (name, file) = match source.map(TaskDefinitionSource::from) {
        Some(TaskDefinitionSource::File(path)) => (None, Some(TaskDefinition::from_file(&path)?)),
        Some(TaskDefinitionSource::Ecs(name)) => (Some(name), None),
        None => (None, None),
    };
    // Where its cluster is not said, there is nothing to look in.
    let like_service = like_service.zip(flags.migrate.target.cluster.as_ref());
    let is_enough = file.is_some() && services.is_empty();
    if is_enough || !identity::is_configured(variable) {
        return Ok(SeenInAws { task_definition: file, ..SeenInAws::default() });
    }
    let from_file = file.clone();
    let access = Access {
        region: flags.migrate.target.aws.region.clone(),
        api_share: 1.0,
        call_timeout: *flags.migrate.target.aws.call_timeout,
        role: None,
    };
    let asked = async {
        let aws = Aws::connect(&access, &progress.aside()).await?;
        let caller = aws.caller().await?;
        let name = match like_service {
            Some((service, cluster)) => aws.service(cluster, service).await?.task_definition,
            None => name,
        };
        let document = match &name {
            Some(name) => aws.describe_task_definition(name).await?,
            None => None,
        };
        let origin = name.as_deref().unwrap_or_default();
        let is_file = file.is_some();
        let described = document.map(|document| TaskDefinition::from_json(document, origin)).transpose()?;
        let task_definition = file.or(described);
        let notes = match (&name, &task_definition) {
            (Some(name), None) => {
                vec![format!("task definition {name} does not exist: its roles and log groups are not known")]
            }
            _ => Vec::new(),
        };
        let mut notes = notes;
        let family = task_definition.as_ref().map(TaskDefinition::family).filter(|_| !is_file);
        let matters = match flags.operation {
            PolicyFor::Migrate | PolicyFor::Deploy | PolicyFor::Check => true,
            PolicyFor::Run => flags.run.is_other_image && like_service.is_none(),
            PolicyFor::Rollback | PolicyFor::Build | PolicyFor::Status => false,
        };
        let runs_in_service = match family.filter(|_| matters && flags.migrate.target.family.is_none()) {
            Some(family) => runs_in_service(&aws, &flags.migrate, family).await.unwrap_or_else(|error| {
                notes.push(format!("whether a service runs family {family} was not seen: {error:#}"));
                None
            }),
            None => None,
        };
        let services = match &flags.migrate.target.cluster {
            Some(cluster) if !services.is_empty() => {
                definitions_of(&aws, cluster, &services).await.map(Some).unwrap_or_else(|error| {
                    notes.push(format!("what the services run was not seen: {error:#}"));
                    None
                })
            }
            _ => None,
        };
        let region = Some(aws.region().to_owned());
        anyhow::Ok(SeenInAws {
            region,
            caller: Some(caller),
            task_definition,
            services,
            runs_in_service,
            notes,
        })
    };
    Ok(asked.await.unwrap_or_else(|error| SeenInAws {
        task_definition: from_file,
        notes: vec![format!("AWS was not asked: {error:#}")],
        ..SeenInAws::default()
    }))
}

/// Looks for a service that runs the family, as a run does; none without a cluster to look in.
async fn runs_in_service(aws: &Aws, flags: &cli::MigrateFlags, family: &str) -> Result<Option<bool>> {
    let Some(cluster) = &flags.target.cluster else { return Ok(None) };
    let seen = match &flags.network.network_from_service {
        Some(service) => Some(aws.service(cluster, service).await?),
        None => None,
    };
    Ok(Some(service_of_family(aws, cluster, family, seen).await?.is_some()))
}

/// Reads the task definitions that the services run, in the order of `names`.
async fn definitions_of(aws: &Aws, cluster: &str, names: &[String]) -> Result<Vec<TaskDefinition>> {
    let seen = aws.services(cluster, names).await?;
    let mut definitions = Vec::new();
    for name in names {
        let service = seen.iter().find(|service| service.name == *name);
        let service = service.with_context(|| format!("service {name} is not in cluster {cluster}"))?;
        let arn = service.task_definition.as_deref();
        let arn = arn.with_context(|| format!("service {name} has no task definition of its own"))?;
        let document = aws.describe_task_definition(arn).await?;
        let document = document.with_context(|| format!("task definition {arn} does not exist"))?;
        definitions.push(TaskDefinition::from_json(document, arn)?);
    }
    Ok(definitions)
}

#[cfg(test)]
mod tests;
