//! Every flag, and the Action's inputs, which are the same names: `--max-parallel` is `INPUT_MAX-PARALLEL`.
//!
//! The doc comments here are the manual.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

mod flags;

pub use flags::{
    ConfigFile, Credentials, Fleet, Format, GitHubFlags, Image, Leftover, NetworkFlags, Output, Target,
    TaskFlags,
};

/// Migrates databases with one-off ECS Fargate tasks, and proves that the database asked for is the one migrated.
#[derive(Debug, Parser)]
#[command(name = "fargate-migrate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build → push → revision → migrate: from a commit to migrated databases
    Migrate(Migrate),
}

#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    /// A database to migrate; repeat it, or separate names with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub database: Vec<String>,

    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub image: Image,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub task: TaskFlags,
    #[command(flatten)]
    pub fleet: Fleet,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: Credentials,
    #[command(flatten)]
    pub github: GitHubFlags,
    #[command(flatten)]
    pub output: Output,
}

/// Reads the command line; in GitHub Actions an input that no flag overrides counts as its flag, and the input
/// `operation` as the subcommand.
///
/// # Errors
/// clap's own: a usage error, `--help`, or `--version`.
pub fn parse(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Cli, clap::Error> {
    let command = Cli::command();
    let mut arguments = arguments;
    let in_actions = variable("GITHUB_ACTIONS").as_deref() == Some("true");
    if in_actions && arguments.len() <= 1 {
        arguments.push(input(variable, "operation").unwrap_or_else(|| "migrate".into()).into());
    }
    let matches = command.clone().try_get_matches_from(&arguments)?;
    let Some((name, given)) = matches.subcommand().filter(|_| in_actions) else {
        return Cli::from_arg_matches(&matches);
    };
    let subcommand = command.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let inputs: Vec<OsString> = subcommand
        .filter(|arg| given.value_source(arg.get_id().as_str()) != Some(ValueSource::CommandLine))
        .filter_map(|arg| Some(flags(arg, &input(variable, arg.get_long()?)?)))
        .flatten()
        .collect();
    arguments.extend(inputs);
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// An input as the runner passes it: `INPUT_<NAME>` in capitals, its hyphens kept; an empty one is an absent one.
fn input(variable: &dyn Fn(&str) -> Option<String>, flag: &str) -> Option<String> {
    let name = format!("INPUT_{}", flag.to_uppercase());
    [name.clone(), name.replace('-', "_")].iter().find_map(|name| {
        variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

/// The flags that an input stands for: a list has one item a line.
fn flags(arg: &Arg, value: &str) -> Vec<OsString> {
    let long = arg.get_long().unwrap_or_default();
    match arg.get_action() {
        ArgAction::SetTrue if value == "true" => vec![format!("--{long}").into()],
        ArgAction::SetTrue if value == "false" => Vec::new(),
        ArgAction::Append => value
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| format!("--{long}={line}").into())
            .collect(),
        _ => vec![format!("--{long}={value}").into()],
    }
}

#[cfg(test)]
mod tests;
