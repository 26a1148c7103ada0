//! `fargate-migrate iam`: the least that the role of a run has to be allowed, and whom the role has to trust.
//!
//! The flags are those of `migrate`. Which calls such a run makes, and on what, is [`ports::CALLS`](crate::ports::CALLS);
//! nothing about them is written down here a second time.

use anyhow::Result;

use super::printing::print;
use crate::adapters::identity::{self, Access};
use crate::adapters::{Aws, ThisMachine};
use crate::choices::Format;
use crate::cli;
use crate::document::{self, Colour};
use crate::failure::{ExitCode, Failure};
use crate::ports::{Caller, DefinitionReads as _, IdentityReads as _, Machine as _, NetworkReads as _};
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
    /// Whether a service of the cluster runs the task definition's family; none when nobody has looked.
    pub runs_in_service: Option<bool>,
    /// What could have been said and was not.
    pub notes: Vec<String>,
}

/// Prints both documents for a run with these flags. AWS is asked, if there are credentials, for what they do not say.
///
/// # Errors
/// A flag is wrong, the task definition's file can not be read, or the documents are not printed in this format.
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
        Format::Text => progress.closing(&document::text(&document, Colour::Never)),
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
    let name = match flags.migrate.target.base.task_definition.clone().map(TaskDefinitionSource::from) {
        Some(TaskDefinitionSource::File(path)) => {
            let task_definition = Some(TaskDefinition::from_file(&path)?);
            return Ok(SeenInAws { task_definition, ..SeenInAws::default() });
        }
        Some(TaskDefinitionSource::Ecs(name)) => Some(name),
        None => None,
    };
    if !identity::is_configured(variable) {
        return Ok(SeenInAws::default());
    }
    let access = Access {
        region: flags.migrate.target.aws.region.clone(),
        api_share: 1.0,
        call_timeout: *flags.migrate.target.aws.call_timeout,
        role: None,
    };
    let asked = async {
        let aws = Aws::connect(&access, &progress.aside()).await?;
        let caller = aws.caller().await?;
        let document = match &name {
            Some(name) => aws.describe_task_definition(name).await?,
            None => None,
        };
        let origin = name.as_deref().unwrap_or_default();
        let task_definition =
            document.map(|document| TaskDefinition::from_json(document, origin)).transpose()?;
        let notes = match (&name, &task_definition) {
            (Some(name), None) => {
                vec![format!("task definition {name} does not exist: its roles and log groups are not known")]
            }
            _ => Vec::new(),
        };
        let mut notes = notes;
        let family = task_definition.as_ref().map(TaskDefinition::family);
        let runs_in_service = match family.filter(|_| flags.migrate.target.family.is_none()) {
            Some(family) => runs_in_service(&aws, &flags.migrate, family).await.unwrap_or_else(|error| {
                notes.push(format!("whether a service runs family {family} was not seen: {error:#}"));
                None
            }),
            None => None,
        };
        let region = Some(aws.region().to_owned());
        anyhow::Ok(SeenInAws { region, caller: Some(caller), task_definition, runs_in_service, notes })
    };
    Ok(asked.await.unwrap_or_else(|error| SeenInAws {
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

#[cfg(test)]
mod tests;
