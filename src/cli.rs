//! Every flag, and the Action's inputs, which are the same names: `--max-parallel` is `INPUT_MAX-PARALLEL`. The
//! configuration file has them, too: it says `max-parallel: 4`.
//!
//! The doc comments here are the manual.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::choices::Format;
use crate::config::{Config, DEFAULT_WORKFLOW};
use crate::failure::Failure;
use crate::values::Wrong;

mod flags;
mod precedence;

use precedence::Layers;

pub use flags::{
    AwsFlags, BaseFlags, ConfigFile, CredentialsFlags, FleetFlags, GitHubFlags, ImageFlags, ImageSourceFlags,
    NetworkFlags, OutputFlags, ResumeFlags, TargetFlags, TaskFlags, TrustFlags,
};

/// Migrates databases with one-off ECS Fargate tasks, and proves that the database asked for is the one migrated.
#[derive(Debug, Parser)]
#[command(name = "fargate-migrate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Build → push → revision → migrate: from a commit to migrated databases
    Migrate(MigrateFlags),
    /// Build and push the image, or find that it is there: its digest is for another job's --image
    Build(BuildFlags),
    /// Print the IAM policy that migrate needs with the same flags, and the role's trust in GitHub's OIDC tokens
    Iam(Box<IamFlags>),
    /// Print the workflow's dropdown of databases, as the configuration file has them
    Workflow(WorkflowFlags),
}

impl Command {
    /// What stdout carries.
    pub fn format(&self) -> Format {
        match self {
            Self::Migrate(flags) => flags.output.format,
            Self::Build(flags) => flags.output.format,
            Self::Iam(flags) => flags.migrate.output.format,
            Self::Workflow(_) => Format::Text,
        }
    }

    /// The configuration file of a command that takes one.
    fn config_file(&mut self) -> Option<&mut ConfigFile> {
        match self {
            Self::Migrate(flags) => Some(&mut flags.config),
            Self::Build(flags) => Some(&mut flags.config),
            Self::Iam(flags) => Some(&mut flags.migrate.config),
            Self::Workflow(flags) => Some(&mut flags.config),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct MigrateFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    /// A database to migrate; with a list of them in the configuration file also a group, all, or a pattern with * and
    /// ?. Repeat it, or separate with commas
    #[arg(long, value_name = "NAME|GROUP|PATTERN", value_delimiter = ',')]
    pub database: Vec<String>,

    /// Databases to migrate: a file with one name a line, or - for standard input
    #[arg(long, value_name = "PATH|-")]
    pub databases_file: Option<PathBuf>,

    /// Not these of them; repeat it, or separate with commas
    #[arg(long, value_name = "NAME|GROUP|PATTERN", value_delimiter = ',')]
    pub exclude: Vec<String>,

    #[command(flatten)]
    pub target: TargetFlags,
    #[command(flatten)]
    pub image: ImageFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub task: TaskFlags,
    #[command(flatten)]
    pub fleet: FleetFlags,
    #[command(flatten)]
    pub resume: ResumeFlags,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: CredentialsFlags,
    #[command(flatten)]
    pub github: GitHubFlags,
    #[command(flatten)]
    pub output: OutputFlags,
}

#[derive(Debug, Clone, Args)]
pub struct BuildFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    #[command(flatten, next_help_heading = "Image: docker build, or --binary")]
    pub image: ImageSourceFlags,
    #[command(flatten, next_help_heading = "Where")]
    pub base: BaseFlags,
    #[command(flatten, next_help_heading = "Where")]
    pub aws: AwsFlags,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: CredentialsFlags,
    #[command(flatten)]
    pub output: OutputFlags,
}

#[derive(Debug, Clone, Args)]
pub struct WorkflowFlags {
    /// Fail, with a diff, when this workflow offers anything else [default: .github/workflows/migrate.yml]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = DEFAULT_WORKFLOW)]
    pub check: Option<PathBuf>,

    /// Edit the list in this workflow, and nothing else in it [default: .github/workflows/migrate.yml]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = DEFAULT_WORKFLOW, conflicts_with = "check")]
    pub write: Option<PathBuf>,

    #[command(flatten)]
    pub config: ConfigFile,
}

/// The command line of a run, and what the policies need besides.
#[derive(Debug, Clone, Args)]
pub struct IamFlags {
    #[command(flatten)]
    pub migrate: MigrateFlags,
    #[command(flatten)]
    pub trust: TrustFlags,
}

/// What keeps a command line from being read.
#[derive(Debug)]
pub enum Error {
    /// A usage error; or `--help` and `--version`, which ask for text and no run.
    Usage(clap::Error),
    /// A flag's value is wrong; or the configuration file is, or can not be read.
    Input(Failure),
}

impl From<clap::Error> for Error {
    fn from(mut error: clap::Error) -> Self {
        let given = error.get(ContextKind::InvalidArg);
        let Some(ContextValue::String(argument)) = given else { return Self::Usage(error) };
        let flag = argument.split([' ', '[', '=']).next().unwrap_or(argument);
        if let Some(wrong) = error.source().and_then(|source| source.downcast_ref::<Wrong>()) {
            return Self::Input(wrong.about(flag));
        }
        // Of a flag that is there twice clap says that it conflicts with itself, and not what to do.
        if error.kind() == ErrorKind::ArgumentConflict && error.get(ContextKind::PriorArg) == given {
            let tip = format!("keep one {flag}, with the value that is meant, and leave the other away");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        Self::Usage(error)
    }
}

/// What has flags that the Action's inputs and the configuration file can give.
pub const OPERATIONS: [&str; 2] = ["migrate", "build"];

/// What no file says, by the headings of the help: it is about one run, as a tag is.
const OF_ONE_RUN: [Option<&str>; 4] = [None, Some("Configuration"), Some("Resume"), Some("Output")];

/// Returns the keys that the configuration file may have, as arguments: each once, in the order of the help.
pub fn keys() -> clap::Command {
    let command = Cli::command();
    let operations = OPERATIONS.iter().filter_map(|name| command.find_subcommand(name));
    let flags = operations.flat_map(clap::Command::get_arguments);
    let mut keys = clap::Command::new("keys");
    for flag in flags.filter(|flag| flag.get_id() != "tag" && !OF_ONE_RUN.contains(&flag.get_help_heading()))
    {
        if !keys.get_arguments().any(|known| known.get_id() == flag.get_id()) {
            keys = keys.arg(flag);
        }
    }
    keys
}

/// Every command and flag, as the command line takes them.
pub fn command() -> clap::Command {
    precedence::with_values_for_switches(Cli::command())
}

/// Reads the command line. In GitHub Actions an input that no flag overrides counts as its flag, and the input
/// `operation` as the subcommand. What neither says, the configuration file does: the one that `--config` names, or the
/// one at its usual place below `directory`.
///
/// # Errors
/// The command line or an input is wrong, or asks for help; or the configuration file is wrong.
pub fn parse(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<String>,
    directory: &Path,
) -> Result<Cli, Error> {
    let command = command();
    let mut arguments = arguments;
    let in_actions = variable("GITHUB_ACTIONS").as_deref() == Some("true");
    if in_actions && arguments.len() <= 1 {
        arguments.push(input(variable, "operation").unwrap_or_else(|| "migrate".into()).into());
    }
    let mut matches = command.clone().try_get_matches_from(&arguments)?;
    let Some((name, given)) = matches.subcommand() else { return Ok(Cli::from_arg_matches(&matches)?) };
    let Some(subcommand) = command.find_subcommand(name) else { return Ok(Cli::from_arg_matches(&matches)?) };
    // Flags of the layers below stand right behind the subcommand: what follows a `--` is no flag.
    let place = arguments.iter().position(|argument| argument == name).map_or(arguments.len(), |at| at + 1);
    let mut layers = Layers::new(subcommand, given);
    if in_actions {
        arguments.splice(place..place, layers.inputs(|flag| input(variable, flag)));
        matches = command.clone().try_get_matches_from(&arguments)?;
    }
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some(flags) = cli.command.config_file()
        && let Some(config) =
            Config::find(flags.config.as_deref(), directory, &keys()).map_err(Error::Input)?
    {
        arguments.splice(place..place, layers.config(&config));
        let parsed = command.try_get_matches_from(&arguments).and_then(|all| Cli::from_arg_matches(&all));
        // Flags and inputs were read without it: the file is to blame.
        cli = parsed.map_err(|error| Error::Input(config.refused(&error)))?;
        if let Some(flags) = cli.command.config_file() {
            flags.fleet = config.fleet;
        }
    }
    Ok(cli)
}

/// An input as the runner passes it: `INPUT_<NAME>` in capitals, its hyphens kept; an empty one is an absent one.
fn input(variable: &dyn Fn(&str) -> Option<String>, flag: &str) -> Option<String> {
    let name = format!("INPUT_{}", flag.to_uppercase());
    [name.clone(), name.replace('-', "_")].iter().find_map(|name| {
        variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests;
