//! Every flag, and the Action's inputs, which are the same names: `--max-parallel` is `INPUT_MAX-PARALLEL`.
//!
//! The doc comments here are the manual.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

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
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub struct Target {
    /// The ECS cluster that runs the migration tasks
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    /// What the migration task is made from: family, family:revision, ARN, or the path of a JSON file
    #[arg(long, value_name = "FAMILY|ARN|PATH")]
    pub task_definition: Option<String>,

    /// The container whose exit code decides [default: the only essential one]
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,

    /// The AWS region [default: AWS_REGION, or the profile's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Deadline for each AWS call with its retries, such as 90s
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub call_timeout: String,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Image: docker build, or --binary, or --image")]
pub struct Image {
    /// The ECR repository [default: the one that the task definition's image is in]
    #[arg(long, value_name = "NAME|URI")]
    pub repository: Option<String>,

    /// The image's tag [default: the commit, from GITHUB_SHA or git]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,

    /// Run this image, built elsewhere: repository:tag, repository@sha256:…, or any registry's reference
    #[arg(long, value_name = "REF", conflicts_with_all = ["binary", "dockerfile", "context", "target", "build_arg"])]
    pub image: Option<String>,

    /// Package this static executable as the image, without Docker
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dockerfile", "context", "target", "build_arg"])]
    pub binary: Option<PathBuf>,

    /// The Dockerfile [default: Dockerfile in --context]
    #[arg(long, value_name = "PATH")]
    pub dockerfile: Option<PathBuf>,

    /// The build context [default: .]
    #[arg(long, value_name = "PATH")]
    pub context: Option<PathBuf>,

    /// The Dockerfile's stage to build
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// A build argument, K=V, or K to pass the environment's; repeat it
    #[arg(long, value_name = "K=V")]
    pub build_arg: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkFlags {
    /// Subnets: ids, or tag:Name=pattern*
    #[arg(long, value_name = "ID|TAG", value_delimiter = ',')]
    pub subnets: Vec<String>,

    /// Security groups: ids, or tag:Name=pattern*
    #[arg(long, value_name = "ID|TAG", value_delimiter = ',')]
    pub security_groups: Vec<String>,

    /// Give the task a public IP address: needed in a public subnet, useless in a private one
    #[arg(long)]
    pub assign_public_ip: bool,

    /// Take subnets, security groups and public IP from this service of the cluster
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["subnets", "security_groups", "assign_public_ip"])]
    pub network_from_service: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Migration task")]
pub struct TaskFlags {
    /// The variable that names the database
    #[arg(long, value_name = "NAME", default_value = "DATABASE_NAME")]
    pub database_variable: String,

    /// A further variable for this run, K=V; repeat it. Not for secrets: ECS shows it to everyone who may read tasks
    #[arg(long, value_name = "K=V")]
    pub env: Vec<String>,

    /// The command to run [default: the task definition's], split into words as a shell does
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,

    /// Fail a database whose task prints no migration report
    #[arg(long)]
    pub require_report: bool,

    /// How long one migration may take from RunTask to its end, such as 45m or 2h
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub timeout: String,

    /// What happens to a task that is still running at --timeout
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_timeout: Leftover,

    /// What happens to running tasks when this run is interrupted
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_cancel: Leftover,

    /// How long a stopped task's log may stay quiet before it counts as complete; a migration report ends the wait
    #[arg(long, value_name = "DURATION", default_value = "12s")]
    pub log_drain: String,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several databases")]
pub struct Fleet {
    /// Migration tasks that run at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max_parallel: u16,

    /// Go on with the other databases after one has failed
    #[arg(long)]
    pub keep_going: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// What stdout carries: text for people, or the plan or result as json or markdown (progress then goes to stderr)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Also write the job summary (Markdown) to this file [in GitHub Actions it goes to GITHUB_STEP_SUMMARY]
    #[arg(long, value_name = "PATH")]
    pub summary_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
    Markdown,
}

/// What becomes of a task that we no longer wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Leftover {
    /// Stop it: SIGTERM, then SIGKILL after the container's stopTimeout
    #[default]
    Stop,
    /// Leave it running, and say so
    Leave,
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
mod tests {
    use super::*;

    fn parsed(arguments: &[&str], inputs: &[(&str, &str)]) -> Migrate {
        let arguments = arguments.iter().map(Into::into).collect();
        let variable =
            |name: &str| inputs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let Command::Migrate(migrate) = parse(arguments, &variable).expect("valid").command;
        migrate
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn inputs_stand_for_flags_and_empty_ones_for_none() {
        let inputs = [
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_DATABASE", "a\n b \n\nc,d"),
            ("INPUT_CLUSTER", "x"),
            ("INPUT_REGION", ""),
            ("INPUT_MAX-PARALLEL", "7"),
            ("INPUT_KEEP-GOING", "true"),
            ("INPUT_REQUIRE-REPORT", "false"),
            ("INPUT_SUBNETS", "tag:Name=a-*"),
        ];
        let migrate = parsed(&["fargate-migrate"], &inputs);
        assert_eq!(migrate.database, ["a", "b", "c", "d"]);
        assert_eq!(migrate.target.cluster.as_deref(), Some("x"));
        assert_eq!(migrate.target.region, None);
        assert_eq!(migrate.fleet.max_parallel, 7);
        assert!(migrate.fleet.keep_going);
        assert!(!migrate.task.require_report);
        assert_eq!(migrate.network.subnets, ["tag:Name=a-*"]);
    }

    #[test]
    fn outside_of_github_actions_inputs_are_not_read() {
        let migrate = parsed(&["fargate-migrate", "migrate"], &[("INPUT_DATABASE", "a")]);
        assert!(migrate.database.is_empty());
    }

    #[test]
    fn a_flag_overrides_its_input() {
        let migrate = parsed(
            &["fargate-migrate", "migrate", "--database", "a", "--max-parallel=2"],
            &[("GITHUB_ACTIONS", "true"), ("INPUT_DATABASE", "b"), ("INPUT_MAX_PARALLEL", "3")],
        );
        assert_eq!(migrate.database, ["a"]);
        assert_eq!(migrate.fleet.max_parallel, 2);
    }

    #[test]
    fn a_boolean_input_that_is_none_is_refused() {
        let variable = |name: &str| match name {
            "GITHUB_ACTIONS" => Some("true".to_owned()),
            "INPUT_PLAN" => Some("yes".to_owned()),
            _ => None,
        };
        assert!(parse(vec!["fargate-migrate".into(), "migrate".into()], &variable).is_err());
    }

    #[test]
    fn an_input_can_not_smuggle_in_another_flag() {
        let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_TAG", "--plan"), ("INPUT_DATABASE", "--plan")];
        let migrate = parsed(&["fargate-migrate", "migrate"], &inputs);
        assert_eq!(migrate.image.tag.as_deref(), Some("--plan"));
        assert_eq!(migrate.database, ["--plan"]);
        assert!(!migrate.plan);
    }
}
