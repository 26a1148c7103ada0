//! What a container starts: the image's configuration and the task definition, put together.

use std::collections::HashMap;

use super::Launch;
use super::rootfs::DEFAULT_PATH;
use crate::images::ImageConfig;

pub(super) struct Program<'a> {
    /// As the image or the task definition names it.
    pub name: &'a str,
    pub arguments: Vec<&'a str>,
    /// All of it.
    pub environment: HashMap<&'a str, &'a str>,
    pub directory: &'a str,
}

impl<'a> Program<'a> {
    /// Returns what starts, or `None` where neither the image nor the task definition names a program.
    pub(super) fn of(config: &'a ImageConfig, launch: &'a Launch) -> Option<Self> {
        let mut environment = HashMap::from([("PATH", DEFAULT_PATH)]);
        environment
            .extend(config.env.iter().chain(&launch.environment).map(|(k, v)| (k.as_str(), v.as_str())));
        // As in Docker, an entry point of the task's own puts the image's command out of force.
        let entry_point = launch.entry_point.as_ref().unwrap_or(&config.entrypoint);
        let image_command: &[String] = if launch.entry_point.is_some() { &[] } else { &config.cmd };
        let command = launch.command.as_deref().unwrap_or(image_command);
        let mut words = entry_point.iter().chain(command).map(String::as_str);
        let directory = match launch.working_directory.as_deref().unwrap_or(&config.working_dir) {
            "" => "/",
            directory => directory,
        };
        Some(Self { name: words.next()?, arguments: words.collect(), environment, directory })
    }

    /// Returns where the container looks for programs.
    pub(super) fn path(&self) -> &str {
        self.environment.get("PATH").copied().unwrap_or(DEFAULT_PATH)
    }
}
