//! Blobs by digest and the index of repositories, on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Digest;
use super::repositories::Repositories;

pub(super) struct Content {
    root: PathBuf,
    /// Removes a temporary registry with its last clone.
    _temporary: Option<tempfile::TempDir>,
}

impl Content {
    pub(super) fn open(directory: Option<&Path>) -> io::Result<Self> {
        let temporary = match directory {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("sandbox-registry-").tempdir()?),
        };
        let root = directory.map_or_else(
            || temporary.as_ref().map(|dir| dir.path().to_owned()).unwrap_or_default(),
            Path::to_owned,
        );
        fs::create_dir_all(root.join("blobs"))?;
        // Sessions live in memory: what a killed registry left half uploaded can never be finished.
        match fs::remove_dir_all(root.join("uploads")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(root.join("uploads"))?,
        }
        Ok(Self { root, _temporary: temporary })
    }

    pub(super) fn read_index(&self) -> io::Result<Repositories> {
        match fs::read(self.root.join("index.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("read {}: {error}", self.root.join("index.json").display()),
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Repositories::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the index at once, so that a killed registry leaves the old one or the new one.
    pub(super) fn write_index(&self, repositories: &Repositories) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.root)?;
        serde_json::to_writer(&mut file, repositories)?;
        file.persist(self.root.join("index.json"))?;
        Ok(())
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.hex())
    }

    pub(super) fn new_upload(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::NamedTempFile::new_in(self.root.join("uploads"))
    }

    pub(super) fn keep(&self, upload: tempfile::NamedTempFile, digest: &Digest) -> io::Result<File> {
        Ok(upload.persist(self.blob(digest))?)
    }

    pub(super) fn write_blob(&self, bytes: &[u8], digest: &Digest) -> io::Result<()> {
        let mut file = self.new_upload()?;
        io::Write::write_all(&mut file, bytes)?;
        self.keep(file, digest)?;
        Ok(())
    }

    pub(super) fn remove_blob(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.blob(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
