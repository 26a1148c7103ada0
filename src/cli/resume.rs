//! The flags of runs that go on with others. The doc comments here are the manual.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Resume")]
pub struct ResumeFlags {
    /// Record in this file what the run does, for --resume, and for how long each migration takes
    #[arg(long, value_name = "PATH")]
    pub state: Option<PathBuf>,

    /// Go on with the last run in --state: skip what it proved migrated with this image, follow its tasks that still
    /// run, and run the rest. Without --state but with --deployments, skip what GitHub's Deployments say is migrated
    /// with it
    #[arg(long)]
    pub resume: bool,

    /// With --resume and --state, only databases that ran and were not migrated
    #[arg(long)]
    pub only_failed: bool,
}
