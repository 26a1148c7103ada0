//! What the images of proofs and of services are called: the revision that ran has the repository, and ECR has tags
//! and indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _};

use super::super::described;
use super::{AT_ONCE, looked_up};
use crate::arn;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::plan::back::images::repository;
use crate::plan::status::{DatabaseRow, Image, Recorded, ServiceRow, Standing};
use crate::ports::{DefinitionReads, ImageReads, Lookup, Reads, RepositoryName};

/// Gives each image its tags, and its index: one look for each digest, however many databases and services have it.
pub(super) async fn name_images(
    databases: &mut [DatabaseRow],
    services: &mut [ServiceRow],
    recorded: &Recorded,
    reads: &impl Reads,
) {
    let container = recorded.state.as_ref().and_then(|history| history.run());
    let container = container.map(|run| run.target.container.clone());
    reference(databases, container.as_deref(), reads).await;
    let proved = databases.iter_mut().filter_map(|row| {
        let Ok(Standing { proved, .. }) = &mut row.standing else { return None };
        proved.as_mut().map(|proved| &mut proved.image)
    });
    let run = services.iter_mut().filter_map(|row| row.seen.as_mut().ok()).flat_map(|seen| {
        seen.tasks.iter_mut().flat_map(|tasks| tasks.images.iter_mut().map(|one| &mut one.image))
    });
    let mut images: Vec<&mut Image> = proved.chain(run).collect();
    let mut looks: BTreeMap<(String, String), RepositoryName> = BTreeMap::new();
    for image in &images {
        if let (Some(reference), Some(digest)) = (&image.reference, &image.digest)
            && let Some(repository) = repository(&ImageReference::parse(reference).repository())
        {
            looks.insert((ImageReference::parse(reference).repository(), digest.clone()), repository);
        }
    }
    let look = |(key, repository): ((String, String), RepositoryName)| async move {
        let found = in_ecr(&repository, &key.1, reads).await;
        (key, found)
    };
    let looked: HashMap<_, _> = stream::iter(looks).map(look).buffer_unordered(AT_ONCE).collect().await;
    for image in &mut images {
        let Some(key) = image.repository().zip(image.digest.clone()) else { continue };
        match looked.get(&key) {
            Some(Ok(stored)) => {
                image.parts.clone_from(&stored.parts);
                match &stored.tags {
                    Ok(tags) => image.tags.clone_from(tags),
                    Err(why) => image.unread = Some(why.clone()),
                }
            }
            Some(Err(why)) => image.unread = Some(why.clone()),
            None => {}
        }
    }
}

/// What ECR has of an image.
struct InEcr {
    /// Digests of what its index lists.
    parts: Vec<String>,
    tags: Result<Vec<String>, String>,
}

async fn in_ecr(repository: &RepositoryName, digest: &str, reads: &impl ImageReads) -> Result<InEcr, String> {
    let stored = match reads.stored_image(repository, digest).await {
        Ok(Lookup::Absent) => return Err("ECR does not know its repository".to_owned()),
        stored => looked_up(stored)?.ok_or("its repository has it no more")?,
    };
    let tags = reads.image_tags(repository, digest).await;
    let tags = tags.map_err(|error| Failure::from_error(&error).sentence());
    Ok(InEcr { parts: stored.index.into_iter().flatten().map(|one| one.digest).collect(), tags })
}

/// Fills in where images are. The state file names them by their digests alone: the revision that ran says where they
/// are.
async fn reference(databases: &mut [DatabaseRow], container: Option<&str>, reads: &impl DefinitionReads) {
    let open = |row: &DatabaseRow| {
        let proved = row.standing.as_ref().ok()?.proved.as_ref()?;
        if proved.image.reference.is_some() { None } else { proved.revision.clone() }
    };
    let Some(container) = container else { return };
    let wanted: BTreeSet<String> = databases.iter().filter_map(open).collect();
    let read = |name: String| async move {
        let read = match described(reads, &name).await {
            Ok(Some(definition)) => definition
                .image(container)
                .map(str::to_owned)
                .ok_or_else(|| format!("revision {} has no container {container}", arn::name(&name))),
            Ok(None) => Err(format!("ECS does not know revision {} any more", arn::name(&name))),
            Err(error) => Err(Failure::from_error(&error).sentence()),
        };
        (name, read)
    };
    let found: HashMap<_, _> = stream::iter(wanted).map(read).buffer_unordered(AT_ONCE).collect().await;
    for row in databases {
        let Ok(Standing { proved: Some(proved), .. }) = &mut row.standing else { continue };
        match proved.revision.as_ref().and_then(|name| found.get(name)) {
            Some(Ok(reference)) => proved.image.reference = Some(reference.clone()),
            Some(Err(why)) => proved.image.unread = Some(why.clone()),
            None => {}
        }
    }
}
