//! Pure: what a service ran, by its own record of deployments.
//!
//! After a deployment that ended SUCCESSFUL its target runs, and after one that ended ROLLBACK_SUCCESSFUL what it
//! went back to. After any other end nothing new runs. *Content* tells apart what ran: what the task definition says,
//! and every container's digest. A forced redeployment repeats content, as does a copy that a rollback has
//! registered; a tag that has moved changes it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::arn;
use crate::ports::{DeploymentStatus, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceRevision};

/// A service revision that ran from a deployment's end on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// The service deployment, as an ARN.
    pub deployment: String,
    /// The service revision, as an ARN.
    pub revision: String,
    /// When the deployment was created: tasks of the revision may have run since.
    pub since: Option<Timestamp>,
}

/// Lists what ran, the newest first.
pub(crate) fn ran(listed: &[ServiceDeploymentBrief], described: &[ServiceDeployment]) -> Vec<Ran> {
    let whole = |arn: &str| described.iter().find(|one| one.arn == arn);
    let entry = |brief: &ServiceDeploymentBrief| {
        let revision = match brief.status {
            DeploymentStatus::Successful => brief
                .target
                .clone()
                .or_else(|| whole(&brief.arn)?.target.as_ref().map(|target| target.arn.clone())),
            DeploymentStatus::RollbackSuccessful => whole(&brief.arn)?.rollback.as_ref()?.to.clone(),
            _ => None,
        }?;
        Some(Ran { deployment: brief.arn.clone(), revision, since: brief.created_at })
    };
    listed.iter().filter_map(entry).collect()
}

/// Lists the deployments, as ARNs, whose brief does not say what ran after them.
pub(crate) fn to_describe(listed: &[ServiceDeploymentBrief]) -> Vec<String> {
    let is_unclear = |brief: &&ServiceDeploymentBrief| match brief.status {
        DeploymentStatus::Successful => brief.target.is_none(),
        DeploymentStatus::RollbackSuccessful => true,
        _ => false,
    };
    listed.iter().filter(is_unclear).map(|brief| brief.arn.clone()).collect()
}

/// Returns the newest deployment, unless it is over. One that it has superseded may also be listed until it is over.
pub(crate) fn underway(listed: &[ServiceDeploymentBrief]) -> Option<&ServiceDeploymentBrief> {
    listed.first().filter(|newest| !newest.status.is_over())
}

/// Returns whether the service and its list of deployments show the same moment: each may be stale. `ran` is [`ran`]
/// of the list.
pub(crate) fn agree(service: &Service, listed: &[ServiceDeploymentBrief], ran: &[Ran]) -> bool {
    let Some(primary) = service.primary() else { return true };
    if underway(listed).is_some() {
        return true;
    }
    let is_of_it = |revision: &str| arn::name(revision) == primary.number();
    let is_listed = listed.iter().filter_map(|brief| brief.target.as_deref()).any(is_of_it)
        || ran.iter().any(|one| is_of_it(&one.revision));
    match (primary.rollout.as_deref(), listed.first()) {
        // ECS does not list a deployment for its first seconds.
        (Some("IN_PROGRESS"), _) if !is_listed => false,
        // The last that a deployment or a rollback has brought in is PRIMARY.
        (_, Some(newest))
            if matches!(
                newest.status,
                DeploymentStatus::Successful | DeploymentStatus::RollbackSuccessful
            ) =>
        {
            ran.first().is_none_or(|newest| is_of_it(&newest.revision))
        }
        _ => true,
    }
}

/// What tells apart what two revisions run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    task_definition: String,
    /// One of the task definitions that say the same, as an ARN; absent where it is not known what this one says.
    meaning: Option<String>,
    /// By container; absent where ECS did not resolve the image.
    digests: BTreeMap<String, Option<String>>,
}

impl Content {
    pub(crate) fn of(revision: &ServiceRevision) -> Self {
        let digests = revision.images.iter().map(|image| (image.container.clone(), image.digest.clone()));
        Self { digests: digests.collect(), ..Self::unresolved(&revision.task_definition) }
    }

    /// Makes the content of a service whose revision ECS does not name.
    pub(crate) fn unresolved(task_definition: &str) -> Self {
        Self {
            task_definition: task_definition.to_owned(),
            meaning: Some(task_definition.to_owned()),
            digests: BTreeMap::new(),
        }
    }

    pub(crate) fn meaning(self, meaning: Option<String>) -> Self {
        Self { meaning, ..self }
    }

    /// Returns whether it is known to be another one. A digest that is not known is not a difference.
    pub(crate) fn is_other(&self, than: &Self) -> bool {
        let differs = |(container, digest): (&String, &Option<String>)| {
            let theirs = than.digests.get(container).and_then(Option::as_ref);
            digest.as_ref().zip(theirs).is_some_and(|(own, theirs)| own != theirs)
        };
        !(self.task_definition == than.task_definition || self.is_copy(than))
            || self.digests.iter().any(differs)
    }

    /// Returns whether it is the same by another task definition.
    fn is_copy(&self, of: &Self) -> bool {
        let are_known = !self.digests.is_empty() && self.digests.values().all(Option::is_some);
        are_known && self.digests == of.digests && self.meaning.is_some() && self.meaning == of.meaning
    }

    /// Returns whether it counts as another one although it could be the same.
    fn may_be(&self, other: &Self) -> bool {
        let is_unknown = self.meaning.is_none() || other.meaning.is_none() || self.meaning == other.meaning;
        self.is_other(other) && !self.digests.is_empty() && self.digests == other.digests && is_unknown
    }
}

/// What ran before the current content first ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// The place of the entry.
    Found(usize),
    /// Nothing of other content is recorded before it.
    Nothing,
    /// It is not known what this one was.
    Unknown(usize),
    /// It is not known whether this older one was what runs now, by another task definition.
    Unclear(usize),
}

/// Finds the newest entry with other content that is older than the first entry with the current content. After A, B,
/// C it is B. After A, B, C, B it is A, and never C again. After A, B, A there is nothing: B was left already.
pub(crate) fn before(ran: &[Ran], contents: &HashMap<String, Content>, current: &Content) -> Earlier {
    let is_current =
        |one: &Ran| contents.get(&one.revision).is_some_and(|content| !content.is_other(current));
    let begin = ran.iter().rposition(is_current).map_or(0, |first| first + 1);
    let may_be = |one: &Ran| contents.get(&one.revision).is_some_and(|content| content.may_be(current));
    if let Some(place) = ran[begin..].iter().rposition(may_be) {
        return Earlier::Unclear(begin + place);
    }
    match ran.get(begin).map(|one| contents.contains_key(&one.revision)) {
        None => Earlier::Nothing,
        Some(true) => Earlier::Found(begin),
        Some(false) => Earlier::Unknown(begin),
    }
}

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub from: Option<Timestamp>,
    /// Absent while it runs.
    pub until: Option<Timestamp>,
}

/// Returns the unbroken time in which the content of entry `place` ran, redeployments included. `next` is when what
/// runs now began: the end of the newest entry's time.
pub(crate) fn span(
    ran: &[Ran],
    contents: &HashMap<String, Content>,
    place: usize,
    next: Option<Timestamp>,
) -> Span {
    let Some(content) = ran.get(place).and_then(|one| contents.get(&one.revision)) else {
        return Span { from: ran.get(place).and_then(|one| one.since), until: None };
    };
    let is_same = |one: &&Ran| contents.get(&one.revision).is_some_and(|other| !other.is_other(content));
    let first = ran[place..].iter().take_while(is_same).last();
    let follower = ran[..place].iter().rev().find(|one| !is_same(one));
    Span { from: first.and_then(|one| one.since), until: follower.map_or(next, |one| one.since) }
}

#[cfg(test)]
mod tests;
