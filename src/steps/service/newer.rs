//! What has stopped the run's deployment: a newer one, and of which revision.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::following::{End, Following};
use super::rolling::Rolling;
use crate::arn;
use crate::ports::{Lookup, ServiceDeployment, ServiceDeploymentBrief, ServiceRevision, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::untrusted::phrase;
use crate::verdict::service::{ClassicCourse, Ours, ServiceVerdict, classic, failed_hook};

/// How long the program looks for what has stopped the deployment, and how often: a deployment is listed some seconds
/// after it was created.
const STOPPED_GRACE: Duration = Duration::from_secs(60);
const STOPPED_LOOK: Duration = Duration::from_secs(2);

enum Newer {
    /// It puts the same revision on the service.
    Same(Ours, Option<String>),
    Other(String),
}

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Finds out what has stopped the run's service deployment, which is STOPPED while no monitor of its own was
    /// triggered. `None` when a newer deployment of the same revision is followed instead.
    pub(super) async fn stopped(&self, f: &mut Following<'_, W>) -> Option<End> {
        let until = Instant::now() + STOPPED_GRACE;
        loop {
            f.take();
            if let Some(newer) = self.newer(f).await {
                return match newer {
                    Newer::Same(ours, arn) => {
                        self.follow_newer(f, ours, arn);
                        None
                    }
                    Newer::Other(task_definition) => {
                        Some(End::Is(Following::<W>::superseded_by(&task_definition)))
                    }
                };
            }
            if Instant::now() + STOPPED_LOOK >= until {
                break;
            }
            sleep(STOPPED_LOOK).await;
        }
        let seen = f.deployment.as_deref();
        if let Some(hook) = seen.and_then(failed_hook) {
            return Some(End::Is(ServiceVerdict::Failed { why: hook }));
        }
        let said =
            seen.and_then(|seen| seen.reason.as_deref()).map(|said| format!(" (ECS: {})", phrase(said)));
        Some(End::Is(ServiceVerdict::Unproved {
            why: format!(
                "ECS has stopped this run's deployment, and neither a monitor of its own nor a newer deployment shows why{}",
                said.unwrap_or_default()
            ),
        }))
    }

    /// Returns the newest deployment of the service, where it began after the run's own.
    async fn newer(&self, f: &Following<'_, W>) -> Option<Newer> {
        let own = f.deployment.as_ref()?;
        if let Some((newest, revision)) = self.newest_after(f.name(), own).await {
            return Some(match revision.task_definition == f.ours.task_definition {
                true => {
                    let ours = Ours {
                        id: format!("ecs-svc/{}", arn::name(&revision.arn)),
                        task_definition: revision.task_definition,
                        created_at: revision.created_at.or(newest.created_at),
                        ..Ours::default()
                    };
                    Newer::Same(ours, Some(newest.arn))
                }
                false => Newer::Other(revision.task_definition),
            });
        }
        match classic(f.service.as_deref()?, &f.ours) {
            ClassicCourse::Superseded { id, task_definition, created_at } => {
                let task_definition = task_definition.unwrap_or_default();
                Some(match task_definition == f.ours.task_definition {
                    true => Newer::Same(Ours { id, task_definition, created_at, ..Ours::default() }, None),
                    false => Newer::Other(task_definition),
                })
            }
            _ => None,
        }
    }

    /// Returns the newest service deployment that was created after this one, with the service revision that it
    /// deploys.
    pub(super) async fn newest_after(
        &self,
        service: &str,
        own: &ServiceDeployment,
    ) -> Option<(ServiceDeploymentBrief, ServiceRevision)> {
        let listed = self.world().service_deployments(&self.terms.cluster, service, own.created_at).await;
        let Ok(Lookup::Found(listed)) = listed else { return None };
        let newest = listed.into_iter().find(|one| one.arn != own.arn && one.created_at > own.created_at)?;
        let target = newest.target.clone()?;
        match self.world().service_revisions(std::slice::from_ref(&target)).await {
            Ok(Lookup::Found(found)) => Some((newest, found.into_iter().find(|one| one.arn == target)?)),
            _ => None,
        }
    }
}
