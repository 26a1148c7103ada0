//! Image: the commit's image is in the registry, and known by its digest.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::failure::{Failure, Recourse};
use crate::plan::{ImagePlan, ImageSource, WitnessPlan};
use crate::ports::{ImageReads, ImageTag, ImageWrites, Lookup};
use crate::progress::Progress;
use crate::report::ImageUsed;
use crate::witness::ImageProcess;

mod with_witness;

/// An image that is in its registry. Only this step makes one, and a revision cannot be made without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    used: ImageUsed,
    /// The same image with the witness, and what it starts by itself.
    with_witness: Option<(String, ImageProcess)>,
}

impl Image {
    fn new(used: ImageUsed) -> Self {
        Self { used, with_witness: None }
    }

    /// Returns `repository@sha256:…`, or what `--image` says of an image in another registry. It is what is proved and
    /// deployed.
    pub(crate) fn reference(&self) -> &str {
        &self.used.reference
    }

    /// Returns what a migration's revision runs: the image, or the same with the witness.
    pub(crate) fn in_revision(&self) -> &str {
        self.with_witness.as_ref().map_or(&self.used.reference, |(reference, _)| reference)
    }

    /// Returns what an image with the witness starts by itself.
    pub(crate) fn process(&self) -> Option<&ImageProcess> {
        self.with_witness.as_ref().map(|(_, process)| process)
    }

    /// Returns `sha256:…`; `None` where `--image` names an image of another registry by a tag.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.used.digest.as_deref()
    }

    pub(crate) fn used(&self) -> ImageUsed {
        self.used.clone()
    }
}

/// How often the program looks for a tag that a push has met, and the pause between two looks: as a rule, ECR tells
/// all its readers at once.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// Builds and pushes what the plan says, or takes what is there, and adds the witness where that is planned. Calls
/// `note` when another run pushed the tag meanwhile.
pub(crate) async fn image(
    plan: &ImagePlan,
    witness: Option<&WitnessPlan>,
    world: &(impl ImageReads + ImageWrites),
    progress: &Progress,
    note: &dyn Fn(String),
) -> Result<Image> {
    let image = without_witness(plan, world, progress, note).await?;
    match witness {
        None => Ok(image),
        Some(witness) => with_witness::add(witness, image, world, progress).await,
    }
}

async fn without_witness(
    plan: &ImagePlan,
    world: &(impl ImageReads + ImageWrites),
    progress: &Progress,
    note: &dyn Fn(String),
) -> Result<Image> {
    let source = plan.source();
    let in_repository = |to: &ImageTag, digest: String, source: ImageSource| {
        let reference = format!("{}@{digest}", to.repository.uri);
        Image::new(ImageUsed { reference, digest: Some(digest), source })
    };
    let (to, pushed) = match plan {
        ImagePlan::Reuse { tag, digest } => {
            progress.step(&format!("image: reuse {} ({})", tag.reference(), short(digest)));
            return Ok(in_repository(tag, digest.clone(), source));
        }
        ImagePlan::Given { reference, digest } => {
            progress.step(&format!("image: use {reference}"));
            return Ok(Image::new(ImageUsed {
                reference: reference.clone(),
                digest: digest.clone(),
                source,
            }));
        }
        ImagePlan::Build { build, to } => {
            progress.step(&format!("image: build and push {}", to.reference()));
            (to, world.build_and_push(build, to, &**progress).await)
        }
        ImagePlan::Package { binary, to } => {
            progress.step(&format!("image: package {} and push {}", binary.path.display(), to.reference()));
            (to, world.package_and_push(binary, to, &**progress).await)
        }
    };
    let error = match pushed {
        Ok(digest) => return Ok(in_repository(to, digest, source)),
        Err(error) if meets_a_tag(&error) => error,
        Err(error) => return Err(error),
    };
    // The plan has not seen the tag: another run of the same commit was quicker. A tag that is there is used as it
    // is.
    let Some(digest) = pushed_by_another(to, world).await else { return Err(error) };
    note(format!(
        "image {} was pushed by another run meanwhile: it is used ({}), and the one that was made here is not",
        to.reference(),
        short(&digest)
    ));
    Ok(in_repository(to, digest, ImageSource::Reused))
}

fn meets_a_tag(error: &anyhow::Error) -> bool {
    Failure::find(error).is_some_and(|failure| failure.recourse == Recourse::UseTag)
}

/// Returns the digest behind a tag; `None` when it is not there, or cannot be looked at.
async fn pushed_by_another(to: &ImageTag, reads: &impl ImageReads) -> Option<String> {
    for look in 1..=LOOKS {
        if let Lookup::Found(Some(image)) =
            reads.stored_image(&to.repository.to_name(), &to.tag).await.ok()?
        {
            return Some(image.digest);
        }
        if look < LOOKS {
            sleep(PAUSE).await;
        }
    }
    None
}

/// Returns a digest as people compare them: `sha256:` and its first twelve digits.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}

#[cfg(test)]
mod tests;
