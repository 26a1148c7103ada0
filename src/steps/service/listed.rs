//! Listed: a deployment in the service's own record of service deployments, and what is newer there.

use anyhow::Result;
use jiff::SignedDuration;

use super::following::Following;
use super::rolling::Rolling;
use crate::arn;
use crate::ports::{Lookup, ServiceDeploymentBrief, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;

/// ECS creates the service deployment after the deployment; both times are ECS's own.
const CREATED_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// What the list shows of a deployment.
pub(super) struct Listed {
    pub brief: ServiceDeploymentBrief,
    /// The newest that was created after it.
    pub newer: Option<ServiceDeploymentBrief>,
}

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Finds the run's deployment in the service's list, by the digits that its id and its service revision have in
    /// common.
    pub(super) async fn listed(&self, f: &Following<'_, W>) -> Result<Lookup<Option<Listed>>> {
        let number = arn::name(&f.ours.id);
        let (brief, newer) = match self.list(f).await? {
            Lookup::Found(listed) => {
                let is_ours = |one: &&ServiceDeploymentBrief| target_number(one) == Some(number);
                let brief = listed.iter().find(is_ours).cloned();
                let created = brief.as_ref().and_then(|brief| brief.created_at);
                let newer = listed.into_iter().filter(|one| created.is_some() && one.created_at > created);
                (brief, newer.max_by_key(|one| one.created_at))
            }
            Lookup::Absent => (None, None),
            Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
        };
        let Some((target, brief)) = brief.and_then(|brief| Some((brief.target.clone()?, brief))) else {
            return Ok(Lookup::Found(None));
        };
        // That they have digits in common is not documented.
        match self.world().service_revisions(std::slice::from_ref(&target)).await? {
            Lookup::Found(revisions) => match revisions.into_iter().find(|one| one.arn == target) {
                Some(revision) if revision.task_definition == f.ours.task_definition => {
                    Ok(Lookup::Found(Some(Listed { brief, newer })))
                }
                Some(_) => Ok(Lookup::Denied(anyhow::anyhow!(
                    "the service revision with the deployment's number is of another task definition"
                ))),
                None => Ok(Lookup::Found(None)),
            },
            Lookup::Absent => Ok(Lookup::Found(None)),
            Lookup::Denied(error) => Ok(Lookup::Denied(error)),
        }
    }

    /// Returns another deployment that is not over: while ECS goes back to the run's own, that is the one that it
    /// leaves.
    pub(super) async fn another(&self, f: &Following<'_, W>) -> Result<Option<ServiceDeploymentBrief>> {
        let Lookup::Found(listed) = self.list(f).await? else { return Ok(None) };
        let number = arn::name(&f.ours.id);
        let open =
            listed.into_iter().filter(|one| !one.status.is_over() && target_number(one) != Some(number));
        Ok(open.max_by_key(|one| one.created_at))
    }

    async fn list(&self, f: &Following<'_, W>) -> Result<Lookup<Vec<ServiceDeploymentBrief>>> {
        let after = f.ours.created_at.and_then(|created| created.checked_sub(CREATED_BEFORE).ok());
        self.world().service_deployments(&self.terms.cluster, f.name(), after).await
    }
}

fn target_number(brief: &ServiceDeploymentBrief) -> Option<&str> {
    brief.target.as_deref().map(arn::name)
}
