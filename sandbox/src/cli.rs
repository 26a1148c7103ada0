//! Every flag of `sandbox`; the doc comments are the manual.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sandbox::Quotas;
use sandbox::clock::Pace;
use sandbox::options::Engine;

/// ECS, ECR, CloudWatch Logs, Secrets Manager and STS on this machine, with real tasks and a real PostgreSQL
#[derive(Debug, Parser)]
#[command(name = "sandbox", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// From source to three migrated databases: build, package, plan, migrate, prove
    Demo(Demo),
    /// Run until Ctrl-C, and print what to export for AWS clients
    Up(Shape),
    /// Run a command against a fresh sandbox, such as: sandbox exec -- aws ecs list-clusters
    Exec(Exec),
    /// Become a container of the process engine, which starts this
    #[command(name = sandbox::START_CONTAINER, hide = true)]
    StartContainer,
}

#[derive(Debug, Clone, Args)]
pub struct Shape {
    /// Port on 127.0.0.1 [default: a free one, or the one that --state remembers]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,

    /// How long a task's states take: instant, realistic (as on Fargate), or realistic:N (N times faster)
    #[arg(long, default_value = "instant", value_parser = pace)]
    pub pace: Pace,

    /// What runs the containers of tasks
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineChoice,

    /// Whether calls are throttled and vCPUs run out, as in a new account
    #[arg(long, value_enum, default_value_t)]
    pub quotas: QuotasChoice,

    /// Start nothing for tasks of the seed's family: each migration is a stand-in's, in no database, with its report
    #[arg(long)]
    pub stand_in: bool,

    /// At the end, print how often each API was called and throttled, and its peak
    #[arg(long)]
    pub figures: bool,

    /// Keep databases, images, task definitions, clusters, log groups and secrets in this directory, and find them again
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct Exec {
    #[command(flatten)]
    pub shape: Shape,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Build the image with docker from app/Dockerfile, and run the tasks as containers
    #[arg(long)]
    pub docker: bool,

    /// Go on from where the last demo ended: the idempotent path
    #[arg(long)]
    pub again: bool,

    /// How long a task's states take: instant, realistic (as on Fargate), or realistic:N (N times faster)
    #[arg(long, default_value = "instant", value_parser = pace)]
    pub pace: Pace,

    /// The image's tag [default: the commit that is checked out]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EngineChoice {
    /// Processes of this machine, without isolation
    #[default]
    Process,
    /// Containers of a Docker Engine
    Docker,
}

impl From<EngineChoice> for Engine {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Process => Self::Process,
            EngineChoice::Docker => Self::Docker,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum QuotasChoice {
    #[default]
    Off,
    /// As AWS documents them: token buckets, Fargate's launch rate, 6 vCPU
    Documented,
}

impl From<QuotasChoice> for Quotas {
    fn from(choice: QuotasChoice) -> Self {
        match choice {
            QuotasChoice::Off => Self::Off,
            QuotasChoice::Documented => Self::Documented,
        }
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    match text.split_once(':') {
        None if text == "instant" => Ok(Pace::Instant),
        None if text == "realistic" => Ok(Pace::Realistic { scale: 1.0 }),
        Some(("realistic", scale)) => match scale.parse::<f64>() {
            Ok(scale) if scale.is_finite() && scale > 0.0 => Ok(Pace::Realistic { scale }),
            _ => Err(format!("{scale} is not a number above 0")),
        },
        _ => Err("expected instant, realistic, or realistic:N".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_pace_is_a_word_and_may_have_a_factor() {
        assert_eq!(pace("instant"), Ok(Pace::Instant));
        assert_eq!(pace("realistic"), Ok(Pace::Realistic { scale: 1.0 }));
        assert_eq!(pace("realistic:20"), Ok(Pace::Realistic { scale: 20.0 }));
        for text in ["", "fast", "instant:2", "realistic:", "realistic:0", "realistic:-1", "realistic:inf"] {
            assert!(pace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_command_keeps_its_own_flags() {
        let cli = Cli::parse_from(["sandbox", "exec", "--port", "1", "--", "aws", "--port", "2", "--", "x"]);
        let Command::Exec(exec) = cli.command else { panic!("not exec") };
        assert_eq!(
            (exec.shape.port, exec.command),
            (1, ["aws", "--port", "2", "--", "x"].map(Into::into).into())
        );
    }
}
