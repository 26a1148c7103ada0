//! Pure: a service as its record of deployments shows it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::ran::{Content, Earlier, Ran, Span, before, span};
use crate::arn;
use crate::ports::{Service, ServiceDeployment, ServiceDeploymentBrief, ServiceRevision};

#[derive(Debug, Clone)]
pub(crate) struct ServiceHistory {
    /// As it is now.
    pub service: Service,
    /// Its deployments of 90 days, the newest first.
    pub listed: Vec<ServiceDeploymentBrief>,
    /// What ran after they ended, the newest first.
    pub ran: Vec<Ran>,
    /// By ARN, as far as ECS knows them.
    pub revisions: HashMap<String, ServiceRevision>,
    /// What its PRIMARY deployment runs; absent where ECS does not know its revision.
    pub current: Option<ServiceRevision>,
    /// The deployment that is not over.
    pub underway: Option<ServiceDeployment>,
    contents: HashMap<String, Content>,
}

impl ServiceHistory {
    /// Makes the history of a service. `current` is the revision with the number of the PRIMARY deployment: it counts
    /// only where its task definition is that deployment's.
    pub(crate) fn new(
        service: Service,
        listed: Vec<ServiceDeploymentBrief>,
        ran: Vec<Ran>,
        revisions: HashMap<String, ServiceRevision>,
        current: Option<&str>,
        underway: Option<ServiceDeployment>,
    ) -> Self {
        let runs = runs(&service);
        let current = current
            .and_then(|arn| revisions.get(arn))
            .filter(|revision| Some(revision.task_definition.as_str()) == runs)
            .cloned();
        let contents = revisions.iter().map(|(arn, one)| (arn.clone(), Content::of(one))).collect();
        Self { service, listed, ran, revisions, current, underway, contents }
    }

    /// Returns the task definition that its PRIMARY deployment runs, as an ARN; empty where ECS names none.
    pub(crate) fn task_definition(&self) -> &str {
        runs(&self.service).unwrap_or_default()
    }

    pub(crate) fn content(&self) -> Content {
        match &self.current {
            Some(current) => self.content_of(current),
            None => Content::unresolved(self.task_definition()),
        }
    }

    fn content_of(&self, revision: &ServiceRevision) -> Content {
        self.contents.get(&revision.arn).cloned().unwrap_or_else(|| Content::of(revision))
    }

    /// Sets what a revision's task definition means: the ARN of one that says the same, or none where that is not
    /// known.
    pub(super) fn means(&mut self, revision: &str, meaning: Option<String>) {
        if let Some(content) = self.contents.remove(revision) {
            self.contents.insert(revision.to_owned(), content.meaning(meaning));
        }
    }

    /// Finds what ran before the current content first ran.
    pub(crate) fn before(&self) -> Earlier {
        before(&self.ran, &self.contents, &self.content())
    }

    /// Returns whether the service runs the content of this revision now, as far as is known.
    pub(crate) fn is_current(&self, revision: &ServiceRevision) -> bool {
        !self.content_of(revision).is_other(&self.content())
    }

    /// Returns when the content of entry `place` ran.
    pub(crate) fn span(&self, place: usize) -> Span {
        span(&self.ran, &self.contents, place, self.current_since())
    }

    /// Returns when the PRIMARY deployment was created.
    pub(crate) fn current_since(&self) -> Option<Timestamp> {
        self.service.primary().and_then(|primary| primary.created_at)
    }

    /// Returns the place of the newest entry with this revision's content.
    pub(crate) fn place_of(&self, revision: &str) -> Option<usize> {
        let content = self.contents.get(revision);
        self.ran.iter().position(|one| {
            let other = self.contents.get(&one.revision);
            one.revision == revision || content.zip(other).is_some_and(|(own, other)| !own.is_other(other))
        })
    }

    /// Returns an entry's revision, where ECS knows it.
    pub(crate) fn revision(&self, place: usize) -> Option<&ServiceRevision> {
        self.revisions.get(&self.ran.get(place)?.revision)
    }

    /// Returns the revision that ECS goes back to from the deployment that is under way: the one that the deployment
    /// names, else the one that ran when it was created.
    pub(crate) fn goes_back_to(&self) -> Option<&ServiceRevision> {
        let underway = self.underway.as_ref()?;
        let named = underway.rollback.as_ref().and_then(|rollback| rollback.to.as_deref());
        let arn = match (named, &underway.sources[..]) {
            (Some(arn), _) => arn,
            (None, [only]) => &only.arn,
            // Where several ran, it is the last in the record.
            (None, sources) => {
                let landed = self.ran.first()?;
                &sources.iter().find(|source| source.arn == landed.revision)?.arn
            }
        };
        self.revisions.get(arn)
    }
}

fn runs(service: &Service) -> Option<&str> {
    let primary = service.primary().and_then(|primary| primary.task_definition.as_deref());
    primary.or(service.task_definition.as_deref())
}

/// Returns what a person calls a service revision: its digits.
pub(crate) fn number(revision: &str) -> &str {
    arn::name(revision)
}
