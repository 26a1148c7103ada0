//! What `fargate-migrate build` was asked for, checked.

use super::{Common, ImageSettings, RunIdentity, TaskDefinitionSource};
use crate::cli;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct BuildSettings {
    pub common: Common,
    pub image: ImageSettings,
    /// Says the repository and the platform, where they are not given.
    pub task_definition: Option<TaskDefinitionSource>,
    pub container: Option<String>,
}

impl BuildSettings {
    /// Checks the flags of `build`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing.
    pub fn new(flags: cli::BuildFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let cli::BuildFlags { plan, image, base, aws, config: _, credentials, output } = flags;
        let settings = Self {
            common: Common { plan_only: plan, aws, credentials, output, run },
            image: ImageSettings::new(None, image, commit),
            task_definition: base.task_definition.map(Into::into),
            container: base.container,
        };
        if settings.image.repository.is_none() && settings.task_definition.is_none() {
            return Err(Failure::input("no repository given")
                .hint("pass --repository NAME, or --task-definition for the repository of its image"));
        }
        Ok(settings)
    }
}
