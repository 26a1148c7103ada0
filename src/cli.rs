//! Every flag, and the Action's inputs, which are the same names: `--max-parallel` is `INPUT_MAX-PARALLEL`. The
//! configuration file has them, too: it says `max-parallel: 4`.
//!
//! The doc comments here are the manual.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::choices::{Format, OnCancel, PolicyFor};
use crate::config::{Config, DEFAULT_WORKFLOW};
use crate::failure::{Failure, did_you_mean};
use crate::untrusted::phrase;
use crate::values::Wrong;

mod check_flags;
mod flags;
mod help;
mod init_flags;
mod precedence;
mod run_flags;
mod service_flags;
mod sql_flags;
mod status_flags;

use precedence::Layers;

pub use check_flags::{CheckCommand, CheckFlags, CheckFleetFlags};
pub use flags::{
    AwsFlags, BaseFlags, CommonTaskFlags, ConfigFile, CredentialsFlags, FleetFlags, GitHubFlags, ImageFlags,
    ImageSourceFlags, NetworkFlags, OutputFlags, ResumeFlags, SelectionFlags, TargetFlags, TaskFlags,
    TrustFlags, WitnessFlags,
};
pub use init_flags::{InitFlags, Way};
pub(crate) use init_flags::{name as init_name, region as init_region, repository as init_repository};
pub use run_flags::{RunCommandFlags, RunFlags, RunFleetFlags};
pub use service_flags::{BackFlags, DeployServiceFlags, HealthFlags, ServiceFlags};
pub use sql_flags::{MigrationFiles, SqlFlags};
pub use status_flags::StatusFlags;

/// Migrates databases with one-off ECS Fargate tasks, and proves that the database asked for is the one migrated.
#[derive(Debug, Parser)]
#[command(name = "fargate-migrate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// Tell of each call to AWS and GitHub: its name, duration, attempt and request id [also: FARGATE_MIGRATE_LOG=debug]
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Build → push → revision → migrate: from a commit to migrated databases
    Migrate(MigrateFlags),
    /// Migrate, then deploy the services: from a commit to migrated databases and the running service
    Deploy(Box<DeployFlags>),
    /// Take services back to what really ran before
    Rollback(Box<RollbackFlags>),
    /// Build and push the image, or reuse it if it exists; outputs its digest for a later job's --image
    Build(BuildFlags),
    /// Print the IAM policy that an operation (--for) needs with the same flags, and the role's trust in GitHub's OIDC tokens
    Iam(Box<IamFlags>),
    /// Print a workflow's dropdowns of databases and commands, as the configuration file has them
    Workflow(WorkflowFlags),
    /// Ask the databases how far they are: up to date, behind, ahead or drifted. Changes nothing in them
    Check(Box<CheckFlags>),
    /// Run a command of yours in a one-off task: its output is the output, its exit code the exit code
    Run(Box<RunFlags>),
    /// Say which commit each database is proved at and which one each service runs, by reading calls alone
    Status(Box<StatusFlags>),
    /// Write the configuration file, the workflows and infra/ for this repository: it asks, or takes flags
    Init(Box<InitFlags>),
    /// Print what a shell completes the flags of fargate-migrate with
    Completions(CompletionsFlags),
    /// Write the man pages of fargate-migrate and its operations into a directory
    Man(ManFlags),
}

impl Command {
    /// Returns the format of what stdout carries.
    pub fn format(&self) -> Format {
        match self {
            Self::Migrate(flags) => flags.output.format,
            Self::Deploy(flags) => flags.migrate.output.format,
            Self::Rollback(flags) => flags.output.format,
            Self::Build(flags) => flags.output.format,
            Self::Iam(flags) => flags.migrate.output.format,
            Self::Workflow(_) | Self::Init(_) | Self::Completions(_) | Self::Man(_) => Format::Text,
            Self::Check(flags) => flags.output.format,
            Self::Run(flags) => flags.output.format,
            Self::Status(flags) => flags.output.format,
        }
    }

    /// Returns the configuration file of a command that takes one.
    fn config_file(&mut self) -> Option<&mut ConfigFile> {
        match self {
            Self::Migrate(flags) => Some(&mut flags.config),
            Self::Deploy(flags) => Some(&mut flags.migrate.config),
            Self::Rollback(flags) => Some(&mut flags.config),
            Self::Build(flags) => Some(&mut flags.config),
            Self::Iam(flags) => Some(&mut flags.migrate.config),
            Self::Workflow(flags) => Some(&mut flags.config),
            Self::Check(flags) => Some(&mut flags.config),
            Self::Run(flags) => Some(&mut flags.config),
            Self::Status(flags) => Some(&mut flags.config),
            Self::Init(_) | Self::Completions(_) | Self::Man(_) => None,
        }
    }

    /// Returns the flags that `run` alone has, with those of its image; `iam` has them, too.
    fn of_run(&mut self) -> Option<(&mut RunCommandFlags, &ImageFlags)> {
        match self {
            Self::Run(flags) => Some((&mut flags.command, &flags.image)),
            Self::Iam(flags) => Some((&mut flags.run, &flags.migrate.image)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct MigrateFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    /// Of migrate, with --plan: ask the databases as well, and say in the plan what is pending in each; that starts check
    /// tasks, so it takes their permissions, and the image has to be there. Of status: fail when a service runs another
    /// image than its databases are proved at, or when that is not known
    #[arg(long)]
    pub check: bool,

    #[command(flatten)]
    pub selection: SelectionFlags,

    #[command(flatten)]
    pub target: TargetFlags,
    #[command(flatten)]
    pub image: ImageFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub task: TaskFlags,
    #[command(flatten)]
    pub witness: WitnessFlags,
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
    #[command(flatten)]
    pub check_command: CheckCommand,
    #[command(flatten)]
    pub sql: SqlFlags,
}

/// All of migrate, then the services.
#[derive(Debug, Clone, Args)]
pub struct DeployFlags {
    #[command(flatten)]
    pub migrate: MigrateFlags,
    #[command(flatten)]
    pub services: DeployServiceFlags,
}

#[derive(Debug, Clone, Args)]
pub struct RollbackFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    /// The ECS cluster of the migration tasks and of the services
    #[arg(long, value_name = "NAME", help_heading = "Where")]
    pub cluster: Option<String>,

    #[command(flatten, next_help_heading = "Where")]
    pub aws: AwsFlags,
    #[command(flatten)]
    pub services: ServiceFlags,
    #[command(flatten)]
    pub back: BackFlags,

    /// What happens to running tasks, and to deployments of services, when this run is interrupted
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = "Services")]
    pub on_cancel: OnCancel,

    /// Record in this file what the run does, for --resume, and for how long each migration takes; rollback reads in it
    /// what was migrated since
    #[arg(long, value_name = "PATH", help_heading = "Resume")]
    pub state: Option<PathBuf>,

    #[command(flatten)]
    pub sql: MigrationFiles,

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

    /// Edit the lists in this workflow, and nothing else in it [default: .github/workflows/migrate.yml]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = DEFAULT_WORKFLOW, conflicts_with = "check")]
    pub write: Option<PathBuf>,

    #[command(flatten)]
    pub config: ConfigFile,
}

#[derive(Debug, Clone, Args)]
pub struct CompletionsFlags {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Clone, Args)]
pub struct ManFlags {
    /// The directory, which is made where it is not there
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
}

/// The command line of a run, and what the policies need besides.
#[derive(Debug, Clone, Args)]
pub struct IamFlags {
    /// The operation whose permissions are printed; the other flags are that operation's
    #[arg(long = "for", value_name = "OPERATION", value_enum, default_value_t)]
    pub operation: PolicyFor,

    #[command(flatten)]
    pub migrate: MigrateFlags,
    #[command(flatten)]
    pub services: DeployServiceFlags,
    #[command(flatten)]
    pub back: BackFlags,
    #[command(flatten)]
    pub run: RunCommandFlags,
    #[command(flatten)]
    pub trust: TrustFlags,
}

/// What keeps a command line from being read.
#[derive(Debug)]
pub enum Error {
    /// A usage error; or `--help` and `--version`, which ask for text and no run.
    Usage(clap::Error),
    /// A flag's value is wrong; or the configuration file is, or cannot be read.
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
        // clap says that a flag that is there twice conflicts with itself, and not what to do.
        if error.kind() == ErrorKind::ArgumentConflict && error.get(ContextKind::PriorArg) == given {
            let tip = format!("pass {flag} once, with the value that is meant");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        Self::Usage(error)
    }
}

/// The operations whose flags the Action's inputs and the configuration file can give.
pub const OPERATIONS: [&str; 7] = ["migrate", "deploy", "rollback", "build", "check", "run", "status"];

/// What no file says, by the headings of the help: it is about one run, as a tag is.
const OF_ONE_RUN: [Option<&str>; 5] =
    [None, Some("Configuration"), Some("Resume"), Some("Back to"), Some("Output")];
/// The same under headings whose other flags a file may give.
const VALUES_OF_ONE_RUN: [&str; 4] = ["tag", "no_migration", "like_service", "env_is_not_secret"];

/// Returns the keys that the configuration file may have, as arguments: each once, in the order of the help.
pub fn keys() -> clap::Command {
    let command = Cli::command();
    let operations = OPERATIONS.iter().filter_map(|name| command.find_subcommand(name));
    let flags = operations.flat_map(clap::Command::get_arguments);
    let mut keys = clap::Command::new("keys");
    let of_one_run = |flag: &&clap::Arg| {
        VALUES_OF_ONE_RUN.contains(&flag.get_id().as_str()) || OF_ONE_RUN.contains(&flag.get_help_heading())
    };
    for flag in flags.filter(|flag| !of_one_run(flag)) {
        if !keys.get_arguments().any(|known| known.get_id() == flag.get_id()) {
            keys = keys.arg(flag);
        }
    }
    keys
}

/// Returns every command and flag, as the command line takes them.
pub fn command() -> clap::Command {
    help::with_first_flags(precedence::with_values_for_switches(Cli::command()))
}

/// Reads the command line. In GitHub Actions an input that no flag overrides counts as its flag, and the input
/// `operation` as the subcommand. The configuration file gives what neither says: the file that `--config` names, or
/// the one at its usual place below `directory`.
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
        let operation = input(variable, "operation").unwrap_or_else(|| "migrate".into());
        if !OPERATIONS.contains(&operation.as_str()) {
            return Err(Error::Input(
                Failure::input(format!("invalid value {:?} for the input operation", phrase(&operation)))
                    .hint(did_you_mean(&operation, OPERATIONS, || {
                        format!("the operations are {}", OPERATIONS.join(", "))
                    })),
            ));
        }
        arguments.push(operation.into());
    }
    let mut matches = command.clone().try_get_matches_from(&arguments)?;
    let Some((name, given)) = matches.subcommand() else { return Ok(Cli::from_arg_matches(&matches)?) };
    let Some(subcommand) = command.find_subcommand(name) else { return Ok(Cli::from_arg_matches(&matches)?) };
    // Flags of the layers below stand right behind the subcommand: what follows a `--` is not a flag.
    let place = arguments.iter().position(|argument| argument == name).map_or(arguments.len(), |at| at + 1);
    let mut layers = Layers::new(subcommand, given);
    if in_actions {
        arguments.splice(place..place, layers.inputs(|flag| input(variable, flag)));
        matches = command.clone().try_get_matches_from(&arguments)?;
    }
    let mut cli = Cli::from_arg_matches(&matches)?;
    let is_other_image = cli.command.of_run().is_some_and(|(run, image)| {
        run.look_at_image(image);
        run.is_other_image
    });
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
            flags.commands = config.commands;
            flags.rollout = config.rollout;
        }
        if let Some((run, _)) = cli.command.of_run() {
            run.is_other_image = is_other_image;
        }
    }
    Ok(cli)
}

/// Tells whether the command line, read or not, is one of `run`, whose exit codes are the container's.
pub(crate) fn is_run(arguments: &[OsString], variable: &dyn Fn(&str) -> Option<String>) -> bool {
    match arguments.get(1) {
        Some(first) => first == "run",
        None => {
            variable("GITHUB_ACTIONS").as_deref() == Some("true")
                && input(variable, "operation").as_deref() == Some("run")
        }
    }
}

/// Returns an input as the runner passes it: `INPUT_<NAME>` in capitals, its hyphens kept or `_`; an empty one is
/// absent.
fn input(variable: &dyn Fn(&str) -> Option<String>, flag: &str) -> Option<String> {
    let name = format!("INPUT_{}", flag.to_uppercase());
    [name.clone(), name.replace('-', "_")].iter().find_map(|name| {
        variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests;
