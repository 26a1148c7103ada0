//! Which images are in a private registry of ECR.

use crate::ecr_registry::RegistryHost;
use crate::image_reference::ImageReference;

/// Tells whether ECS pulls the image with the execution role. An ECR on this machine is a sandbox or an emulator.
pub(super) fn has_image(image: &str) -> bool {
    matches!(ImageReference::parse(image).host(), Some(RegistryHost::Ecr(_) | RegistryHost::ThisMachine))
}
