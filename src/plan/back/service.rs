//! Pure: how one service goes back.

use std::time::Duration;

use super::goal::Goal;
use super::history::ServiceHistory;
use super::images::{ContainerImage, accepted, again, images};
use super::observed::{ObservedGoal, ObservedService};
use super::ran::Span;
use super::schema::{Recorded, Schema, minute};
use super::stays::stays;
use super::{ServiceBack, Side, Update, Way};
use crate::failure::Failure;
use crate::plan::RevisionPlan;
use crate::plan::service_rules::{can_move, deploy_timeout};
use crate::ports::{RevisionImage, ServiceRevision};
use crate::settings::RollbackSettings;
use crate::task_definition::{Patch, TaskDefinition};
use crate::untrusted::phrase;

/// Plans how one service goes back, and adds what a person should know to `notes`.
///
/// # Errors
/// It cannot go back.
pub(super) fn service(
    settings: &RollbackSettings,
    observed: ObservedService,
    recorded: &Recorded,
    notes: &mut Vec<String>,
) -> Result<ServiceBack, Failure> {
    let ObservedService { history, current, back, tags, goal } = observed;
    let timeout = deploy_timeout(settings.deploy_timeout.as_deref().copied(), &history.service.rules);
    let mut from = side_of_current(&history, current.as_ref());
    from.takes(&tags);
    let diff = current.as_ref().zip(back.as_ref()).map(|(from, to)| from.diff(to, &[])).unwrap_or_default();
    let Some(goal) = goal else {
        let mut one = taken_back(history, from, back.as_ref(), diff, recorded, timeout);
        one.to.iter_mut().for_each(|to| to.takes(&tags));
        return Ok(one);
    };
    can_move(&history.service)?;
    let ObservedGoal { goal, also, ran, definition, registered_at, newest, mut images, looked } = goal;
    let name = phrase(&history.service.name);
    let again = again(&history.service.name, &mut images, &looked)?;
    notes.extend(again.notes.into_iter().map(|note| format!("service {name}: {note}")));
    notes.extend(also);
    let since = match &goal {
        Goal::Ran(place) => history.span(*place).from,
        Goal::Recorded(revision) => revision.created_at,
        Goal::Unrecorded(_) => registered_at,
    };
    let span = match &goal {
        Goal::Ran(place) => Some(history.span(*place)),
        _ => {
            let since = since.map(|at| format!("; it was made at {}", minute(at))).unwrap_or_default();
            notes.push(format!(
                "service {name}: that {} ran well is your word, no deployment of it is recorded (ECS keeps those of 90 \
                 days){since}",
                phrase(&definition.name())
            ));
            None
        }
    };
    let mut wanted = definition.clone();
    for (container, image) in &again.pins {
        let patch = Patch { image: image.clone(), ..Patch::default() };
        wanted = wanted.patched(container, &patch)?;
    }
    let revision = match (definition.arn(), newest.as_ref().and_then(TaskDefinition::arn)) {
        (Some(arn), _) if again.pins.is_empty() && definition.status() != Some("INACTIVE") => {
            RevisionPlan::Reuse(arn.to_owned())
        }
        (_, Some(arn)) if newest.as_ref().is_some_and(|newest| is_a_copy(newest, &wanted)) => {
            RevisionPlan::Reuse(arn.to_owned())
        }
        _ => RevisionPlan::Register(wanted.clone()),
    };
    let task_definition = definition.arn().unwrap_or_default().to_owned();
    let digests = accepted(&images, &looked, definition.image_platform().as_ref());
    let of_goal: Vec<&str> = digests.iter().map(|(_, digest)| digest.as_str()).collect();
    let schema = Schema::new(recorded, since, &of_goal);
    let stays = match (&ran, &history.current) {
        (Some(ran), Some(current)) => stays(&ran.settings, &current.settings),
        _ => {
            notes.push(format!(
                "service {name}: ECS does not know both service revisions, so which of its settings (network, load \
                 balancers, platform version and so on) were others then is not known; they stay as they are"
            ));
            Vec::new()
        }
    };
    let diff = match current.as_ref() {
        Some(current) => current.diff(&wanted, &[]),
        None => diff,
    };
    let force = matches!(&revision, RevisionPlan::Reuse(arn) if Some(arn) == history.service.task_definition.as_ref());
    let to = Side { revision: ran.as_ref().map(|ran| ran.arn.clone()), task_definition, images, span };
    let update = Update { revision, definition: wanted, digests, ran, force };
    Ok(ServiceBack {
        service: history.service,
        from,
        to: Some(to),
        way: Way::Update(Box::new(update)),
        diff,
        stays,
        schema,
        sql: None,
        timeout,
    })
}

/// Returns whether the newest revision is a copy that an earlier rollback has registered, and that can be run.
fn is_a_copy(newest: &TaskDefinition, wanted: &TaskDefinition) -> bool {
    newest.status() != Some("INACTIVE") && newest.same_as(wanted)
}

fn taken_back(
    history: ServiceHistory,
    from: Side,
    back: Option<&TaskDefinition>,
    diff: String,
    recorded: &Recorded,
    timeout: Duration,
) -> ServiceBack {
    let goes_back_to = history.goes_back_to().cloned();
    let place = goes_back_to.as_ref().and_then(|revision| history.place_of(&revision.arn));
    let span = place.map(|place| history.span(place));
    let since = span.and_then(|span| span.from).or_else(|| goes_back_to.as_ref()?.created_at);
    let to = goes_back_to.map(|revision| side(&revision, back, span));
    let digests: Vec<String> =
        to.iter().flat_map(|to| &to.images).filter_map(|one| one.digest.clone()).collect();
    let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
    let schema = Schema::new(recorded, since, &digests);
    let (deployment, status, paused) = match &history.underway {
        Some(one) => (one.arn.clone(), one.status.clone(), one.pause().map(|hook| hook.id.clone())),
        None => Default::default(),
    };
    let way = Way::TakeBack { deployment, status, paused };
    ServiceBack {
        service: history.service,
        from,
        to,
        way,
        diff,
        stays: Vec::new(),
        schema,
        sql: None,
        timeout,
    }
}

fn side_of_current(history: &ServiceHistory, definition: Option<&TaskDefinition>) -> Side {
    // While ECS rolls back, the old deployment is PRIMARY again: the service goes back from the target.
    let target = history.underway.as_ref().and_then(|one| history.revisions.get(&one.target.as_ref()?.arn));
    match target.or(history.current.as_ref()) {
        Some(revision) => {
            let is_its = definition.filter(|one| one.arn() == Some(revision.task_definition.as_str()));
            let since = if target.is_some() {
                history.underway.as_ref().and_then(|one| one.created_at)
            } else {
                history.current_since()
            };
            side(revision, is_its, Some(Span { from: since, until: None }))
        }
        None => Side {
            revision: None,
            task_definition: history.task_definition().to_owned(),
            images: definition.map(|one| images(one, &[])).unwrap_or_default(),
            span: Some(Span { from: history.current_since(), until: None }),
        },
    }
}

fn side(revision: &ServiceRevision, definition: Option<&TaskDefinition>, span: Option<Span>) -> Side {
    let recorded = |image: &RevisionImage| ContainerImage {
        container: image.container.clone(),
        reference: image.image.clone(),
        digest: image.digest.clone(),
        tags: Vec::new(),
    };
    let images = match definition {
        Some(definition) => images(definition, &revision.images),
        None => revision.images.iter().map(recorded).collect(),
    };
    Side {
        revision: Some(revision.arn.clone()),
        task_definition: revision.task_definition.clone(),
        images,
        span,
    }
}
