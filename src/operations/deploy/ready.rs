//! Everything that comes before the first UpdateService.

use anyhow::Result;

use super::{Deploy, FirstStage, rows};
use crate::choices::OnDeploying;
use crate::failure::{ExitCode, Failure};
use crate::github::deployments::DeploymentQueue;
use crate::image_reference::commit_or_first;
use crate::plan::deploy_plan::{DeployPlan, FirstPlan};
use crate::plan::{ServicePlan, UnderWay, Update, update};
use crate::ports::{Reads, Service, StoredImage, Writes};
use crate::report::Report;
use crate::session::Session;
use crate::steps::image::{Image, image};
use crate::steps::service::Rollout;
use crate::steps::service_revisions::{ServiceRevision, service_revisions};
use crate::steps::settled::settled;
use crate::steps::stored_image::stored;
use crate::verdict::NotAll;
use crate::verdict::service::Deployable;

/// What may be rolled out.
pub(super) struct Ready {
    pub deployable: Deployable,
    /// With their places among the report's rows.
    pub rollouts: Vec<(usize, Rollout)>,
}

impl Deploy {
    /// Migrates, tells `queue` of it, and registers the services' revisions. `None` where no service may be updated:
    /// then every row says why.
    ///
    /// # Errors
    /// What kept it from being done to its end.
    pub(super) async fn ready<W: Reads + Writes>(
        &self,
        plan: &DeployPlan,
        queue: Option<&DeploymentQueue>,
        session: &Session<'_, &W, Report>,
    ) -> Result<Option<Ready>> {
        let Some((deployable, image)) = self.deployable(plan, queue, session).await? else { return Ok(None) };
        let Some(digest) = image.digest().filter(|digest| deployable.digest() == Some(digest)) else {
            let migrated = deployable.digest().unwrap_or("another image");
            let made = image.digest().unwrap_or(image.reference());
            let why =
                format!("the databases were migrated by {migrated}, and this is {made}: it is not deployed");
            rows::not_deployed(session.recorder, &why);
            return Ok(None);
        };
        let look = async { Ok(stored(image.reference(), session.world).await) };
        let stored = session.interrupt.unless(look).await?.unwrap_or_else(|why| {
            session.recorder.note(format!(
                "image {} was not seen in its repository: where ECS shows a task with the digest of the image for its \
                 platform, and not with that of the index, it is not proved: {why}",
                image.reference()
            ));
            None
        });
        let stored = stored.as_ref();
        let registered = registered(plan, &image, stored, session).await.map_err(after_changes)?;
        session.recorder.save();
        let revisions: Vec<&str> = registered.iter().map(|revision| revision.arn.as_str()).collect();
        let waits = |under_way: &[Option<UnderWay>]| rows::waits(session.recorder, under_way);
        let look = settled(plan, &revisions, session.world, session.progress, &waits);
        let services = match session.interrupt.unless(look).await.map_err(after_changes)? {
            Ok(services) => services,
            Err(refused) => {
                rows::refused(plan, session.recorder, &refused);
                return Ok(None);
            }
        };
        let planned = plan.services.iter().zip(services).zip(registered);
        let supersedes = plan.on_deploying == OnDeploying::Supersede;
        let rollouts =
            planned.map(|((plan, now), revision)| rollout(plan, now, revision, digest, stored, supersedes));
        Ok(Some(Ready { deployable, rollouts: rollouts.enumerate().collect() }))
    }

    /// Returns the leave to deploy an image, and the image; `None` where a database is not proved migrated with it.
    async fn deployable<W: Reads + Writes>(
        &self,
        plan: &DeployPlan,
        queue: Option<&DeploymentQueue>,
        session: &Session<'_, &W, Report>,
    ) -> Result<Option<(Deployable, Image)>> {
        match (&self.first, &plan.first) {
            (FirstStage::Migrate(migrate), FirstPlan::Migrate(plan)) => {
                let (image, all) = migrate.run(plan, queue, session).await?;
                match all {
                    Ok(all) => Ok(Some((Deployable::migrated(&all), image))),
                    Err(not_all) => {
                        rows::not_deployed(session.recorder, &why(&not_all));
                        Ok(None)
                    }
                }
            }
            (FirstStage::ProvedElsewhere { word, .. }, FirstPlan::ProvedElsewhere(plan)) => {
                let note = |text: String| session.recorder.note(text);
                let image = session
                    .interrupt
                    .unless(image(plan, None, session.world, session.progress, &note))
                    .await?;
                session.recorder.update(|report| {
                    report.tag = plan.tag().map(str::to_owned);
                    report.image = Some(image.used());
                });
                session.recorder.save();
                let digest = image.digest().ok_or_else(|| {
                    Failure::service(format!("the digest of image {} is not known", image.reference()))
                        .hint("name the image by its digest: --image repository@sha256:…")
                })?;
                Ok(Some((Deployable::proved_elsewhere(digest, word), image)))
            }
            _ => unreachable!("a plan is applied by the operation that has made it"),
        }
    }
}

/// Registers all revisions, before the first service is updated.
async fn registered<W: Reads + Writes>(
    plan: &DeployPlan,
    image: &Image,
    stored: Option<&StoredImage>,
    session: &Session<'_, &W, Report>,
) -> Result<Vec<ServiceRevision>> {
    let recorder = session.recorder;
    let note = |text: String| recorder.note(text);
    let known = || stored.and_then(|stored| commit_or_first(&stored.tags));
    let tag = plan.image().tag().or_else(known).map(str::to_owned);
    for (place, service) in plan.services.iter().enumerate() {
        let diff = service.diff(image.reference())?;
        recorder.update(|report| {
            if let Some(row) = report.services.get_mut(place) {
                row.diff = diff;
            }
        });
    }
    let each = |place: usize, revision: &ServiceRevision| {
        let (revision, tag) = (revision.clone(), tag.clone());
        let container = plan.services.get(place).and_then(|service| service.containers.first()).cloned();
        recorder.update(|report| {
            if let Some(row) = report.services.get_mut(place) {
                row.registered = revision.registered;
                row.to = Some(rows::content(&revision.definition, &revision.arn, container.as_deref(), tag));
            }
        });
    };
    let register =
        service_revisions(&plan.services, image.reference(), session.world, session.progress, &note, &each);
    session.interrupt.unless(register).await
}

fn rollout(
    plan: &ServicePlan,
    now: Service,
    revision: ServiceRevision,
    digest: &str,
    stored: Option<&StoredImage>,
    supersedes: bool,
) -> Rollout {
    let platform = revision.definition.image_platform();
    let for_platform = stored.zip(platform.as_ref()).map(|(stored, platform)| stored.digests_for(platform));
    let accepted: Vec<&str> = [digest].into_iter().chain(for_platform.into_iter().flatten()).collect();
    let digests = plan
        .containers
        .iter()
        .flat_map(|name| accepted.iter().map(|digest| (name.clone(), (*digest).to_owned())));
    Rollout {
        force: update(&now, Some(&revision.arn), supersedes) == Update::Force,
        before: now,
        revision: revision.arn,
        digests: digests.collect(),
        // Other containers keep their images.
        unknown: Vec::new(),
        definition: revision.definition,
        timeout: plan.timeout,
    }
}

/// Says why no service is deployed, by what the proofs lack.
fn why(not_all: &NotAll) -> String {
    match not_all {
        NotAll::Missing(missing) if missing.len() == 1 => format!("1 database is {not_all}"),
        NotAll::Missing(missing) => format!("{} databases are {not_all}", missing.len()),
        other => other.to_string(),
    }
}

/// Turns an error of the input into one of a service: what is wrong with the input and shows up only now does not
/// mean that nothing was changed.
fn after_changes(error: anyhow::Error) -> anyhow::Error {
    match Failure::find(&error) {
        Some(failure) if failure.exit_code == ExitCode::BadInput => {
            Failure { exit_code: ExitCode::Service, ..failure.clone() }.into()
        }
        _ => error,
    }
}

#[cfg(test)]
pub(super) mod tests;
