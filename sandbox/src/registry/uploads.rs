//! Layers on their way in, for both faces of the registry.

use std::fmt;
use std::io::Write as _;
use std::sync::{MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::{Digest, Registry, RegistryError};

/// Names one upload session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl UploadId {
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) struct Upload {
    repository: String,
    file: tempfile::NamedTempFile,
    hash: Sha256,
    size: u64,
}

impl Registry {
    /// Opens a session in an existing repository.
    ///
    /// # Errors
    /// The repository does not exist, or the disk refuses.
    pub fn begin_upload(&self, repository: &str) -> Result<UploadId, RegistryError> {
        self.read(repository, |_| Ok(()))?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(std::io::Error::other)?;
        let id = UploadId(hex::encode(id));
        let file = self.0.content.new_upload()?;
        let upload = Upload { repository: repository.to_owned(), file, hash: Sha256::new(), size: 0 };
        self.uploads().insert(id.clone(), upload);
        Ok(id)
    }

    /// Appends to a session and returns its size in bytes; `at` is where the caller believes the session to be.
    ///
    /// # Errors
    /// There is no such session in this repository, or it is elsewhere than `at`.
    pub fn append(
        &self,
        repository: &str,
        id: &UploadId,
        at: Option<u64>,
        bytes: &[u8],
    ) -> Result<u64, RegistryError> {
        let mut uploads = self.uploads();
        let upload = find(&mut uploads, repository, id)?;
        if at.is_some_and(|at| at != upload.size) {
            return Err(RegistryError::WrongOffset { id: id.to_string(), size: upload.size });
        }
        upload.file.write_all(bytes)?;
        upload.hash.update(bytes);
        upload.size += bytes.len() as u64;
        Ok(upload.size)
    }

    /// Ends a session: its bytes become a layer of the repository.
    ///
    /// # Errors
    /// There is no such session, or its bytes have another digest; then they are gone, as on ECR.
    pub fn finish_upload(
        &self,
        repository: &str,
        id: &UploadId,
        expected: &Digest,
    ) -> Result<(), RegistryError> {
        let upload = self.take(repository, id)?;
        let found = Digest::from_hash(&upload.hash.finalize());
        if found != *expected {
            return Err(RegistryError::DigestMismatch { expected: expected.clone(), found });
        }
        self.0.content.keep(upload.file, &found)?;
        self.change_one(repository, |repository| {
            repository.layers.insert(found, upload.size);
            Ok(())
        })
    }

    /// Ends a session and forgets its bytes.
    ///
    /// # Errors
    /// There is no such session in this repository.
    pub fn cancel_upload(&self, repository: &str, id: &UploadId) -> Result<(), RegistryError> {
        self.take(repository, id).map(drop)
    }

    fn take(&self, repository: &str, id: &UploadId) -> Result<Upload, RegistryError> {
        let mut uploads = self.uploads();
        find(&mut uploads, repository, id)?;
        uploads.remove(id).ok_or_else(|| unknown(id))
    }

    fn uploads(&self) -> MutexGuard<'_, std::collections::HashMap<UploadId, Upload>> {
        self.0.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(
    uploads: &'a mut std::collections::HashMap<UploadId, Upload>,
    repository: &str,
    id: &UploadId,
) -> Result<&'a mut Upload, RegistryError> {
    uploads.get_mut(id).filter(|upload| upload.repository == repository).ok_or_else(|| unknown(id))
}

fn unknown(id: &UploadId) -> RegistryError {
    RegistryError::UploadNotFound { id: id.to_string() }
}
