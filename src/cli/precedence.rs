//! Flag > input > configuration file > default: a layer adds the flags that no layer above it has given.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Config, is_list, is_switch};

/// What the layers have given so far, for one subcommand.
pub(super) struct Layers<'a> {
    command: &'a Command,
    /// Flags that a layer has a value for. No layer below it has a say in them.
    decided: HashSet<String>,
    /// Those of them that are set: `false` decides a switch, and excludes no other flag.
    there: HashSet<String>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(command: &'a Command, given: &ArgMatches) -> Self {
        let on_command_line =
            |arg: &&Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        let decided: HashSet<String> =
            command.get_arguments().filter(on_command_line).map(|arg| arg.get_id().to_string()).collect();
        Self { command, there: decided.clone(), decided }
    }

    /// Returns the inputs that count, as flags: a list has one item a line.
    pub(super) fn inputs(&mut self, input: impl Fn(&str) -> Option<String>) -> Vec<OsString> {
        let lines = |value: String| {
            value.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        self.add(|arg, flag| input(flag).map(|value| if is_list(arg) { lines(value) } else { vec![value] }))
    }

    /// Returns the keys of the configuration file that count, as flags.
    pub(super) fn config(&mut self, config: &Config) -> Vec<OsString> {
        self.add(|_, flag| config.value(flag).map(<[String]>::to_vec))
    }

    fn add(&mut self, texts: impl Fn(&Arg, &str) -> Option<Vec<String>>) -> Vec<OsString> {
        let open: Vec<(String, Vec<OsString>)> = self
            .command
            .get_arguments()
            .filter(|arg| !self.decided.contains(arg.get_id().as_str()) && !self.is_in_the_way(arg))
            .filter_map(|arg| Some((arg.get_id().to_string(), flags(arg, &texts(arg, arg.get_long()?)?))))
            .collect();
        for (id, flags) in &open {
            self.decided.insert(id.clone());
            if !flags.is_empty() {
                self.there.insert(id.clone());
            }
        }
        open.into_iter().flat_map(|(_, flags)| flags).collect()
    }

    /// Tells whether a flag that is set excludes this one: then this one, from a layer below, gives way.
    fn is_in_the_way(&self, arg: &Arg) -> bool {
        let excludes = |one: &Arg, other: &Arg| {
            self.command.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
        };
        self.command
            .get_arguments()
            .filter(|other| self.there.contains(other.get_id().as_str()))
            .any(|other| excludes(arg, other) || excludes(other, arg))
    }
}

/// Makes the flags with these texts. A switch that is off is not a flag: it excludes none.
fn flags(arg: &Arg, texts: &[String]) -> Vec<OsString> {
    let long = arg.get_long().unwrap_or_default();
    let is_off = |text: &String| is_switch(arg) && text == "false";
    texts.iter().filter(|text| !is_off(text)).map(|text| format!("--{long}={text}").into()).collect()
}

/// Lets a switch take `--keep-going=false` as well, which overrides an input or the configuration file.
pub(super) fn with_values_for_switches(command: Command) -> Command {
    let switch = |arg: Arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name("true|false")
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true),
        _ => arg,
    };
    command.mut_args(switch).mut_subcommands(with_values_for_switches)
}
