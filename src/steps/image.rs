//! Image: the commit's image is in the registry, and known by its digest.

use anyhow::Result;

use crate::plan::ImagePlan;
use crate::ports::ImageWrites;
use crate::progress::Progress;
use crate::report::ImageUsed;

/// An image that is in its registry. Only this step makes one, and a revision can not be made without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image(ImageUsed);

impl Image {
    /// `repository@sha256:…`, or what `--image` said of another registry.
    pub(crate) fn reference(&self) -> &str {
        &self.0.reference
    }

    /// `sha256:…`; absent where `--image` names an image of another registry by a tag.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }

    pub(crate) fn used(&self) -> ImageUsed {
        self.0.clone()
    }
}

/// Builds and pushes what the plan says, or takes what is there.
pub(crate) async fn image(plan: &ImagePlan, writes: &impl ImageWrites, progress: &Progress) -> Result<Image> {
    let source = plan.source();
    let pushed = |uri: &str, digest: String| {
        Image(ImageUsed { reference: format!("{uri}@{digest}"), digest: Some(digest), source })
    };
    Ok(match plan {
        ImagePlan::Reuse { tag, digest } => {
            progress.step(&format!("image: reuse {} ({})", tag.reference(), short(digest)));
            pushed(&tag.repository.uri, digest.clone())
        }
        ImagePlan::Build { build, to } => {
            progress.step(&format!("image: build and push {}", to.reference()));
            pushed(&to.repository.uri, writes.build_and_push(build, to, &**progress).await?)
        }
        ImagePlan::Package { binary, to } => {
            progress.step(&format!("image: package {} and push {}", binary.path.display(), to.reference()));
            pushed(&to.repository.uri, writes.package_and_push(binary, to, &**progress).await?)
        }
        ImagePlan::Given { reference, digest } => {
            progress.step(&format!("image: use {reference}"));
            Image(ImageUsed { reference: reference.clone(), digest: digest.clone(), source })
        }
    })
}

/// A digest as people compare them: its first twelve digits.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
