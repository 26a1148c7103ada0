//! Proof: what only a verdict can give, and what is demanded by all that needs migrated databases.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;

use super::judged::{GitHubProof, Judged, MIGRATED};
use crate::database_name::DatabaseName;
use crate::failure::listed;
use crate::migration_report::MigrationReport;
use crate::ports::Task;

/// Proof that a database was migrated, or, with `--proof exit-code`, exit code 0 in place of it
/// ([`Self::is_proved`]).
///
/// Only a verdict makes one: on a task whose migration container was seen to have ended, or on the record of an
/// earlier run that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    database: DatabaseName,
    task_arn: String,
    image_digest: Option<String>,
    report: Option<Box<MigrationReport>>,
    /// When an earlier run has concluded it; absent when this one did.
    recorded_at: Option<Timestamp>,
    /// What is known of an earlier run's proof from a GitHub Deployment alone.
    github: Option<GitHubProof>,
}

impl Migrated {
    /// Makes the proof by the task, which ran the image with this digest.
    pub(super) fn by_task(
        database: &DatabaseName,
        task: &Task,
        image_digest: Option<&str>,
        report: Option<&MigrationReport>,
    ) -> Self {
        Self {
            database: database.clone(),
            task_arn: task.arn.clone(),
            image_digest: image_digest.map(str::to_owned),
            report: report.cloned().map(Box::new),
            recorded_at: None,
            github: None,
        }
    }

    /// Returns the proof that an earlier run has recorded, in its state file or as a deployment; none when the record
    /// says anything but that this database is migrated.
    pub(crate) fn recorded(database: &DatabaseName, judged: &Judged) -> Option<Self> {
        (judged.is_migrated() && judged.database == **database).then(|| Self {
            database: database.clone(),
            task_arn: judged.task.clone().unwrap_or_default(),
            image_digest: judged.image_digest.clone(),
            report: judged.report.clone().filter(|_| judged.verdict == MIGRATED).map(Box::new),
            recorded_at: Some(judged.at),
            github: judged.github,
        })
    }

    pub fn database(&self) -> &DatabaseName {
        &self.database
    }

    /// Returns the task's ARN; empty where an earlier run is known from a GitHub Deployment alone.
    pub fn task_arn(&self) -> &str {
        &self.task_arn
    }

    /// Returns `sha256:…` of the image that the task ran; none when nothing says it, as for an image named by a tag.
    pub fn image_digest(&self) -> Option<&str> {
        self.image_digest.as_deref()
    }

    /// Returns what the task itself reported; none for an image that does not speak the protocol.
    pub fn report(&self) -> Option<&MigrationReport> {
        self.report.as_deref()
    }

    /// Tells whether a migration report says so: of this task, or of the earlier run that has recorded it.
    pub fn is_proved(&self) -> bool {
        self.report.is_some() || self.github == Some(GitHubProof::Reported)
    }

    /// Returns when an earlier run concluded it, by that run's clock; none when this run did.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// Returns what is known of an earlier run's proof from a GitHub Deployment alone.
    pub fn github(&self) -> Option<GitHubProof> {
        self.github
    }
}

/// Proof that every database that was asked for is migrated, by one image: what deploying a service demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllMigrated {
    proofs: Vec<Migrated>,
    image_digest: String,
}

/// Why proofs are not proof of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAll {
    /// No database was asked for.
    Nothing,
    /// These have none.
    Missing(Vec<DatabaseName>),
    /// It does not say which image migrated this one.
    NoDigest(DatabaseName),
    /// One image migrated the first, and another one the second.
    TwoImages(DatabaseName, DatabaseName),
}

impl AllMigrated {
    /// Takes the proofs of the databases that were `asked` for; others do not count.
    ///
    /// # Errors
    /// A database has no proof, or one that names no image or another one.
    pub fn of(asked: &[DatabaseName], proofs: Vec<Migrated>) -> Result<Self, NotAll> {
        let mut by_database: HashMap<DatabaseName, Migrated> =
            proofs.into_iter().map(|proof| (proof.database.clone(), proof)).collect();
        let (mut proofs, mut missing) = (Vec::new(), Vec::new());
        for name in asked {
            match by_database.remove(name) {
                Some(proof) => proofs.push(proof),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(NotAll::Missing(missing));
        }
        let first = proofs.first().ok_or(NotAll::Nothing)?;
        let digest_of = |proof: &Migrated| {
            proof.image_digest.clone().ok_or_else(|| NotAll::NoDigest(proof.database.clone()))
        };
        let image_digest = digest_of(first)?;
        for proof in &proofs {
            if digest_of(proof)? != image_digest {
                return Err(NotAll::TwoImages(first.database.clone(), proof.database.clone()));
            }
        }
        Ok(Self { proofs, image_digest })
    }

    /// Returns the proofs in the order in which their databases were asked for.
    pub fn proofs(&self) -> &[Migrated] {
        &self.proofs
    }

    /// Returns `sha256:…` of the one image that migrated them all.
    pub fn image_digest(&self) -> &str {
        &self.image_digest
    }
}

impl fmt::Display for NotAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no database was asked for"),
            Self::Missing(databases) => write!(f, "not proved migrated: {}", listed(databases)),
            Self::NoDigest(database) => {
                write!(f, "the proof of {database} does not say which image migrated it")
            }
            Self::TwoImages(first, second) => {
                write!(f, "{first} and {second} were migrated by different images")
            }
        }
    }
}

impl std::error::Error for NotAll {}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(database: &str, digest: Option<&str>) -> Migrated {
        Migrated::by_task(&database.into(), &Task::default(), digest, None)
    }

    fn record(verdict: &str) -> Judged {
        serde_json::from_value(serde_json::json!({
            "at": "2025-11-24T08:00:00Z", "database": "a", "verdict": verdict, "image_digest": "sha256:1",
        }))
        .expect("a record")
    }

    #[test]
    fn all_is_every_database_that_was_asked_for_by_one_image() {
        let of = |asked: &[&str], proofs: &[(&str, Option<&str>)]| {
            AllMigrated::of(
                &asked.iter().map(|&name| name.into()).collect::<Vec<_>>(),
                proofs.iter().map(|(name, digest)| proof(name, *digest)).collect(),
            )
        };
        let (one, two) = (Some("sha256:1"), Some("sha256:2"));
        let all = of(&["b", "a"], &[("a", one), ("b", one), ("c", two)]).expect("all");
        assert_eq!(all.image_digest(), "sha256:1");
        assert_eq!(
            all.proofs().iter().map(|proof| proof.database().as_str()).collect::<Vec<_>>(),
            ["b", "a"]
        );
        for (asked, proofs, refused) in [
            (&[][..], &[("a", one)][..], NotAll::Nothing),
            (&["a", "b", "c"], &[("b", one)], NotAll::Missing(vec!["a".into(), "c".into()])),
            (&["a", "b"], &[("a", one), ("b", None)], NotAll::NoDigest("b".into())),
            (&["a"], &[("a", None)], NotAll::NoDigest("a".into())),
            (&["a", "b"], &[("a", one), ("b", two)], NotAll::TwoImages("a".into(), "b".into())),
            // One proof is not that of two.
            (&["a", "a"], &[("a", one)], NotAll::Missing(vec!["a".into()])),
        ] {
            assert_eq!(of(asked, proofs), Err(refused));
        }
    }

    #[test]
    fn a_record_proves_what_it_says_and_nothing_else() {
        let proof = Migrated::recorded(&"a".into(), &record("migrated")).expect("a proof");
        assert_eq!((proof.database().as_str(), proof.image_digest()), ("a", Some("sha256:1")));
        for word in ["failed", "unproved", "wrong database", "Migrated", "migrated ", ""] {
            assert_eq!(Migrated::recorded(&"a".into(), &record(word)), None, "{word:?}");
        }
    }
}
