//! The revision that a run's tasks run: registered with its image, or the one that is there.

use crate::database_name::PLACEHOLDER;
use crate::failure::Failure;
use crate::task_definition::{InFront, Patch, TaskDefinition};

/// The revision that tasks will run.
#[derive(Debug, Clone)]
pub enum RevisionPlan {
    /// The family's newest revision, by ARN: it is already what the run needs.
    Reuse(String),
    Register(TaskDefinition),
}

/// What the revision is made from, and what it is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RevisionTerms<'a> {
    pub base: &'a TaskDefinition,
    /// Where it goes: the base's own family, or one with a name of its own.
    pub family: &'a str,
    /// The newest one of that family.
    pub current: Option<&'a TaskDefinition>,
    pub container: &'a str,
    pub database_variable: &'a str,
    /// What is put in front of the container's command.
    pub witness: Option<InFront<'a>>,
}

impl RevisionTerms<'_> {
    /// Returns the revision with this image: the current one when nothing would change.
    ///
    /// # Errors
    /// The task definition cannot be patched, for example because a secret has the database variable's name.
    pub(crate) fn revision(&self, image: &str) -> Result<RevisionPlan, Failure> {
        let wanted = self.wanted(image)?;
        match self.current.and_then(|current| Some((current, current.arn()?))) {
            Some((current, arn)) if current.same_as(&wanted) => Ok(RevisionPlan::Reuse(arn.to_owned())),
            _ => Ok(RevisionPlan::Register(wanted)),
        }
    }

    /// Returns the document that the revision with this image will have.
    pub(super) fn wanted(&self, image: &str) -> Result<TaskDefinition, Failure> {
        let patch = Patch {
            image: image.to_owned(),
            environment: vec![(self.database_variable.to_owned(), PLACEHOLDER.to_owned())],
            witness: self.witness,
            ..Patch::default()
        };
        Ok(self.base.patched(self.container, &patch)?.in_family(self.family))
    }

    /// Returns the unified diff that this revision makes; empty when the current one is reused.
    pub(crate) fn diff_of(&self, revision: &RevisionPlan) -> String {
        let before = self.current.unwrap_or(self.base);
        match revision {
            RevisionPlan::Reuse(_) => String::new(),
            RevisionPlan::Register(wanted) => before.diff(wanted, &[self.database_variable]),
        }
    }
}
