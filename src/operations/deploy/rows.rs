//! What the report's rows of services say before their rollouts begin.

use crate::arn;
use crate::aws_console::service_url;
use crate::image_reference::ImageReference;
use crate::plan::UnderWay;
use crate::plan::deploy_plan::DeployPlan;
use crate::ports::ImageReads;
use crate::recorder::Recorder;
use crate::report::{Report, ServiceContent, ServiceReport, Stage};
use crate::steps::stored_image::tag_of;
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;
use crate::verdict::service::ServiceVerdict;

/// Fills in what each service runs, and notes what a person should know.
pub(super) fn planned(plan: &DeployPlan, recorder: &Recorder<'_, Report>) {
    recorder.update(|report| {
        report.region = Some(plan.account.region.clone());
        report.account = Some(plan.account.caller.account.clone());
        for (row, service) in report.services.iter_mut().zip(&plan.services) {
            let caller = &plan.account.caller.arn;
            row.url = Some(service_url(caller, &plan.account.region, &plan.cluster, service.name()));
            let runs = service.running.arn().unwrap_or_default();
            let container = service.containers.first().map(String::as_str);
            row.from = Some(content(&service.running, runs, container, None));
        }
    });
    for note in &plan.notes {
        recorder.note(note.clone());
    }
}

/// Looks up the commits, or other tags, of the images that the services run now, for the plan.
pub(super) async fn tag(plan: &mut DeployPlan, reads: &impl ImageReads) {
    for service in &mut plan.services {
        let container = service.containers.first().map(String::as_str);
        let runs = content(&service.running, "", container, None);
        service.tag = match (runs.tag, runs.image) {
            (Some(tag), _) => Some(tag),
            (None, Some(image)) => tag_of(&image, reads).await,
            (None, None) => None,
        };
    }
}

/// Looks up the commits, or other tags, of the images that the services run now and name by digest.
pub(super) async fn tagged(plan: &DeployPlan, recorder: &Recorder<'_, Report>, reads: &impl ImageReads) {
    let mut known: Vec<(String, Option<String>)> = Vec::new();
    for place in 0..plan.services.len() {
        let from = recorder.update(|report| report.services.get(place).and_then(|row| row.from.clone()));
        let Some(image) = from.filter(|from| from.tag.is_none()).and_then(|from| from.image) else {
            continue;
        };
        let tag = match known.iter().find(|(of, _)| *of == image) {
            Some((_, tag)) => tag.clone(),
            None => {
                let tag = tag_of(&image, reads).await;
                known.push((image, tag.clone()));
                tag
            }
        };
        recorder.update(|report| {
            if let Some(from) = report.services.get_mut(place).and_then(|row| row.from.as_mut()) {
                from.tag = tag;
            }
        });
    }
}

/// Shows which services are waited for before they can be updated, and for what.
pub(super) fn waits(recorder: &Recorder<'_, Report>, under_way: &[Option<UnderWay>]) {
    recorder.update(|report| {
        for (row, under_way) in report.services.iter_mut().zip(under_way) {
            row.stage = under_way.as_ref().map(|under_way| Stage {
                status: under_way.status.clone(),
                waits_for: Some(format!("{} (--on-deploying wait)", under_way.words())),
                ..Stage::default()
            });
        }
    });
    recorder.save_if_due();
}

/// Returns what a revision has a service run, by the first container that is deployed.
pub(super) fn content(
    definition: &TaskDefinition,
    arn: &str,
    container: Option<&str>,
    tag: Option<String>,
) -> ServiceContent {
    let image = container.and_then(|container| definition.image(container));
    let parsed = image.map(ImageReference::parse);
    ServiceContent {
        task_definition: arn.to_owned(),
        image: image.map(str::to_owned),
        digest: parsed.as_ref().and_then(|image| image.digest).map(str::to_owned),
        tag: tag.or_else(|| parsed.and_then(|image| image.tag).map(str::to_owned)),
    }
}

pub(super) fn are_all_done(recorder: &Recorder<'_, Report>) -> bool {
    let is_done = |row: &ServiceReport| row.verdict.as_ref().is_some_and(ServiceVerdict::is_done);
    recorder.update(|report| report.services.iter().all(is_done))
}

/// Gives every service without a verdict the verdict that it is not deployed, for this reason.
pub(super) fn not_deployed(recorder: &Recorder<'_, Report>, why: &str) {
    recorder.update(|report| {
        let rows = report.services.iter_mut().filter(|row| row.verdict.is_none());
        rows.for_each(|row| leave_out(row, why));
    });
}

/// Reports that some services cannot be updated, each for a reason of its own, so none is.
pub(super) fn refused(plan: &DeployPlan, recorder: &Recorder<'_, Report>, reasons: &[(usize, String)]) {
    recorder.update(|report| {
        for (place, why) in reasons {
            if let Some(row) = report.services.get_mut(*place) {
                leave_out(row, why);
            }
        }
    });
    let names = reasons.iter().filter_map(|(place, _)| plan.services.get(*place));
    let names: Vec<String> = names.map(|service| phrase(service.name())).collect();
    not_deployed(recorder, &format!("service {} cannot be updated, so none is", names.join(", ")));
}

/// Gives the verdict on a service that is not updated. A revision that was registered for it stays.
fn leave_out(row: &mut ServiceReport, why: &str) {
    let to = row.to.as_ref().filter(|_| row.registered);
    let left = to.map(|to| {
        format!("; {} is registered, and the service was not updated", phrase(arn::name(&to.task_definition)))
    });
    row.verdict = Some(ServiceVerdict::NotDeployed { why: format!("{why}{}", left.unwrap_or_default()) });
}
