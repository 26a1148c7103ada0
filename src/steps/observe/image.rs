//! The image: which tag names it, whether the repository has it, and whether it could be built here.

use anyhow::Result;

use crate::failure::{ExitCode, Failure};
use crate::image_reference::ImageReference;
use crate::plan::{ObservedImage, docker_build};
use crate::ports::{Account, ImageReads, Machine};
use crate::settings::{ImageChoice, ImageSettings};
use crate::task_definition::TaskDefinition;

/// `container` is the container whose image it will be, in the task definition that it is in now.
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
    let (name, _) = repository_of(settings, container)?;
    let tag = tag(settings, machine).await?;
    let repository = images.repository(&name).await?;
    let digest = images.image_digest(&repository.name, &tag).await?;
    Ok(ObservedImage::Tagged { repository, tag, digest })
}

/// An image in this account's ECR must be there, and is pinned; one of another registry is taken as it is.
async fn given_image(images: &impl ImageReads, account: &Account, text: &str) -> Result<ObservedImage> {
    let parsed = ImageReference::parse(text);
    if !parsed.is_in_ecr_of(&account.caller.account, &account.region) {
        let digest = parsed.digest.map(str::to_owned);
        return Ok(ObservedImage::Reference { reference: text.to_owned(), digest });
    }
    let repository = images.repository(parsed.path).await?;
    let wanted = parsed.digest.or(parsed.tag).unwrap_or("latest");
    match images.image_digest(&repository.name, wanted).await? {
        Some(digest) => Ok(ObservedImage::Reference {
            reference: format!("{}@{digest}", parsed.repository()),
            digest: Some(digest),
        }),
        None => Err(Failure::input(format!("repository {} has no image {wanted}", repository.name))
            .hint("push it first, check the tag of --image, or leave --image away to build it here")
            .into()),
    }
}

/// The repository's name and URI, from `--repository` or from where the container's image is now.
pub(super) fn repository_of(
    settings: &ImageSettings,
    container: Option<(&TaskDefinition, &str)>,
) -> Result<(String, String), Failure> {
    let now = || container.and_then(|(base, name)| base.image(name));
    let text = settings.repository.as_deref().or_else(now).unwrap_or_default();
    let parsed = ImageReference::parse(text);
    if parsed.path.is_empty() || text.contains(char::is_whitespace) {
        let message = match container {
            Some((_, name)) => format!("container {name} has no image to take the repository from"),
            None => "no repository given".to_owned(),
        };
        return Err(Failure::input(message).hint("pass --repository NAME"));
    }
    Ok((parsed.path.to_owned(), parsed.repository()))
}

/// `--tag`, else the commit: GitHub's, else git's.
pub(super) async fn tag(settings: &ImageSettings, machine: &impl Machine) -> Result<String> {
    if let Some(tag) = &settings.tag {
        return Ok(tag.clone());
    }
    if let Some(commit) = &settings.commit {
        return Ok(commit.clone());
    }
    let directory = match &settings.choice {
        ImageChoice::Docker { context, .. } => context.clone(),
        _ => ".".into(),
    };
    machine.commit(&directory).await?.ok_or_else(|| {
        Failure::input("no commit to name the image by")
            .hint("pass --tag, or run inside a git repository")
            .into()
    })
}

/// What would make a build here fail, found before anything is changed. A plan that needs no build needs no Docker.
pub(super) async fn local_checks(
    settings: &ImageSettings,
    machine: &impl Machine,
    base: Option<&TaskDefinition>,
    image: &ObservedImage,
    plan_only: bool,
) -> Result<Vec<String>> {
    if !matches!(image, ObservedImage::Tagged { digest: None, .. }) {
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
            Err(Failure::input(format!("--binary {} is no file", path.display()))
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
