//! From what the YAML reader says to what a person can fix.

use std::path::Path;

use clap::Command;
use serde_saphyr::{Error, Location, MessageFormatter as _, UserMessageFormatter};

use super::keys::name;
use crate::failure::{Failure, did_you_mean};

/// An error at a place in the file: `.github/fargate-migrate.yml:12: …`.
pub(super) fn at(path: &Path, line: Option<u64>, message: &str) -> Failure {
    match line {
        Some(line) => Failure::input(format!("{}:{line}: {message}", path.display())),
        None => Failure::input(format!("{}: {message}", path.display())),
    }
}

/// What keeps the file from being read.
pub(super) fn unreadable(path: &Path, error: &Error, keys: &Command) -> Failure {
    let error = error.without_snippet();
    let line = error.location().filter(|place| *place != Location::UNKNOWN).map(|place| place.line());
    match error {
        Error::SerdeUnknownField { field, .. } => {
            let known: Vec<&str> = keys.get_arguments().map(name).chain(["databases", "groups"]).collect();
            let hint =
                did_you_mean(field, known.iter().copied(), || format!("the keys are {}", known.join(", ")));
            at(path, line, &format!("unknown key {field:?}")).hint(hint)
        }
        Error::QuotingRequired { value, .. } => {
            at(path, line, &format!("{value} is not text as it stands")).hint(format!("write \"{value}\""))
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            at(path, line, "the file is larger, deeper or has more aliases than a configuration needs")
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            at(path, line, &format!("the key {key} is there twice"))
        }
        Error::SerdeInvalidType { expected, .. } => at(path, line, &format!("{expected} was expected")),
        Error::Unexpected { expected, .. } => {
            let wanted = match *expected {
                "string scalar" => "text",
                "sequence start" => "a list",
                "mapping start" => "a mapping of keys to values",
                other => other,
            };
            at(path, line, &format!("{wanted} was expected"))
        }
        error => at(path, line, &UserMessageFormatter.format_message(error)),
    }
}
