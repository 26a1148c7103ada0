//! What ECR has of an image that a service runs, with its tags.

use anyhow::Result;

use crate::failure::Failure;
use crate::image_reference::{ImageReference, commit_or_first};
use crate::plan::back::images::repository;
use crate::ports::{ImageReads, Lookup, RepositoryName, StoredImage};

/// Reads the image behind a tag or a digest. Its tags are for people, and nothing depends on them: where they cannot
/// be read, it has only those that it came with.
///
/// # Errors
/// It cannot be looked for.
pub(crate) async fn with_tags(
    repository: &RepositoryName,
    tag_or_digest: &str,
    reads: &impl ImageReads,
) -> Result<Lookup<Option<StoredImage>>> {
    let mut found = reads.stored_image(repository, tag_or_digest).await?;
    // What is asked for by its digest need not come with its tags.
    if let Lookup::Found(Some(stored)) = &mut found
        && stored.digest == tag_or_digest
        && let Ok(tags) = reads.image_tags(repository, tag_or_digest).await
    {
        stored.tags = tags;
    }
    Ok(found)
}

/// Reads the image that a reference names by its digest; `None` where it is of another registry, or named by a tag,
/// or not there.
///
/// # Errors
/// Says in a sentence why ECR could not be asked.
pub(crate) async fn stored(reference: &str, reads: &impl ImageReads) -> Result<Option<StoredImage>, String> {
    let digest = ImageReference::parse(reference).digest;
    let Some((repository, digest)) = repository(reference).zip(digest) else { return Ok(None) };
    match with_tags(&repository, digest, reads).await {
        Ok(Lookup::Found(stored)) => Ok(stored),
        Ok(Lookup::Absent) => Ok(None),
        Ok(Lookup::Denied(error)) | Err(error) => Err(Failure::from_error(&error).sentence()),
    }
}

/// Returns the tag that such an image is known by to people: a commit where there is one.
pub(crate) async fn tag_of(reference: &str, reads: &impl ImageReads) -> Option<String> {
    let stored = stored(reference, reads).await.ok()??;
    commit_or_first(&stored.tags).map(str::to_owned)
}
