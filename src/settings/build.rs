//! What `fargate-migrate build` was asked for, checked.

use std::path::PathBuf;
use std::time::Duration;

use super::{ImageSettings, RunIdentity, TaskDefinitionSource, parse};
use crate::choices::Format;
use crate::cli;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct BuildSettings {
    pub common: super::Common,
    pub plan_only: bool,
    pub image: ImageSettings,
    /// Says the repository and the platform, where they are not given.
    pub task_definition: Option<TaskDefinitionSource>,
    pub container: Option<String>,
    pub region: Option<String>,
    /// The role to assume with GitHub's OIDC token.
    pub role_to_assume: Option<String>,
    pub call_timeout: Duration,
    pub format: Format,
    pub summary_file: Option<PathBuf>,
    pub run: RunIdentity,
}

impl BuildSettings {
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::Build, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let cli::Build { plan, image, base, aws, config: _, credentials, output } = flags;
        let common = super::Common {
            plan_only: plan,
            region: aws.region.clone(),
            role_to_assume: credentials.role_to_assume.clone(),
            call_timeout: parse::duration("call-timeout", &aws.call_timeout)?,
            format: output.format,
            summary_file: output.summary_file.clone(),
            run: run.clone(),
        };
        let settings = Self {
            common,
            plan_only: plan,
            image: parse::image(cli::Image { image: None, source: image }, commit)?,
            task_definition: base.task_definition.map(parse::task_definition),
            container: base.container,
            region: aws.region,
            role_to_assume: credentials.role_to_assume.map(parse::role_arn).transpose()?,
            call_timeout: parse::duration("call-timeout", &aws.call_timeout)?,
            format: output.format,
            summary_file: output.summary_file,
            run,
        };
        if settings.image.repository.is_none() && settings.task_definition.is_none() {
            return Err(Failure::input("no repository given")
                .hint("pass --repository NAME, or --task-definition for the repository of its image"));
        }
        Ok(settings)
    }
}
