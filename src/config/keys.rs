//! The keys of the file that are flags: their names, and what they exclude. A [`Command`] has them as arguments.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

pub fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

pub fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

pub fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// Returns each key with those that make no sense beside it.
pub fn exclusive(keys: &Command) -> impl Iterator<Item = (&str, &str)> {
    keys.get_arguments()
        .flat_map(|arg| keys.get_arg_conflicts_with(arg).into_iter().map(|other| (name(arg), name(other))))
}
