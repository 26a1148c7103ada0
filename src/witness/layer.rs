//! The layer that holds the witness and nothing else.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::PATH;
use crate::hex::hex;

/// A layer, compressed as registries hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct Layer {
    pub compressed: Bytes,
    /// `sha256:…` of [`Layer::compressed`].
    pub digest: String,
    /// `sha256:…` of the tar file, as image configurations list it.
    pub diff_id: String,
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.digest, self.compressed.len())
    }
}

impl Layer {
    /// Makes the layer of an executable: the same bytes for the same file, on any machine.
    ///
    /// # Errors
    /// Nothing but a lack of memory.
    pub(crate) fn of(executable: &[u8]) -> std::io::Result<Self> {
        let path = PATH.trim_start_matches('/');
        let directory = path.split_once('/').map_or(path, |(directory, _)| directory);
        let mut tar = tar::Builder::new(Vec::with_capacity(executable.len() + 4096));
        add(&mut tar, &format!("{directory}/"), &[])?;
        add(&mut tar, path, executable)?;
        let tar = tar.into_inner()?;
        let compressed = Bytes::from(gzip(&tar)?);
        Ok(Self { digest: digest(&compressed), diff_id: digest(&tar), compressed })
    }
}

/// Adds what everyone may read and run, and only root may change.
fn add(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(if path.ends_with('/') { EntryType::Directory } else { EntryType::Regular });
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
}

/// Compresses to the same bytes each time: GzEncoder's header has no name and no time; level 6 is gzip's own default.
pub(crate) fn gzip(tar: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(tar)?;
    gzip.finish()
}

/// Returns `sha256:…`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_same_file_gives_the_same_layer_and_another_file_another() {
        let layer = Layer::of(b"\x7fELF one").unwrap();
        assert_eq!(layer, Layer::of(b"\x7fELF one").unwrap());
        assert_ne!(layer.digest, Layer::of(b"\x7fELF two").unwrap().digest);
    }

    #[test]
    fn everyone_may_run_it() {
        let layer = Layer::of(b"program").unwrap();
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&*layer.compressed).read_to_end(&mut tar).unwrap();
        assert_eq!(layer.diff_id, digest(&tar));
        let mut archive = tar::Archive::new(&*tar);
        let entries: Vec<(String, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap())
            })
            .collect();
        assert_eq!(
            entries,
            [("fargate-migrate/".into(), 0o755, 0), ("fargate-migrate/witness".into(), 0o755, 0)]
        );
    }
}
