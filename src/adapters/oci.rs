//! Makes an image of one static executable and pushes it straight to the registry: no Docker.

use anyhow::Result;

use crate::adapters::registry_login::RegistryLogin;
use crate::ports::{ImageProgress, ImageTag, Repository};

mod executable;
mod image;
mod registry;
mod witness;

#[cfg(test)]
pub(super) use executable::tests::tiny_static;
pub use image::{PackagedImage, package};
pub(super) use witness::witness;

/// Bytes of an image's configuration: those of large images have a few dozen KB.
const LARGEST_CONFIGURATION: u64 = 8 << 20;

/// A read, as any other call that a plan makes: `-v` tells of its attempts.
struct Untold;

impl ImageProgress for Untold {}

/// Reads the configuration of an image by its digest.
///
/// # Errors
/// A [`crate::failure::Failure`] for each of the registry's refusals; and when it has another digest, or is too large.
pub async fn read_configuration(
    repository: &Repository,
    digest: &str,
    login: &RegistryLogin,
) -> Result<Vec<u8>> {
    login.ensure_reads(repository)?;
    registry::read_blob(repository, digest, LARGEST_CONFIGURATION, login, &registry::LIMITS, &Untold).await
}

/// Pushes the blobs that the registry does not have yet, then the manifest; returns the digest.
///
/// # Errors
/// A [`crate::failure::Failure`] for each of the registry's refusals; and when the registry gives another digest than
/// the image's.
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
