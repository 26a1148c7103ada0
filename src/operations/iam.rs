//! `fargate-migrate iam`: the least that the role of a run has to be allowed, and whom the role has to trust.
//!
//! The flags are those of `migrate`. Which calls such a run makes, and on what, is [`ports::CALLS`](crate::ports::CALLS);
//! nothing about them is written down here a second time.

use anyhow::Result;
use serde_json::Value;

use super::printing::print;
use crate::adapters::identity::{self, Access};
use crate::adapters::{Aws, ThisMachine};
use crate::choices::Format;
use crate::cli;
use crate::document::{self, Colour};
use crate::failure::{ExitCode, Failure};
use crate::ports::{Caller, DefinitionReads as _, IdentityReads as _, Machine as _};
use crate::progress::Progress;
use crate::settings::TaskDefinitionSource;
use crate::task_definition::TaskDefinition;

mod page;
mod policy;
mod scope;
mod trust;

pub use policy::permissions;
pub use scope::{Placeholder, Scope};
pub use trust::{Subjects, trust};

/// Both documents, with what has to be filled in.
#[derive(Debug, Clone)]
pub struct Documents {
    pub permissions: Value,
    pub trust: Value,
    pub scope: Scope,
    /// What AWS could have said and did not.
    pub notes: Vec<String>,
}

/// What AWS knows that the flags do not say. All of it is absent when nobody could be asked.
#[derive(Debug, Default)]
pub struct SeenInAws {
    pub region: Option<String>,
    pub caller: Option<Caller>,
    pub task_definition: Option<TaskDefinition>,
}

/// Prints both documents.
///
/// # Errors
/// As [`documents`]; or they are not printed in this format.
pub async fn run(
    flags: Box<cli::IamFlags>,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
) -> Result<ExitCode> {
    let format = flags.migrate.output.format;
    let printed = printed(&documents(&flags, variable, progress).await?, format)?;
    match format {
        Format::Text => progress.closing(&printed),
        Format::Json | Format::Markdown => drop(print(&printed)?),
    }
    Ok(ExitCode::Done)
}

/// Both documents for a run with these flags. AWS is asked, if there are credentials, for what they do not say.
///
/// # Errors
/// A flag is wrong, or the task definition's file can not be read.
pub async fn documents(
    flags: &cli::IamFlags,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
) -> Result<Documents> {
    let mut notes = Vec::new();
    let known = known(flags, variable, progress, &mut notes).await?;
    let remote = match &flags.trust.github_repository {
        Some(_) => None,
        None => ThisMachine.github_repository(".".as_ref()).await,
    };
    let mut scope = Scope::new(flags, variable, &known, remote.as_deref())?;
    let (permissions, trust) = (permissions(&scope), trust(&scope));
    // A plan, for instance, needs no roles.
    let text = format!("{permissions}{trust}");
    scope.placeholders.retain(|placeholder| text.contains(placeholder.name));
    Ok(Documents { permissions, trust, scope, notes })
}

/// What `iam` prints.
pub fn printed(documents: &Documents, format: Format) -> Result<String, Failure> {
    match format {
        Format::Text => Ok(document::text(&documents.document(), Colour::Never)),
        Format::Json => Ok(document::json(&documents.document())),
        Format::Markdown => {
            Err(Failure::input("iam prints text or json").hint("pass --format text, or --format json"))
        }
    }
}

async fn known(
    flags: &cli::IamFlags,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &Progress,
    notes: &mut Vec<String>,
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
        call_timeout: flags.migrate.target.aws.call_timeout.0,
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
        anyhow::Ok(SeenInAws { region: Some(aws.region().to_owned()), caller: Some(caller), task_definition })
    };
    Ok(match asked.await {
        Ok(known) => {
            if let (Some(name), None) = (&name, &known.task_definition) {
                notes.push(format!(
                    "task definition {name} does not exist: its roles and log groups are not known"
                ));
            }
            known
        }
        Err(error) => {
            notes.push(format!("AWS was not asked: {error:#}"));
            SeenInAws::default()
        }
    })
}

#[cfg(test)]
mod tests;
