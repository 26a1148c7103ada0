//! Prove: ECS says that the revision is deployed; each running task of it has the image.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::following::{End, Following};
use super::rolling::Rolling;
use crate::failure::{Failure, is_transient};
use crate::ports::{DesiredStatus, RevisionImage, Service, ServiceWorld, Task};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;
use crate::verdict::service::{
    ClassicCourse, Evidence, Ours, Running, ServiceVerdict, Wanted, classic, running,
};

/// How long ECS's stores may take to agree on what runs; [`LOOK`] is the pause between two looks at it.
const PROOF_GRACE: Duration = Duration::from_secs(60);
/// How long DescribeServices may show the service as it was before: ECS has said that it is deployed.
const STALE_GRACE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_secs(2);

/// What one look at the tasks has shown.
enum Look {
    Is(End),
    /// What is not certain yet: a later look may show more.
    Tasks(Running),
    /// The service does not look as it must: why.
    Otherwise(String),
}

/// What is to run, and the images that it must have.
pub(super) struct Content<'a> {
    pub digests: &'a [(String, String)],
    pub evidence: Evidence,
    /// Containers whose image is named by digest, once that matters.
    pub pinned: Option<Vec<String>>,
}

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Looks at the running tasks of the run's deployment until they prove it, or the time is over. [`End::Landed`]
    /// says that a newer deployment of the same revision is to be followed first.
    pub(super) async fn prove(&self, f: &mut Following<'_, W>, evidence: Evidence) -> End {
        match self.prove_known(f, evidence).await {
            End::Is(verdict) => End::Is(of_all(verdict, &f.rollout.unknown)),
            end => end,
        }
    }

    /// Does the same for the containers whose digest is known.
    async fn prove_known(&self, f: &mut Following<'_, W>, evidence: Evidence) -> End {
        if f.rollout.digests.is_empty() {
            let why =
                "ECS has completed the deployment, and no image digest is known that its tasks are to have";
            return End::Is(ServiceVerdict::Unproved { why: why.into() });
        }
        let mut content = Content { digests: &f.rollout.digests, evidence, pinned: None };
        let began = Instant::now();
        loop {
            let look = match self.look(f.name(), &f.ours, &mut content).await {
                Ok((look, service)) => {
                    let early = service.rules.early_success;
                    if let Look::Is(End::Landed(_)) = &look
                        && let ClassicCourse::Superseded { id, task_definition, created_at } =
                            classic(&service, &f.ours)
                    {
                        let task_definition = task_definition.unwrap_or_default();
                        self.follow_newer(
                            f,
                            Ours { id, task_definition, created_at, ..Ours::default() },
                            None,
                        );
                    }
                    match look {
                        Look::Tasks(fewer @ Running::Fewer(_)) if early => {
                            Look::Is(End::Is(fewer.verdict(&f.ours.id)))
                        }
                        look => look,
                    }
                }
                Err(error) if is_transient(&error) => Look::Otherwise(format!("{error:#}")),
                Err(error) => {
                    Look::Is(End::Is(ServiceVerdict::Unseen { why: Failure::from_error(&error).sentence() }))
                }
            };
            let grace = if matches!(look, Look::Otherwise(_)) { STALE_GRACE } else { PROOF_GRACE };
            let is_late = began.elapsed() + LOOK >= grace;
            match look {
                Look::Is(end) => return end,
                Look::Tasks(seen) if is_late => return End::Is(seen.verdict(&f.ours.id)),
                Look::Otherwise(why) if is_late => {
                    let why = format!("ECS has completed the deployment, and {}", phrase(&why));
                    return End::Is(ServiceVerdict::Unproved { why });
                }
                Look::Tasks(_) | Look::Otherwise(_) => sleep(LOOK).await,
            }
        }
    }

    async fn look(&self, name: &str, ours: &Ours, content: &mut Content<'_>) -> Result<(Look, Service)> {
        let found = self.world().services(&self.terms.cluster, &[name.to_owned()]).await?;
        let Some(service) = found.into_iter().next() else {
            return Ok((
                Look::Otherwise("DescribeServices does not show the service".into()),
                Service::default(),
            ));
        };
        let look = self.look_at(&service, ours, content).await?;
        Ok((look, service))
    }

    async fn look_at(&self, service: &Service, ours: &Ours, content: &mut Content<'_>) -> Result<Look> {
        let primary = service.primary();
        if primary.is_none_or(|primary| primary.id != ours.id) {
            return Ok(match classic(service, ours) {
                ClassicCourse::Superseded { task_definition, .. } => {
                    let task_definition = task_definition.unwrap_or_default();
                    Look::Is(match task_definition == ours.task_definition {
                        true => End::Landed(content.evidence),
                        false => End::Is(ServiceVerdict::Superseded {
                            by: crate::arn::name(&task_definition).into(),
                        }),
                    })
                }
                _ => Look::Otherwise("DescribeServices shows another PRIMARY deployment".into()),
            });
        }
        if service.task_definition.as_ref() != Some(&ours.task_definition) {
            return Ok(Look::Otherwise("DescribeServices shows another task definition".into()));
        }
        if service.desired == 0 {
            return Ok(Look::Is(End::Is(ServiceVerdict::NoTasksWanted)));
        }
        self.look_at_tasks(service, ours, content).await
    }

    async fn look_at_tasks(&self, service: &Service, ours: &Ours, content: &mut Content<'_>) -> Result<Look> {
        let tasks = self.tasks_of(&service.name, DesiredStatus::Running).await?;
        let judged = |pinned: &[String]| {
            running(
                &tasks,
                &Wanted {
                    deployment: &ours.id,
                    task_definition: &ours.task_definition,
                    digests: content.digests,
                    pinned,
                    tasks: usize::try_from(service.desired).unwrap_or_default(),
                    evidence: content.evidence,
                },
            )
        };
        let mut seen = judged(content.pinned.as_deref().unwrap_or_default());
        if matches!(seen, Running::NoDigest { .. }) && content.pinned.is_none() {
            let pinned = self.pinned(&ours.task_definition, content.digests).await?;
            seen = judged(&pinned);
            content.pinned = Some(pinned);
        }
        Ok(match seen {
            Running::Proved(_) | Running::Other { .. } => Look::Is(End::Is(seen.verdict(&ours.id))),
            seen => Look::Tasks(seen),
        })
    }

    /// Describes the service's tasks that have this desired status.
    pub(super) async fn tasks_of(&self, service: &str, wanted: DesiredStatus) -> Result<Vec<Task>> {
        let cluster = &self.terms.cluster;
        let arns = self.world().list_service_tasks(cluster, service, wanted).await?;
        if arns.is_empty() { Ok(Vec::new()) } else { self.world().describe_tasks(cluster, &arns).await }
    }

    /// Returns those of the containers whose image the registered revision names by the digest itself.
    async fn pinned(&self, task_definition: &str, digests: &[(String, String)]) -> Result<Vec<String>> {
        let Some(document) = self.world().describe_task_definition(task_definition).await? else {
            return Ok(Vec::new());
        };
        let definition = TaskDefinition::from_json(document, task_definition)?;
        let is_pinned = |(name, digest): &&(String, String)| {
            definition.image(name).and_then(pinned_digest) == Some(digest.as_str())
        };
        Ok(digests.iter().filter(is_pinned).map(|(name, _)| name.clone()).collect())
    }

    /// Looks at what runs after ECS has gone back, until it is proved or the time is over.
    pub(super) async fn prove_back(
        &self,
        name: &str,
        ours: &Ours,
        images: &[RevisionImage],
    ) -> ServiceVerdict {
        let digests = recorded_digests(images);
        let has_none = |image: &&RevisionImage| digests.iter().all(|(known, _)| *known != image.container);
        let unknown: Vec<String> =
            images.iter().filter(has_none).map(|image| image.container.clone()).collect();
        of_all(self.prove_recorded(name, ours, &digests).await, &unknown)
    }

    /// Does the same for the containers whose digest is known.
    async fn prove_recorded(&self, name: &str, ours: &Ours, digests: &[(String, String)]) -> ServiceVerdict {
        if digests.is_empty() {
            return ServiceVerdict::Unproved {
                why: "ECS has gone back, and its record of what ran before has no image digest".into(),
            };
        }
        let mut content = Content { digests, evidence: Evidence::ServiceDeployment, pinned: None };
        let until = Instant::now() + PROOF_GRACE;
        loop {
            let is_late = Instant::now() + LOOK >= until;
            match self.look(name, ours, &mut content).await {
                Ok((Look::Is(End::Is(verdict)), _)) => return verdict,
                Ok((Look::Tasks(seen), _)) if is_late => return seen.verdict(&ours.id),
                Ok((Look::Otherwise(why), _)) if is_late => {
                    return ServiceVerdict::Unproved {
                        why: format!("ECS has gone back, and {}", phrase(&why)),
                    };
                }
                Ok(_) => {}
                Err(error) if is_transient(&error) && !is_late => {}
                Err(error) => return ServiceVerdict::Unseen { why: Failure::from_error(&error).sentence() },
            }
            if is_late {
                return ServiceVerdict::Unproved {
                    why: "ECS has gone back, and a newer deployment has begun".into(),
                };
            }
            sleep(LOOK).await;
        }
    }
}

/// Turns a proof of some containers into an unproved verdict, where it is not known what other containers are to
/// have.
fn of_all(verdict: ServiceVerdict, unknown: &[String]) -> ServiceVerdict {
    if unknown.is_empty() || !matches!(verdict, ServiceVerdict::Deployed(_)) {
        return verdict;
    }
    let names: Vec<String> = unknown.iter().map(|name| phrase(name)).collect();
    ServiceVerdict::Unproved {
        why: format!(
            "it runs, and no image digest is known that container {} is to have",
            names.join(" and container ")
        ),
    }
}

/// Returns the digests that ECS has recorded of what ran, and those that its images are named by: of an index there
/// may be two.
pub(super) fn recorded_digests(images: &[RevisionImage]) -> Vec<(String, String)> {
    let of_image = |image: &RevisionImage| {
        let named = pinned_digest(&image.image).filter(|named| image.digest.as_deref() != Some(*named));
        let digests = image.digest.as_deref().into_iter().chain(named);
        digests.map(|digest| (image.container.clone(), digest.to_owned())).collect::<Vec<_>>()
    };
    images.iter().flat_map(of_image).collect()
}

/// Returns `sha256:…` of an image that is named by it.
fn pinned_digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}
