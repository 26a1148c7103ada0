//! The keys of the file that are flags: their names, and what they exclude. A [`Command`] has them as arguments.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

pub(super) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

pub(crate) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

pub(crate) fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// Returns each key with those that make no sense beside it.
pub(super) fn exclusive(keys: &Command) -> impl Iterator<Item = (&str, &str)> {
    keys.get_arguments()
        .flat_map(|arg| keys.get_arg_conflicts_with(arg).into_iter().map(|other| (name(arg), name(other))))
}
