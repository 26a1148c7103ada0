//! Pure: the images at which databases are proved, those that services run, and whether they are the same.

use jiff::Timestamp;

use crate::image_reference::{ImageReference, commit_or_first};
use crate::plan::RunningTask;
use crate::ports::Account;

mod check;
mod data;
mod document;
mod record;
mod service;

pub(crate) use check::{Compared, compared};
pub(crate) use data::data;
pub(crate) use document::document;
pub(crate) use record::{Recorded, Sources, standing};
pub(crate) use service::{Ended, NEWEST, Named, Rollout, RunningImage, SeenService, SeenTasks};

/// All that was read.
#[derive(Debug, Clone)]
pub struct Status {
    pub account: Account,
    pub cluster: String,
    pub databases: Vec<DatabaseRow>,
    pub services: Vec<ServiceRow>,
    /// Whether a run holds the state file now.
    pub in_use: bool,
    /// The results of `--check`, by service; absent without it.
    pub check: Option<Vec<Compared>>,
    pub notes: Vec<String>,
    pub at: Timestamp,
}

/// A database.
#[derive(Debug, Clone)]
pub struct DatabaseRow {
    pub name: String,
    /// What is recorded of it.
    ///
    /// # Errors
    /// Says why that is not known.
    pub standing: Result<Standing, String>,
    /// The tasks that migrate it now, or may.
    ///
    /// # Errors
    /// Says why that is not known.
    pub running: Result<Vec<RunningTask>, String>,
}

/// What the records say of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub proved: Option<Proved>,
    /// What is recorded after that, so that the proof may no longer hold.
    pub later: Option<Later>,
}

/// An image whose migrations a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub at: Timestamp,
    pub image: Image,
    /// Whether a migration report proves it, not the exit code alone.
    pub by_report: bool,
    pub from: Source,
    /// The revision that ran, as an ARN.
    pub revision: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Absent where it is not known whether something happened.
    pub at: Option<Timestamp>,
    pub what: String,
}

/// The source of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    StateFile,
    GitHub,
}

impl Source {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::StateFile => "state file",
            Self::GitHub => "GitHub's Deployments",
        }
    }
}

/// An image by its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// As a task definition names it, where that is known. Its tags are looked up in that repository.
    pub reference: Option<String>,
    /// `sha256:…`; absent where it is not recorded.
    pub digest: Option<String>,
    pub tags: Vec<String>,
    /// Digests of the images that its index lists: ECS may show one of those.
    pub parts: Vec<String>,
    /// Why its tags, and without a reference its repository, are not known.
    pub unread: Option<String>,
}

impl Image {
    /// Returns the commit among its tags, else the first of them; without tags and digest, the tag of the reference.
    pub(crate) fn tag(&self) -> Option<&str> {
        let named = || ImageReference::parse(self.reference.as_deref()?).tag;
        commit_or_first(&self.tags).or_else(|| self.digest.is_none().then(named).flatten())
    }

    /// Returns `registry/path`, where the reference is known.
    pub(crate) fn repository(&self) -> Option<String> {
        Some(ImageReference::parse(self.reference.as_deref()?).repository())
    }

    /// Returns whether both are known to be one image: by the same digest, or as an index and an image that it lists.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let Some((own, theirs)) = self.digest.as_ref().zip(other.digest.as_ref()) else { return false };
        own == theirs || self.parts.contains(theirs) || other.parts.contains(own)
    }
}

/// A service.
#[derive(Debug, Clone)]
pub struct ServiceRow {
    pub name: String,
    /// # Errors
    /// Says why nothing of it is known.
    pub seen: Result<SeenService, String>,
}

#[cfg(test)]
mod tests;
