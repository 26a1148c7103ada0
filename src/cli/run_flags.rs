//! The flags of `run`.

use clap::Args;

use super::flags::{
    CommonTaskFlags, ConfigFile, CredentialsFlags, FleetFlags, ImageFlags, NetworkFlags, OutputFlags,
    SelectionFlags, TargetFlags,
};
use crate::choices::OnRunning;
use crate::values::{Failures, Packing, Parallel, Share};

#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    #[command(flatten)]
    pub selection: SelectionFlags,

    #[command(flatten)]
    pub command: RunCommandFlags,

    #[command(flatten)]
    pub target: TargetFlags,
    #[command(flatten)]
    pub image: ImageFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten, next_help_heading = "Task")]
    pub task: CommonTaskFlags,
    #[command(flatten)]
    pub fleet: RunFleetFlags,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: CredentialsFlags,
    #[command(flatten)]
    pub output: OutputFlags,
}

/// What runs, and the flags that no other operation has; `iam --for run` takes them, too.
#[derive(Debug, Clone, Args)]
pub struct RunCommandFlags {
    /// Run this command of the configuration file (commands), instead of one behind --
    #[arg(long, value_name = "NAME", conflicts_with = "words")]
    pub named: Option<String>,

    /// Run it in the task definition and network of this service of the cluster
    #[arg(long, value_name = "SERVICE", help_heading = "Where", conflicts_with_all = ["task_definition", "subnets", "security_groups", "assign_public_ip", "network_from_service"])]
    pub like_service: Option<String>,

    /// Take --env although a name or a value of it looks like a secret
    #[arg(long, help_heading = "Task")]
    pub env_is_not_secret: bool,

    /// The command and its words, as they are: no shell is put around them
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,

    /// Whether a flag or an input asks for another image than the one that runs now. What the configuration file says
    /// of images is about migrations.
    #[arg(skip)]
    pub is_other_image: bool,
}

impl RunCommandFlags {
    /// Takes note of whether another image is asked for, before the configuration file has its say.
    pub(super) fn look_at_image(&mut self, flags: &ImageFlags) {
        let ImageFlags { image, source } = flags;
        let of_build = [&source.binary, &source.dockerfile, &source.context];
        self.is_other_image = image.is_some()
            || source.tag.is_some()
            || source.repository.is_some()
            || of_build.iter().any(|path| path.is_some())
            || source.target.is_some()
            || !(source.build_arg.is_empty() && source.build_secret.is_empty())
            || !(source.build_ssh.is_empty() && source.cache_from.is_empty() && source.cache_to.is_empty());
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several databases")]
pub struct RunFleetFlags {
    /// Tasks that run at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub max_parallel: Parallel,

    /// Start no more after this many databases have failed [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "keep_going")]
    pub max_failures: Option<Failures>,

    /// What part of AWS's documented API rates this run may use: other callers of the account need theirs. Above 100%
    /// where AWS has raised them
    #[arg(long, value_name = "PERCENT", default_value = "50%")]
    pub api_share: Share,

    /// Go on after failures, however many; in a migration, a canary that fails still stops the rest
    #[arg(long)]
    pub keep_going: bool,
}

impl RunFleetFlags {
    /// Returns the flags of a fleet of migrations that say the same.
    pub(crate) fn into_fleet_flags(self) -> FleetFlags {
        let Self { max_parallel, max_failures, api_share, keep_going } = self;
        FleetFlags {
            max_parallel,
            databases_per_task: Packing::One,
            canary: Vec::new(),
            max_failures,
            api_share,
            on_running: OnRunning::default(),
            keep_going,
        }
    }
}
