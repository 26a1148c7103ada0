//! Databases that are skipped: an earlier run has migrated them already.

use super::past::Past;
use crate::database_name::DatabaseName;
use crate::state::Next;
use crate::state::github_history::Terms;
use crate::verdict::{Judged, Migrated};

/// A database that needs nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub database: DatabaseName,
    pub by: Judged,
    pub proof: Migrated,
}

impl Proved {
    /// Finds the proof in the state file of a run that resumes, else in GitHub's Deployments; none when neither says
    /// that the database is migrated.
    pub(super) fn find(database: &DatabaseName, past: &Past, terms: &Terms<'_>) -> Option<Self> {
        let by = if past.resumes {
            match past.history.next(database, Some(terms)) {
                Next::Proved(judged) => judged.clone(),
                Next::FindOut(_) | Next::Start => return None,
            }
        } else {
            past.github.proof(database, terms)?
        };
        Self::of(database, by)
    }

    /// Makes one from a record; none when the record does not say that the database is migrated.
    pub(super) fn of(database: &DatabaseName, by: Judged) -> Option<Self> {
        let proof = Migrated::recorded(database, &by)?;
        Some(Self { database: database.clone(), by, proof })
    }
}
