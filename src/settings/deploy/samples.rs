//! Settings of a deploy for tests.

use std::path::Path;

use super::*;

/// What a deployment of `web` is told here, without what says its databases.
pub(crate) const SERVICES: [&str; 4] = ["fargate-migrate", "deploy", "--cluster=c", "--service=web"];
/// What a migration needs besides.
pub(crate) const MIGRATION: [&str; 3] = ["--task-definition=t", "--subnets=subnet-1", "--database=shop"];

pub(crate) fn tried(arguments: &[&str]) -> Result<DeploySettings, Failure> {
    let arguments = arguments.iter().map(Into::into).collect();
    let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).map_err(|error| match error {
        cli::Error::Input(failure) => failure,
        cli::Error::Usage(error) => panic!("{error}"),
    })?;
    let cli::Command::Deploy(flags) = cli.command else { panic!("deploy") };
    DeploySettings::new(*flags, None, RunIdentity::local("test"))
}

/// With a migration of `shop` before it.
pub(crate) fn migrating(flags: &[&str]) -> DeploySettings {
    tried(&[&SERVICES[..], &MIGRATION, flags].concat()).expect("settings")
}

pub(crate) fn without_migration(flags: &[&str]) -> DeploySettings {
    tried(&[&SERVICES[..], &["--no-migration"], flags].concat()).expect("settings")
}
