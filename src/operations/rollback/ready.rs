//! What has to be there before the first service is updated.

use anyhow::Result;

use crate::plan::RevisionPlan;
use crate::plan::back::{ServiceBack, Update};
use crate::ports::{DefinitionReads, DefinitionWrites};
use crate::report::back_report::BackReport;
use crate::session::Session;
use crate::steps::revision::register;
use crate::steps::service::{Leave, Rollout};
use crate::verdict::service::Deployable;

/// Returns what UpdateService puts on the service whose row is at `place`: the revision is there, registered where it
/// has to be.
///
/// # Errors
/// ECS refuses it.
pub(super) async fn prepared<W: DefinitionReads + DefinitionWrites>(
    place: usize,
    one: &ServiceBack,
    update: &Update,
    session: &Session<'_, &W, BackReport>,
) -> Result<Leave> {
    let note = |text: String| session.recorder.note(text);
    let (revision, registered) = match &update.revision {
        RevisionPlan::Reuse(arn) => (arn.clone(), false),
        RevisionPlan::Register(wanted) => {
            session.progress.step(&format!("revision: register a copy of {}", wanted.family()));
            register(wanted, session.world, &note).await?
        }
    };
    session.recorder.update(|report| {
        let row = &mut report.services[place];
        row.registered = registered;
        if let Some(to) = &mut row.to {
            to.task_definition.clone_from(&revision);
        }
    });
    let deployable = match &update.ran {
        Some(ran) => Deployable::ran_before(ran),
        None => Deployable::named_by_a_person(one.images()),
    };
    let rollout = Rollout {
        before: one.service.clone(),
        revision,
        digests: update.digests.clone(),
        unknown: Rollout::unknown(&update.definition, &update.digests),
        definition: update.definition.clone(),
        force: update.force,
        timeout: one.timeout,
    };
    Ok(Leave { deployable, rollout })
}
