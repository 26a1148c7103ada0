//! The image: which repository it is in, which tag names it, whether it is there, and whether it could be built here.

use std::path::Path;

use anyhow::Result;

use super::repository::{Wanted, found, is_of_another_account, unknown_repository};
use crate::arn;
use crate::ecr_registry::{RegistryHost, partition_of};
use crate::failure::{ExitCode, Failure};
use crate::image_reference::ImageReference;
use crate::plan::{ObservedImage, TagSource, docker_build};
use crate::ports::{Account, ImageReads, Lookup, Machine, RepositoryName};
use crate::settings::{ImageChoice, ImageSettings};
use crate::task_definition::TaskDefinition;

/// Observes the image. `container` is the container whose image it will be, in the task definition that it is in now.
pub(super) async fn image(
    settings: &ImageSettings,
    machine: &impl Machine,
    images: &impl ImageReads,
    account: &Account,
    container: Option<(&TaskDefinition, &str)>,
) -> Result<ObservedImage> {
    if let ImageChoice::Reference(text) = &settings.choice {
        return given_image(images, account, text).await;
    }
    let wanted = Wanted::new(settings, container)?;
    in_our_partition(&wanted.name, account)?;
    let (tag, named_by) = tag(settings, machine).await?.ok_or_else(|| {
        Failure::input("no commit to name the image by").hint("pass --tag, or run inside a git repository")
    })?;
    let repository = found(images, &wanted, account).await?;
    let stored = match images.stored_image(&wanted.name, &tag).await? {
        Lookup::Found(stored) => stored,
        Lookup::Absent => return Err(unknown_repository(images, &wanted.name, account).await.into()),
        Lookup::Denied(error) => return Err(error),
    };
    Ok(ObservedImage::Tagged { repository, tag, named_by, stored })
}

/// Observes the image of `--image`. One in ECR must be there, where it is pinned, or may come by a pull-through cache
/// rule; one of another registry is taken as it is.
async fn given_image(images: &impl ImageReads, account: &Account, text: &str) -> Result<ObservedImage> {
    let parsed = ImageReference::parse(text);
    let as_it_is = |unseen| ObservedImage::Reference {
        reference: text.to_owned(),
        digest: parsed.digest.map(str::to_owned),
        platforms: None,
        unseen,
    };
    let registry = match parsed.host() {
        Some(RegistryHost::Ecr(registry)) => Some(registry),
        Some(RegistryHost::ThisMachine) => None,
        _ => return Ok(as_it_is(None)),
    };
    let name = RepositoryName { registry, name: parsed.path.to_owned() };
    in_our_partition(&name, account)?;
    let wanted = parsed.digest.or(parsed.tag).unwrap_or("latest");
    match images.stored_image(&name, wanted).await? {
        Lookup::Found(Some(stored)) => Ok(ObservedImage::Reference {
            reference: format!("{}@{}", parsed.repository(), stored.digest),
            platforms: stored.platforms(),
            digest: Some(stored.digest),
            unseen: None,
        }),
        Lookup::Found(None) => {
            let absent = Failure::input(format!("repository {} has no image {wanted}", name.name))
                .hint("push it first, check the tag of --image, or omit --image to build it here");
            Ok(as_it_is(Some(pulled_through(images, text, &name, absent).await?)))
        }
        Lookup::Absent => {
            let absent = unknown_repository(images, &name, account).await;
            Ok(as_it_is(Some(pulled_through(images, text, &name, absent).await?)))
        }
        // The task's execution role may pull what these credentials may not look at.
        Lookup::Denied(error) if is_of_another_account(&name, account) => {
            let why = Failure::from_error(&error).sentence();
            Ok(as_it_is(Some(format!("whether image {text} is there was not seen: {why}"))))
        }
        Lookup::Denied(error) => Err(error),
    }
}

/// Returns a note on an image that is not in ECR: the first pull fetches it, or may.
///
/// # Errors
/// No pull-through cache rule can be behind it: it is `absent`.
async fn pulled_through(
    images: &impl ImageReads,
    text: &str,
    name: &RepositoryName,
    absent: Failure,
) -> Result<String, Failure> {
    let needs = "the first pull fetches it, for which the task's execution role needs ecr:CreateRepository and \
                 ecr:BatchImportUpstreamImage";
    match images.pull_through_prefixes(name).await {
        Ok(Lookup::Found(prefixes)) => match prefixes.iter().find(|prefix| is_below(&name.name, prefix)) {
            Some(prefix) => Ok(format!(
                "image {text} is not in ECR yet: a pull-through cache rule has its prefix, {prefix}, and {needs}"
            )),
            None => {
                let hint = absent.hint.clone().unwrap_or_default();
                Err(absent.hint(format!("{hint}; no pull-through cache rule has a prefix of it")))
            }
        },
        // A name without a prefix is a typing mistake rather than an image behind a rule for the whole registry.
        _ if !name.name.contains('/') => Err(absent),
        Ok(Lookup::Absent) => Err(absent),
        Ok(Lookup::Denied(error)) | Err(error) => Ok(format!(
            "image {text} is not in ECR yet, and whether a pull-through cache rule has its prefix is not known ({}). \
             If one has, {needs}",
            Failure::from_error(&error).message
        )),
    }
}

/// Returns whether a repository is below a prefix. `ROOT` is the prefix of every name (CreatePullThroughCacheRule).
fn is_below(name: &str, prefix: &str) -> bool {
    prefix == "ROOT"
        || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/') || prefix.ends_with('/'))
}

/// Refuses a repository of another partition: credentials are of one, such as that of China, and unknown in the
/// others.
fn in_our_partition(name: &RepositoryName, account: &Account) -> Result<(), Failure> {
    let own = arn::partition(&account.caller.arn);
    match name.registry.as_ref().map(|registry| (partition_of(&registry.region), registry)) {
        Some((partition, registry)) if partition != own => Err(Failure::input(format!(
            "repository {} is in {}, in partition {partition}, and the credentials are of partition {own}",
            name.name, registry.region
        ))
        .hint("name a repository of the credentials' own partition")),
        _ => Ok(()),
    }
}

/// Returns the tag, and what gave it: `--tag`, else the commit that is checked out, else GitHub's; `None` when there
/// is none of these.
pub(super) async fn tag(
    settings: &ImageSettings,
    machine: &impl Machine,
) -> Result<Option<(String, TagSource)>> {
    let directory = match &settings.choice {
        ImageChoice::Docker { context, .. } => context.as_path(),
        _ => Path::new("."),
    };
    if let Some(tag) = &settings.tag {
        // It only says more about the tag.
        let checked_out = machine.commit(directory).await.ok().flatten();
        return Ok(Some((tag.clone(), TagSource::Flag { checked_out })));
    }
    let Some(commit) = machine.commit(directory).await? else {
        return Ok(settings.commit.clone().map(|commit| (commit, TagSource::GitHub)));
    };
    let changed = machine.changed_files(directory).await?;
    if !changed.is_empty() {
        return Err(Failure::input(format!(
            "the working tree has changes that commit {commit} does not hold"
        ))
        .hint("commit them, or name the image with --tag")
        .evidence(changed.into_iter().take(10))
        .into());
    }
    let github = settings.commit.clone().filter(|github| *github != commit);
    Ok(Some((commit, TagSource::CheckedOut { github })))
}

/// Finds what would make a build here fail, before anything is changed. A plan that needs no build needs no Docker.
/// With `--plan`, what is wrong with this machine is a note.
pub(super) async fn local_checks(
    settings: &ImageSettings,
    machine: &impl Machine,
    base: Option<&TaskDefinition>,
    image: &ObservedImage,
    plan_only: bool,
) -> Result<Vec<String>> {
    if !matches!(image, ObservedImage::Tagged { stored: None, .. }) {
        return Ok(Vec::new());
    }
    match local_problem(settings, machine, base).await? {
        Some(problem) if plan_only && problem.exit_code != ExitCode::BadInput => {
            Ok(vec![format!("a build on this machine would fail: {problem}")])
        }
        Some(problem) => Err(problem.into()),
        None => Ok(Vec::new()),
    }
}

pub(super) async fn local_problem(
    settings: &ImageSettings,
    machine: &impl Machine,
    base: Option<&TaskDefinition>,
) -> Result<Option<Failure>> {
    let checked = match &settings.choice {
        ImageChoice::Docker { .. } => match docker_build(settings, base)? {
            Some(build) => machine.check_build(&build).await,
            None => Ok(()),
        },
        ImageChoice::Binary(path) if !path.is_file() => {
            Err(Failure::input(format!("--binary {} is not a file", path.display()))
                .hint("build it first")
                .into())
        }
        _ => Ok(()),
    };
    match checked {
        Ok(()) => Ok(None),
        Err(error) => match Failure::find(&error) {
            Some(failure) => Ok(Some(failure.clone())),
            None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_the_names_below_its_prefix() {
        for (name, prefix, expected) in [
            ("docker-hub/flyway/flyway", "docker-hub", true),
            ("docker-hub/flyway/flyway", "docker-hub/flyway", true),
            ("docker-hub/flyway/flyway", "ROOT", true),
            ("flyway", "ROOT", true),
            ("docker-hub", "docker-hub", false),
            ("docker-hub-mirror/flyway", "docker-hub", false),
            ("flyway/docker-hub", "docker-hub", false),
            ("flyway", "quay", false),
        ] {
            assert_eq!(is_below(name, prefix), expected, "{name} {prefix}");
        }
    }
}
