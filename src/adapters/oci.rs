//! Makes an image of one static executable and pushes it straight to the registry: no Docker.

use anyhow::Result;

use crate::adapters::registry_login::RegistryLogin;
use crate::ports::{ImageProgress, ImageTag};

mod executable;
mod image;
mod registry;

#[cfg(test)]
pub(super) use executable::tests::tiny_static;
pub use image::{PackagedImage, package};

/// Pushes the blobs that the registry does not have yet, then the manifest; answers the digest.
///
/// # Errors
/// A [`crate::failure::Failure`] for each of the registry's refusals; and when the registry gives another digest than
/// ours.
pub async fn push(
    image: &PackagedImage,
    to: &ImageTag,
    login: &RegistryLogin,
    progress: &dyn ImageProgress,
) -> Result<String> {
    login.ensure_serves(to)?;
    progress.step("push image");
    registry::push(image, to, login, &registry::LIMITS, progress).await
}
