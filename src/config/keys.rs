//! The keys of the file that are flags: what each takes, and what excludes it.

use std::any::TypeId;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use crate::values::{Shape, shape_of};

/// Flags that a file can speak for.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    args: Vec<Arg>,
    /// A key, and one that makes no sense beside it.
    exclusive: Vec<(String, String)>,
}

/// What a key takes, once or in a list.
pub enum Kind {
    Text,
    Switch,
    Choice(Vec<PossibleValue>),
    Shaped(&'static Shape),
}

impl Keys {
    /// Each flag of the commands once, but for those that are about one run.
    pub fn new<'a>(commands: impl IntoIterator<Item = &'a Command>, of_one_run: &[&str]) -> Self {
        let mut keys = Self::default();
        for command in commands {
            for arg in command.get_arguments() {
                let name = name(arg);
                if name.is_empty() || of_one_run.contains(&name) || keys.arg(name).is_some() {
                    continue;
                }
                keys.args.push(arg.clone());
                let others = command.get_arg_conflicts_with(arg);
                keys.exclusive
                    .extend(others.iter().map(|other| (name.to_owned(), self::name(other).to_owned())));
            }
        }
        keys
    }

    pub fn args(&self) -> &[Arg] {
        &self.args
    }

    pub fn arg(&self, key: &str) -> Option<&Arg> {
        self.args.iter().find(|arg| name(arg) == key)
    }

    pub fn exclusive(&self) -> impl Iterator<Item = (&str, &str)> {
        self.exclusive.iter().map(|(key, other)| (key.as_str(), other.as_str()))
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

impl Kind {
    pub fn of(arg: &Arg) -> Self {
        if is_switch(arg) {
            return Self::Switch;
        }
        let choices = arg.get_possible_values();
        match shape_of(arg) {
            Some(shape) => Self::Shaped(shape),
            None if choices.is_empty() => Self::Text,
            None => Self::Choice(choices),
        }
    }
}
