//! Observe for `fargate-migrate rollback`: what services run and ran, what they would go back to, and whether ECR
//! still has it.

use anyhow::Result;
use futures::future::try_join_all;
use tokio::try_join;

use super::described;
use super::repository::is_of_another_account;
use crate::arn;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::plan::back::goal::{self, Goal};
use crate::plan::back::history::ServiceHistory;
use crate::plan::back::images::{ContainerImage, Look, Looked, Seen, images, looks, repository};
use crate::plan::back::observed::{ObservedBack, ObservedGoal, ObservedService};
use crate::plan::deployed_by_ecs;
use crate::ports::{Account, DefinitionReads, ImageReads, Lookup, Reads, Service, ServiceRevision};
use crate::settings::{RollbackSettings, To};
use crate::steps::service_history::service_history;
use crate::steps::stored_image::with_tags;
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;

/// Observes services by calls that change nothing. `names` are services of the settings.
///
/// # Errors
/// A service cannot go back, or that cannot be found out.
pub(crate) async fn observe_back(
    settings: &RollbackSettings,
    names: &[String],
    reads: &impl Reads,
) -> Result<ObservedBack> {
    let cluster = &settings.cluster;
    let (caller, (), seen) =
        try_join!(reads.caller(), reads.check_cluster(cluster), reads.services(cluster, names))?;
    let account = Account { caller, region: reads.region().to_owned() };
    let services = deployed_by_ecs(names, cluster, seen)?;
    let observed = services.into_iter().map(|service| one(settings, service, &account, reads));
    Ok(ObservedBack { services: try_join_all(observed).await?, account })
}

async fn one(
    settings: &RollbackSettings,
    service: Service,
    account: &Account,
    reads: &impl Reads,
) -> Result<ObservedService> {
    let wanted: Vec<String> = match &settings.to {
        // A revision of another service is refused below: ECS is not asked about it.
        Some(To::Revision(revision)) if goal::is_of_service(revision, &service.name).is_ok() => {
            vec![revision.clone()]
        }
        _ => Vec::new(),
    };
    let mut history = service_history(reads, &settings.cluster, service, &wanted).await?;
    let alike = history.alike();
    let read = try_join_all(alike.iter().map(|name| described(reads, name))).await?;
    history.told_apart(&alike.into_iter().zip(read).filter_map(|(name, one)| Some((name, one?))).collect());
    let runs = history.task_definition();
    let current = if runs.is_empty() { None } else { described(reads, runs).await? };
    let tags = tags(&history, current.as_ref(), reads).await;
    let digests = match &settings.to {
        Some(To::Word(word)) => digests_of(word, &history, current.as_ref(), account, reads).await?,
        _ => Vec::new(),
    };
    let goal = match &settings.to {
        _ if goal::is_taken_back(&history)? => {
            if let Some(to) = &settings.to {
                goal::is_meant(to, &history, &digests)?;
            }
            let back = match history.goes_back_to() {
                Some(back) => described(reads, &back.task_definition).await?,
                None => None,
            };
            return Ok(ObservedService { history, current, back, tags, goal: None });
        }
        None => goal::earlier(&history)?,
        Some(to) => goal::named(to, &history, &digests)?,
    };
    let also = settings.to.as_ref().and_then(|to| goal::also_named(to, &history, &digests, &goal));
    let goal = ObservedGoal { also, ..observed_goal(goal, &history, account, reads).await? };
    let back = Some(goal.definition.clone());
    Ok(ObservedService { history, current, back, tags, goal: Some(goal) })
}

async fn observed_goal(
    goal: Goal,
    history: &ServiceHistory,
    account: &Account,
    reads: &impl Reads,
) -> Result<ObservedGoal> {
    let ran: Option<ServiceRevision> = match &goal {
        Goal::Ran(place) => history.revision(*place).cloned(),
        Goal::Recorded(revision) => Some(revision.clone()),
        Goal::Unrecorded(_) => None,
    };
    let name = match (&goal, &ran) {
        (_, Some(ran)) => ran.task_definition.clone(),
        (Goal::Unrecorded(name), None) => name.clone(),
        (_, None) => String::new(),
    };
    let document = reads.describe_task_definition(&name).await?;
    let registered_at = document.as_ref().and_then(|document| {
        let seconds = document["taskDefinition"]["registeredAt"].as_f64()?;
        jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
    });
    let definition = document.map(|document| TaskDefinition::from_json(document, &name)).transpose()?;
    let Some(definition) = definition.filter(|one| one.status() != Some("DELETE_IN_PROGRESS")) else {
        let is = if ran.is_some() { "is deleted" } else { "does not exist, or is being deleted" };
        return Err(Failure::input(format!(
            "task definition {}, which service {} would go back to, {is}",
            phrase(arn::name(&name)),
            phrase(&history.service.name)
        ))
        .hint("name something else with --to: ECS starts no task of a deleted revision, and this program has no copy")
        .into());
    };
    if ran.is_none() {
        goal::is_older(&definition, history)?;
    }
    let images = images(&definition, ran.as_ref().map_or(&[], |ran| &ran.images));
    let (looked, newest) = try_join!(look(&images, account, reads), newest(&definition, reads))?;
    Ok(ObservedGoal { goal, also: None, ran, definition, registered_at, newest, images, looked })
}

/// Reads the family's newest revision: a copy that an earlier rollback has registered is used again.
async fn newest(definition: &TaskDefinition, reads: &impl DefinitionReads) -> Result<Option<TaskDefinition>> {
    described(reads, definition.family()).await
}

async fn look(images: &[ContainerImage], account: &Account, reads: &impl ImageReads) -> Result<Looked> {
    let mut wanted: Vec<Look> = Vec::new();
    for look in images.iter().flat_map(looks) {
        if !wanted.contains(&look) {
            wanted.push(look);
        }
    }
    let looked = wanted.into_iter().map(async |look| {
        let seen = match with_tags(&look.repository, &look.tag_or_digest, reads).await? {
            Lookup::Found(Some(stored)) => Seen::Stored(stored),
            Lookup::Found(None) => Seen::Missing,
            Lookup::Absent => Seen::NoRepository,
            // The task's execution role may pull what these credentials may not look at.
            Lookup::Denied(error) if is_of_another_account(&look.repository, account) => {
                Seen::Unseen(Failure::from_error(&error).sentence())
            }
            Lookup::Denied(error) => return Err(error),
        };
        anyhow::Ok((look, seen))
    });
    Ok(Looked(try_join_all(looked).await?))
}

/// Reads the tags of what runs now, and of what ECS goes back to, by digest. They are for people: what cannot be read
/// is left out.
async fn tags(
    history: &ServiceHistory,
    current: Option<&TaskDefinition>,
    reads: &impl ImageReads,
) -> Vec<(String, Vec<String>)> {
    let recorded = history.current.iter().chain(history.goes_back_to()).flat_map(|one| &one.images);
    let recorded = recorded.map(|image| (image.image.clone(), image.digest.clone()));
    let defined =
        current.iter().flat_map(|one| images(one, &[])).map(|image| (image.reference, image.digest));
    let mut tags: Vec<(String, Vec<String>)> = Vec::new();
    for (reference, digest) in recorded.chain(defined) {
        let Some((repository, digest)) = repository(&reference).zip(digest) else { continue };
        if tags.iter().any(|(known, _)| *known == digest) {
            continue;
        }
        if let Ok(Lookup::Found(Some(stored))) = with_tags(&repository, &digest, reads).await {
            tags.push((digest, stored.tags));
        }
    }
    tags
}

/// Reads the digests of the images that have this tag, in the repositories of what runs now.
async fn digests_of(
    tag: &str,
    history: &ServiceHistory,
    current: Option<&TaskDefinition>,
    account: &Account,
    reads: &impl ImageReads,
) -> Result<Vec<String>> {
    let recorded =
        history.current.iter().flat_map(|current| &current.images).map(|image| image.image.as_str());
    let defined = current.iter().flat_map(|current| {
        current.container_names().into_iter().filter_map(|container| current.image(container))
    });
    let mut repositories: Vec<_> = Vec::new();
    for reference in recorded.chain(defined) {
        let found = repository(ImageReference::parse(reference).repository().as_str());
        if let Some(repository) = found.filter(|found| !repositories.contains(found)) {
            repositories.push(repository);
        }
    }
    let mut digests = Vec::new();
    for repository in repositories {
        match reads.stored_image(&repository, tag).await? {
            Lookup::Found(Some(stored)) => digests.push(stored.digest),
            Lookup::Found(None) | Lookup::Absent => {}
            // The service's record may still have what the word names.
            Lookup::Denied(_) if is_of_another_account(&repository, account) => {}
            Lookup::Denied(error) => return Err(error),
        }
    }
    Ok(digests)
}
