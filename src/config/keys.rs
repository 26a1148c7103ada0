//! The keys of the file that are flags: their names, and what they exclude. A [`Command`] has them as arguments.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

pub(super) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

/// Returns the key's name, and its other ones, as a flag has aliases.
pub(super) fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    [name(arg)].into_iter().chain(aliases(arg))
}

pub(super) fn aliases(arg: &Arg) -> impl Iterator<Item = &str> {
    arg.get_visible_aliases().into_iter().flatten()
}

pub(crate) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

pub(crate) fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// Returns each name of a key with those that cannot be used with it: names of other keys, and its own other names.
pub(super) fn exclusive(keys: &Command) -> impl Iterator<Item = (&str, &str)> {
    keys.get_arguments().flat_map(|arg| {
        let others = keys.get_arg_conflicts_with(arg);
        let of_others = others
            .into_iter()
            .flat_map(move |other| names(arg).flat_map(|key| names(other).map(move |other| (key, other))));
        of_others.chain(aliases(arg).map(|alias| (name(arg), alias)))
    })
}
