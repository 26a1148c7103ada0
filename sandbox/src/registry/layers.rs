use std::fs::File;
use std::path::PathBuf;

use super::{Digest, Registry, RegistryError};

impl Registry {
    /// Returns the size in bytes of a layer, image configuration or manifest of a repository.
    ///
    /// # Errors
    /// The repository does not exist or does not hold the layer.
    pub fn layer_size(&self, repository: &str, digest: &Digest) -> Result<u64, RegistryError> {
        self.read(repository, |found| {
            found
                .layers
                .get(digest)
                .copied()
                .or_else(|| Some(found.images.get(digest)?.manifest_size))
                .ok_or_else(|| RegistryError::LayerNotFound {
                    repository: repository.to_owned(),
                    digest: digest.clone(),
                })
        })
    }

    pub(super) fn layer_path(&self, repository: &str, digest: &Digest) -> Result<PathBuf, RegistryError> {
        self.layer_size(repository, digest)?;
        Ok(self.0.content.blob(digest))
    }

    pub(super) fn open_layer(&self, repository: &str, digest: &Digest) -> Result<File, RegistryError> {
        Ok(File::open(self.layer_path(repository, digest)?)?)
    }
}
