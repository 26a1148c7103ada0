//! Settings for the tests of whatever is made from them.

use std::path::Path;

use super::{RunIdentity, Settings};
use crate::cli;
use crate::failure::Failure;

/// What every run of `migrate` is told here, besides its databases.
const BASE: [&str; 5] =
    ["fargate-migrate", "migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];

/// Settings of `migrate` with these flags.
pub(crate) fn of(flags: &[&str]) -> Settings {
    tried(flags).expect("settings")
}

/// The same, with a configuration file of this text.
pub(crate) fn with_file(text: &str, flags: &[&str]) -> Settings {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("write it");
    let config = format!("--config={}", file.path().display());
    of(&[&[config.as_str()], flags].concat())
}

/// The same, or what is said of them.
pub(crate) fn tried(flags: &[&str]) -> Result<Settings, Failure> {
    parsed(&[&BASE, flags].concat())
}

/// Settings of `migrate` with a command line of its own.
pub(crate) fn parsed(arguments: &[&str]) -> Result<Settings, Failure> {
    let arguments = arguments.iter().map(Into::into).collect();
    let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).map_err(|error| match error {
        cli::Error::Input(failure) => failure,
        cli::Error::Usage(error) => panic!("{error}"),
    })?;
    let cli::Command::Migrate(flags) = cli.command else { panic!("migrate") };
    Settings::new(flags, None, RunIdentity::local("test"))
}
