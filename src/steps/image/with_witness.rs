//! The image with the witness, beside the image that it is made from.

use anyhow::Result;

use super::{Image, meets_a_tag, short};
use crate::failure::Failure;
use crate::plan::WitnessPlan;
use crate::ports::{ImageReads, ImageTag, ImageWrites, Lookup, RepositoryName};
use crate::progress::Progress;
use crate::witness::image::{other_tag, tag};

/// Adds the witness to an image: pushes one layer, a configuration and a manifest, or takes what is there.
///
/// # Errors
/// The image cannot be read, or the one with the witness cannot be pushed.
pub(super) async fn add(
    plan: &WitnessPlan,
    image: Image,
    world: &(impl ImageReads + ImageWrites),
    progress: &Progress,
) -> Result<Image> {
    let Some(digest) = image.digest() else {
        return Err(Failure::service(format!("the digest of image {} is not known", image.reference()))
            .hint("name the image by its digest: --image repository@sha256:…")
            .into());
    };
    let made = match &plan.image {
        Some(made) => made.clone(),
        None => {
            let Some(layer) = &plan.layer else {
                return Err(Failure::input("this machine has no witness to add to the image")
                    .hint("give the path of its executable with --witness-executable")
                    .into());
            };
            let content = world.image_content(&plan.repository, digest, &plan.platform).await?;
            content.with(layer, image.reference())?
        }
    };
    let repository = plan.repository.to_name();
    let reference = format!("{}@{}", plan.repository.uri, made.digest);
    if is_there(&repository, &made.digest, world).await? {
        progress.step(&format!("image: reuse the one with the witness ({})", short(&made.digest)));
    } else {
        let mut tag = tag(plan.of_tag.as_deref(), digest);
        // The tag stays on another image: in an immutable repository it cannot move, and elsewhere a run may need it.
        if is_there(&repository, &tag, world).await? {
            tag = other_tag(&tag, &made.digest);
        }
        let to = ImageTag { repository: plan.repository.clone(), tag };
        progress.step(&format!("image: add the witness and push {}", to.reference()));
        match world.push_with_witness(&made, &to, &**progress).await {
            Ok(_) => {}
            // Another run has pushed the same bytes meanwhile.
            Err(error) if meets_a_tag(&error) && is_there(&repository, &made.digest, world).await? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Image { with_witness: Some((reference, made.process)), ..image })
}

async fn is_there(repository: &RepositoryName, tag_or_digest: &str, reads: &impl ImageReads) -> Result<bool> {
    match reads.stored_image(repository, tag_or_digest).await? {
        Lookup::Found(stored) => Ok(stored.is_some()),
        Lookup::Absent => Ok(false),
        Lookup::Denied(error) => Err(error),
    }
}
