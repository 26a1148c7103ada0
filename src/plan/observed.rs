//! What a plan is made from.

use tokio::time::Instant;

use super::family::Family;
use super::past::Past;
use super::revisions::Revisions;
use super::witness_plan::ObservedWitness;
use crate::ports::{Account, ImagePlatform, Network, Repository, StoredImage, Task};
use crate::state::github_history::GitHubHistory;
use crate::task_definition::TaskDefinition;

/// What was seen, and what could not be.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Absent when the plan was made without AWS.
    pub aws: Option<Account>,
    /// What the migration task is made from.
    pub base: TaskDefinition,
    /// Where the revision goes.
    pub family: Family,
    /// The family's newest revision in ECS: it is reused where it is already what the run needs.
    pub current: Option<TaskDefinition>,
    pub image: ObservedImage,
    /// Present where the witness is put in front of the command.
    pub witness: Option<ObservedWitness>,
    pub network: Network,
    /// Tasks of the family that run now, and those that ECS has told to stop and that may still work.
    pub running: Vec<Task>,
    /// The revisions that these and the finished tasks run.
    pub revisions: Revisions,
    /// When ECS was asked for the tasks.
    pub looked_at: Instant,
    /// Tasks that an earlier step or process of this run has started, and that have ended or will end.
    pub finished: Vec<Task>,
    /// What an earlier process has recorded of the run.
    pub past: Past,
    /// What could not be observed, and what a person should know before the run.
    pub notes: Vec<String>,
}

impl Observed {
    /// Takes what was read of earlier runs' deployments, and a note on what was not.
    pub fn takes(&mut self, (github, note): (GitHubHistory, Option<String>)) {
        self.past.github = github;
        self.notes.extend(note);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedImage {
    /// Built here: its repository, its tag, and the image that has the tag already.
    Tagged { repository: Repository, tag: String, named_by: TagSource, stored: Option<StoredImage> },
    /// `--image`, pinned by digest where it is in ECR; or why it was not seen there.
    Reference {
        reference: String,
        digest: Option<String>,
        platforms: Option<Vec<ImagePlatform>>,
        unseen: Option<String>,
    },
}

impl ObservedImage {
    /// Returns the platforms of an image that exists, where they were seen.
    pub(super) fn platforms(&self) -> Option<Vec<ImagePlatform>> {
        match self {
            Self::Tagged { stored, .. } => stored.as_ref()?.platforms(),
            Self::Reference { platforms, .. } => platforms.clone(),
        }
    }
}

/// What gave an image its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// `--tag`, and the commit that is checked out, where there is a repository.
    Flag { checked_out: Option<String> },
    /// The commit that is checked out, and GITHUB_SHA, where that is another one.
    CheckedOut { github: Option<String> },
    /// GITHUB_SHA: nothing is checked out.
    GitHub,
}

/// What the plan of a build is made from.
#[derive(Debug, Clone)]
pub struct ObservedBuild {
    pub account: Account,
    /// What names the platform; absent when no task definition was given.
    pub base: Option<TaskDefinition>,
    pub image: ObservedImage,
    /// What a person should know before the run.
    pub notes: Vec<String>,
}
