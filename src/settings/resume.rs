//! Which run this one goes on with.

use std::path::PathBuf;

use crate::cli;
use crate::failure::Failure;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeSettings {
    /// Where the run is recorded, and whether it goes on with the one there.
    pub state: Option<StateChoice>,
    /// Without a state file: databases whose deployments say that they are migrated are skipped.
    pub from_github: bool,
}

/// `--state`, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChoice {
    pub file: PathBuf,
    pub resume: bool,
    /// Only databases that ran and are not proved migrated.
    pub only_failed: bool,
}

impl ResumeSettings {
    /// # Errors
    /// A flag that makes sense beside another one alone.
    pub fn new(flags: cli::ResumeFlags, deployments: bool) -> Result<Self, Failure> {
        let cli::ResumeFlags { state, resume, only_failed } = flags;
        if only_failed && !resume {
            return Err(Failure::input("--only-failed without --resume")
                .hint("add --resume and --state FILE: the file says which databases failed"));
        }
        let from_github = resume && state.is_none();
        match state {
            None if only_failed => Err(Failure::input("--only-failed without --state")
                .hint("name the file that the run to go on with has left: --state FILE; GitHub's Deployments do not say what ran in vain")),
            None if resume && !deployments => Err(Failure::input("--resume without --state").hint(
                "name the file that the run to go on with has left: --state FILE; or add --deployments, which are asked instead",
            )),
            state => Ok(Self {
                state: state.map(|file| StateChoice { file, resume, only_failed }),
                from_github,
            }),
        }
    }
}
