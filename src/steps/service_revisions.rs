//! The services' revisions: each service's own task definition with the run's image, registered, or reused when it is
//! there. All of them are there before the first service is updated, so a refusal of ECS changes no service.

use anyhow::Result;

use super::revision::register;
use crate::arn;
use crate::plan::{RevisionPlan, ServicePlan};
use crate::ports::{DefinitionReads, DefinitionWrites};
use crate::progress::Progress;
use crate::task_definition::TaskDefinition;

/// The revision that a service is to run.
#[derive(Debug, Clone)]
pub(crate) struct ServiceRevision {
    pub arn: String,
    pub definition: TaskDefinition,
    /// Whether this run has registered it.
    pub registered: bool,
}

/// Returns the revision of each service, in their order. Calls `each` for every one as soon as it is there, with the
/// place of its service.
///
/// # Errors
/// A revision cannot be made, or ECS refuses it. Those before it are there then.
pub(crate) async fn service_revisions(
    plans: &[ServicePlan],
    image: &str,
    world: &(impl DefinitionReads + DefinitionWrites),
    progress: &Progress,
    note: &dyn Fn(String),
    each: &dyn Fn(usize, &ServiceRevision),
) -> Result<Vec<ServiceRevision>> {
    let mut revisions: Vec<ServiceRevision> = Vec::new();
    for (place, plan) in plans.iter().enumerate() {
        let revision = match plan.revision(image)? {
            RevisionPlan::Reuse(arn) => {
                let known = [Some(&plan.running), plan.newest.as_ref()].into_iter().flatten();
                let definition =
                    known.into_iter().find(|one| one.arn() == Some(&arn)).unwrap_or(&plan.running);
                ServiceRevision { definition: definition.clone(), arn, registered: false }
            }
            RevisionPlan::Register(wanted) => match alike(&revisions, &wanted) {
                Some(same) => same,
                None => {
                    let family = wanted.family();
                    progress.step(&format!("revision of service {}: register {family}", plan.name()));
                    let (arn, registered) = register(&wanted, world, note).await?;
                    progress.note(&format!("{} is registered", arn::name(&arn)));
                    ServiceRevision { arn, definition: wanted, registered }
                }
            },
        };
        each(place, &revision);
        revisions.push(revision);
    }
    Ok(revisions)
}

/// Returns the revision that this run has registered for another service of the family, where it is the same.
fn alike(revisions: &[ServiceRevision], wanted: &TaskDefinition) -> Option<ServiceRevision> {
    let same = |one: &&ServiceRevision| {
        one.registered && one.definition.family() == wanted.family() && one.definition.same_as(wanted)
    };
    revisions.iter().find(same).cloned()
}
