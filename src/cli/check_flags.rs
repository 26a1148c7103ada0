//! The flags of `check`, which are those of `migrate` but for what only a migration needs.

use clap::Args;

use super::flags::{
    CommonTaskFlags, ConfigFile, CredentialsFlags, FleetFlags, GitHubFlags, ImageFlags, NetworkFlags,
    OutputFlags, ResumeFlags, SelectionFlags, TargetFlags, TaskFlags, WitnessFlags,
};
use super::{MigrateFlags, SqlFlags};
use crate::choices::{OnRunning, Proof};
use crate::config::Rollout;
use crate::values::{Packing, Parallel, Share, Words};

#[derive(Debug, Clone, Args)]
pub struct CheckFlags {
    /// Print what would be done, change nothing, and stop
    #[arg(long)]
    pub plan: bool,

    #[command(flatten)]
    pub selection: SelectionFlags,

    #[command(flatten)]
    pub target: TargetFlags,
    #[command(flatten)]
    pub image: ImageFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten, next_help_heading = "Migration task")]
    pub task: CommonTaskFlags,
    #[command(flatten)]
    pub command: CheckCommand,
    #[command(flatten)]
    pub witness: WitnessFlags,
    #[command(flatten)]
    pub sql: SqlFlags,
    #[command(flatten)]
    pub fleet: CheckFleetFlags,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: CredentialsFlags,

    /// Keep one comment on the pull request up to date: of migrate and deploy, with --plan, the plan; of check, what is
    /// pending in each database. Needs GITHUB_TOKEN with pull-requests: write
    #[arg(long, help_heading = "GitHub")]
    pub comment: bool,

    #[command(flatten)]
    pub output: OutputFlags,
}

/// What a check task runs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Check")]
pub struct CheckCommand {
    /// The command of check: it prints a migration report of what the database has and lacks, and changes nothing, such as
    /// "app status --report". Split into words as a shell does, unless the entry point is a shell with -c
    #[arg(long, value_name = "COMMAND")]
    pub check_command: Option<Words>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several databases")]
pub struct CheckFleetFlags {
    /// Tasks that run at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub max_parallel: Parallel,

    /// Databases that share a task, or auto: as many tasks as --max-parallel, with about as much to do each. More than
    /// one needs an image that takes lists and reports on each database (docs/migration-report.md, Packs)
    #[arg(long, value_name = "N|auto", default_value = "1")]
    pub databases_per_task: Packing,

    /// What part of AWS's documented API rates this run may use: other callers of the account need theirs. Above 100%
    /// where AWS has raised them
    #[arg(long, value_name = "PERCENT", default_value = "50%")]
    pub api_share: Share,
}

impl CheckFlags {
    /// Returns the flags of a migration whose command would be the check's. What the one needs, the other needs.
    pub(crate) fn into_migrate_flags(self) -> MigrateFlags {
        let CheckFleetFlags { max_parallel, databases_per_task, api_share } = self.fleet;
        MigrateFlags {
            plan: self.plan,
            check: false,
            selection: self.selection,
            target: self.target,
            image: self.image,
            network: self.network,
            task: TaskFlags { common: self.task, command: self.command.check_command, proof: Proof::Report },
            witness: self.witness,
            fleet: FleetFlags {
                max_parallel,
                databases_per_task,
                canary: Vec::new(),
                max_failures: None,
                api_share,
                on_running: OnRunning::default(),
                keep_going: true,
            },
            resume: ResumeFlags { state: None, resume: false, only_failed: false },
            // A check that fails stops no other, so it has no stages.
            config: ConfigFile { rollout: Rollout::default(), ..self.config },
            credentials: self.credentials,
            github: GitHubFlags { deployments: false, environment_prefix: None, comment: self.comment },
            output: self.output,
            check_command: CheckCommand { check_command: None },
            sql: self.sql,
        }
    }
}
