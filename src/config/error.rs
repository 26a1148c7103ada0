//! From what the YAML reader says to what a person can fix.

use std::path::Path;

use clap::Command;
use serde_saphyr::{Error, Location, MessageFormatter as _, UserMessageFormatter};

use super::file::Given;
use super::keys::{self, names};
use crate::failure::{Failure, did_you_mean};

/// Keys of the file that are not flags.
const NO_FLAGS: [&str; 5] = ["databases", "groups", "commands", "rollout", "rest"];

/// Makes an error at a place in the file: `.github/fargate-migrate.yml:12: …`.
pub(super) fn at(path: &Path, line: Option<u64>, message: &str) -> Failure {
    match line {
        Some(line) => Failure::input(format!("{}:{line}: {message}", path.display())),
        None => Failure::input(format!("{}: {message}", path.display())),
    }
}

/// Makes the failure of a file that cannot be read: what keeps it from being read, and what to do.
pub(super) fn unreadable(path: &Path, error: &Error, keys: &Command) -> Failure {
    let error = error.without_snippet();
    let line = error.location().filter(|place| *place != Location::UNKNOWN).map(|place| place.line());
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let (of, known) = match expected.as_slice() {
                [] => ("", keys.get_arguments().flat_map(names).chain(NO_FLAGS).collect()),
                of_stage => (" of a stage", of_stage.to_vec()),
            };
            let hint =
                did_you_mean(field, known.iter().copied(), || format!("the keys{of} are {}", known.join(", ")));
            at(path, line, &format!("unknown key {field:?}{of}")).hint(hint)
        }
        Error::QuotingRequired { value, .. } => {
            at(path, line, &format!("{value} is not text as it stands")).hint(format!("write \"{value}\""))
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            at(path, line, "the file is larger, deeper or has more aliases than a configuration needs")
                .hint("write keys with their values, and lists of names; omit the aliases")
        }
        Error::MultipleDocuments { .. } => at(path, line, "the file has a second YAML document")
            .hint("keep one document: remove the line --- and what belongs to another file"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            at(path, line, &format!("the key {key} is there twice"))
                .hint(format!("keep one {key}, with the value that is meant"))
        }
        Error::SerdeInvalidType { expected, .. } => {
            at(path, line, &format!("{expected} was expected")).hint(as_written(expected))
        }
        Error::Unexpected { expected, .. } => {
            let wanted = match *expected {
                "string scalar" => "text",
                "sequence start" => "a list",
                "mapping start" => "a mapping of keys to values",
                other => other,
            };
            at(path, line, &format!("{wanted} was expected")).hint(as_written(wanted))
        }
        error => at(path, line, &UserMessageFormatter.format_message(error)).hint(
            "check the YAML around this line: blanks and no tabs in front of a key, a blank behind its colon, quotes \
             around a value with other signs",
        ),
    }
}

/// Refuses keys that cannot be used together.
pub(super) fn refuse_exclusive(given: &Given<'_>, keys: &Command, path: &Path) -> Result<(), Failure> {
    let line_of = |key: &str| given.iter().find(|(name, _)| name.value == key);
    let mut exclusive = keys::exclusive(keys).filter_map(|(key, other)| line_of(key).zip(line_of(other)));
    let Some(((key, _), (other, _))) = exclusive.next() else { return Ok(()) };
    let (line, key, other) = (other.referenced.line(), &key.value, &other.value);
    let failure = at(path, Some(line), &format!("{other} cannot be used with {key}"));
    Err(failure.hint(format!("remove {key}, or {other}")))
}

/// Says how to write what was expected.
fn as_written(wanted: &str) -> &'static str {
    match wanted {
        "text" => "write one value behind the key, as in cluster: NAME",
        "a list" => "write one item a line below the key, each behind a hyphen and a blank",
        _ => "write keys with their values, as in cluster: NAME, or env: {LOG_LEVEL: debug}",
    }
}
