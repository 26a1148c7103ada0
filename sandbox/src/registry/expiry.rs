//! Images that are gone, as a lifecycle policy's expiry takes them away.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use super::{ImageKey, Reference, Registry, RegistryError};
use crate::images::PullError;

impl Registry {
    /// Takes an image away with its tags. From now on ECR does not have it and no task can pull it, not even one
    /// whose containers scripts stand in for. The image may be one that never was pushed. Pushing it brings it back.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub fn expire_image(&self, repository: &str, image: &ImageKey) -> Result<(), RegistryError> {
        let mut gone = vec![image.to_string()];
        let removed = self.change_one(repository, |found| {
            let digest = match image {
                ImageKey::Tag(tag) => found.tags.get(tag).cloned(),
                ImageKey::Digest(digest) => Some(digest.clone()),
            };
            if let Some(digest) = digest {
                gone.extend(found.tags_of(&digest).map(ToOwned::to_owned));
                gone.push(digest.to_string());
                found.tags.retain(|_, on| *on != digest);
                found.images.remove(&digest);
            }
            Ok(())
        });
        self.expired().extend(gone.into_iter().map(|name| (repository.to_owned(), name)));
        match removed {
            Err(RegistryError::RepositoryNotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// Refuses an image that has expired.
    ///
    /// # Errors
    /// The image that a task definition names has expired.
    pub(crate) fn check_expiry(&self, reference: &str) -> Result<(), PullError> {
        let Ok(named) = Reference::parse(reference) else { return Ok(()) };
        if self.expired().contains(&(named.repository, named.image.to_string())) {
            return Err(PullError::NotFound(reference.to_owned()));
        }
        Ok(())
    }

    /// Forgets that these tags and digests of a repository have expired: they are there again.
    pub(super) fn revive(&self, repository: &str, names: impl IntoIterator<Item = String>) {
        let mut expired = self.expired();
        for name in names {
            expired.remove(&(repository.to_owned(), name));
        }
    }

    fn expired(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.expired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
