//! What a plan is made from.

use tokio::time::Instant;

use super::family::Family;
use super::past::Past;
use super::revisions::Revisions;
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
    /// The family's newest revision in ECS: it is reused when it is already what is wanted.
    pub current: Option<TaskDefinition>,
    pub image: ObservedImage,
    pub network: Network,
    /// Tasks of the family that run now, those included that are told to end and may still work.
    pub running: Vec<Task>,
    /// The revisions that these and the finished ones run.
    pub revisions: Revisions,
    /// When ECS was asked for them.
    pub looked_at: Instant,
    /// Tasks that this very run has started before, in an earlier step or process, and that have ended or will.
    pub finished: Vec<Task>,
    /// What an earlier process has recorded of the run.
    pub past: Past,
    /// What could not be observed, and what a person should know before the run.
    pub notes: Vec<String>,
}

impl Observed {
    /// What was read of earlier runs' deployments, and what was not.
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

/// What gave an image its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// `--tag`; the commit that is checked out, where there is a repository.
    Flag { checked_out: Option<String> },
    /// The commit that is checked out; GITHUB_SHA, where that is another one.
    CheckedOut { github: Option<String> },
    /// GITHUB_SHA: nothing is checked out.
    GitHub,
}

/// What the plan of a build is made from.
#[derive(Debug, Clone)]
pub struct ObservedBuild {
    pub account: Account,
    /// What says the platform; absent when no task definition was given.
    pub base: Option<TaskDefinition>,
    pub image: ObservedImage,
    /// What a person should know before the run.
    pub notes: Vec<String>,
}
