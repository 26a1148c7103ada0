//! The flags of `status`. The doc comments here are the manual.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigFile, CredentialsFlags, GitHubFlags, OutputFlags, TargetFlags};
use crate::choices::Proof;
use crate::values::Variable;

#[derive(Debug, Clone, Args)]
pub struct StatusFlags {
    /// A database to migrate; with a list of them in the configuration file also a group, all, or a pattern with * and
    /// ?. Repeat it, or separate with commas
    #[arg(long, value_name = "NAME|GROUP|PATTERN", value_delimiter = ',')]
    pub database: Vec<String>,

    /// Of migrate, with --plan: ask the databases as well, and say in the plan what is pending in each; that starts check
    /// tasks, so it takes their permissions, and the image has to be there. Of status: fail when a service runs another
    /// image than its databases are proved at, or when that is not known
    #[arg(long)]
    pub check: bool,

    #[command(flatten)]
    pub target: TargetFlags,

    /// The variable that names the database
    #[arg(long, value_name = "NAME", default_value = "DATABASE_NAME", help_heading = "Migration task")]
    pub database_variable: Variable,

    /// What proves that a database is migrated. Without a migration report it is unproved, and the run fails; with
    /// exit-code it is "migrated, not proved"
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = "Migration task")]
    pub proof: Proof,

    /// A service of the cluster; repeat it, or separate with commas
    #[arg(
        long,
        visible_alias = "services",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Services"
    )]
    pub service: Vec<String>,

    /// Record in this file what the run does, for --resume, and for how long each migration takes; rollback reads in it
    /// what was migrated since
    #[arg(long, value_name = "PATH", help_heading = "Resume")]
    pub state: Option<PathBuf>,

    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub credentials: CredentialsFlags,
    #[command(flatten)]
    pub github: GitHubFlags,
    #[command(flatten)]
    pub output: OutputFlags,
}
