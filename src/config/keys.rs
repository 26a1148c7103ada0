//! The keys of the file that are flags: what each takes, and what it excludes. A [`Command`] has them as arguments.

use std::any::TypeId;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use crate::values::Grammar;

/// What a key takes, once or in a list.
pub enum Kind {
    Text,
    Switch,
    Choice(Vec<PossibleValue>),
    Value(&'static Grammar),
}

impl Kind {
    pub fn of(arg: &Arg) -> Self {
        if is_switch(arg) {
            return Self::Switch;
        }
        let choices = arg.get_possible_values();
        match Grammar::of(arg) {
            Some(grammar) => Self::Value(grammar),
            None if choices.is_empty() => Self::Text,
            None => Self::Choice(choices),
        }
    }
}

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
