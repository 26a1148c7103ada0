//! A configuration file that is there: it answers what no flag does.

use std::path::PathBuf;

use clap::ValueEnum as _;

use super::here;
use crate::choices::Framework;
use crate::cli::{InitFlags, Way, init_name, keys};
use crate::config::Config;
use crate::failure::Failure;

/// Returns the keys of the configuration file that the flags speak of.
pub(super) fn said(flags: &InitFlags) -> Vec<&'static str> {
    let network = flags.network.is_some() || flags.vpc.is_some() || !flags.subnets.is_empty();
    [
        (!flags.databases.is_empty(), &["databases"][..]),
        (network, &["subnets", "security-groups", "assign-public-ip"]),
        (flags.name.is_some(), &["cluster", "task-definition", "repository", "security-groups"]),
        (flags.region.is_some(), &["region"]),
        (flags.dockerfile.is_some(), &["dockerfile", "context"]),
        (flags.framework.is_some(), &["witness", "witness-history"]),
        (flags.command.is_some(), &["command"]),
        (flags.service.is_some(), &["services"]),
    ]
    .into_iter()
    .filter(|(is_said, _)| *is_said)
    .flat_map(|(_, keys)| keys.iter().copied())
    .collect()
}

/// Fills the flags that were not given with what the configuration file says. Its network is there.
///
/// # Errors
/// The file cannot be read, or is wrong.
pub(super) fn filled(mut flags: InitFlags) -> Result<InitFlags, Failure> {
    let Some(config) = Config::find(None, here(), &keys())? else { return Ok(flags) };
    let text = |key: &str| config.value(key).and_then(<[String]>::first).cloned();
    let name = || text("cluster").and_then(|name| init_name(name.strip_suffix("-cluster")?).ok());
    flags.name = flags.name.or_else(name);
    flags.region = flags.region.or_else(|| text("region"));
    if flags.databases.is_empty() {
        flags.databases = config.fleet.databases.clone();
    }
    flags.dockerfile = flags.dockerfile.or_else(|| text("dockerfile").map(PathBuf::from));
    if flags.framework.is_none() {
        flags.framework = text("witness-history").and_then(|name| Framework::from_str(&name, false).ok());
        flags.no_witness |= flags.framework.is_none();
    }
    flags.command = flags.command.or_else(|| text("command")?.parse().ok());
    if flags.network.is_none() && flags.vpc.is_none() {
        flags.network = Some(Way::None);
    }
    if flags.network == Some(Way::None) && flags.subnets.is_empty() {
        flags.subnets = config.value("subnets").map(<[String]>::to_vec).unwrap_or_default();
    }
    Ok(flags)
}
