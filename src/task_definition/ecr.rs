//! Which images are in a private registry of ECR.

use crate::image_reference::ImageReference;

/// Whether ECS pulls the image with the execution role. An ECR on loopback is a sandbox or an emulator.
pub(super) fn has_image(image: &str) -> bool {
    ImageReference::parse(image).registry.is_some_and(|host| {
        [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."].iter().any(|part| host.contains(part))
            || host.starts_with("127.0.0.1:")
    })
}
