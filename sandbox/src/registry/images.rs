//! Manifests in and out: by tag or digest, bytes kept exactly.

use std::fmt;
use std::fs;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::repositories::Repository;
use super::{Digest, Registry, RegistryError};

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What the index remembers of an image; its manifest is a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub media_type: String,
    pub pushed_at: Timestamp,
    /// Compressed size of the layers in bytes, ECR's `imageSizeInBytes`; 0 for an index.
    pub size: u64,
    /// Bytes of the manifest itself.
    pub manifest_size: u64,
    /// Media type of the image configuration, or of the artifact.
    pub artifact_media_type: Option<String>,
}

/// How an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageKey {
    Tag(String),
    Digest(Digest),
}

/// A manifest as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// What a push of a manifest changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    pub digest: Digest,
    /// The image was there already, with the same tag if one was given.
    pub unchanged: bool,
}

/// The part of a manifest or index that the registry looks at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestOutline {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: Digest,
    #[serde(default)]
    size: u64,
    /// Layers that live elsewhere are never pushed.
    #[serde(default)]
    urls: Vec<String>,
}

impl ImageKey {
    /// Makes the key of a tag.
    ///
    /// # Errors
    /// [`RegistryError::InvalidTag`] unless it is 1 to 128 of `A-Z a-z 0-9 _ . -`, not starting with `.` or `-`.
    pub fn tag(tag: &str) -> Result<Self, RegistryError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let is_tag =
            (1..=128).contains(&tag.len()) && !tag.starts_with(['.', '-']) && tag.bytes().all(allowed);
        if is_tag {
            Ok(Self::Tag(tag.to_owned()))
        } else {
            Err(RegistryError::InvalidTag { tag: tag.to_owned() })
        }
    }

    /// Parses a tag or a digest: a digest has a colon, and no tag has one.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        if text.contains(':') { Digest::parse(text).map(Self::Digest) } else { Self::tag(text) }
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl Registry {
    /// Keeps a manifest or index, under a tag if one is given.
    ///
    /// # Errors
    /// The repository, or a layer or image that it names, does not exist; the tag is immutable and on another image;
    /// the bytes are not a manifest, or have another digest than the one asked for.
    pub fn put_image(
        &self,
        repository: &str,
        key: Option<&ImageKey>,
        media_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Put, RegistryError> {
        let outline = ManifestOutline::read(bytes)?;
        let digest = Digest::of(bytes);
        if let Some(ImageKey::Digest(expected)) = key
            && *expected != digest
        {
            return Err(RegistryError::DigestMismatch { expected: expected.clone(), found: digest });
        }
        let tag = key.and_then(|key| match key {
            ImageKey::Tag(tag) => Some(tag.as_str()),
            ImageKey::Digest(_) => None,
        });
        let image = outline.image(media_type, bytes, self.now());
        let put = self.change_one(repository, |found| {
            outline.require_parts(repository, found)?;
            let unchanged = found.images.contains_key(&digest)
                && tag.is_none_or(|tag| found.tags.get(tag) == Some(&digest));
            if let Some(tag) = tag {
                let elsewhere = found.tags.get(tag).is_some_and(|on| *on != digest);
                if elsewhere && found.settings.tag_is_immutable(tag) {
                    return Err(RegistryError::TagImmutable {
                        repository: repository.to_owned(),
                        tag: tag.to_owned(),
                    });
                }
            }
            self.0.content.write_blob(bytes, &digest)?;
            found.images.entry(digest.clone()).or_insert(image);
            if let Some(tag) = tag {
                found.tags.insert(tag.to_owned(), digest.clone());
            }
            Ok(Put { digest, unchanged })
        })?;
        self.revive(repository, tag.map(ToOwned::to_owned).into_iter().chain([put.digest.to_string()]));
        Ok(put)
    }

    /// Returns the manifest of an image, with the bytes that were pushed.
    ///
    /// # Errors
    /// The repository or the image does not exist.
    pub fn manifest(&self, repository: &str, key: &ImageKey) -> Result<StoredManifest, RegistryError> {
        let (digest, media_type) = self.read(repository, |found| {
            let missing = || RegistryError::ImageNotFound {
                repository: repository.to_owned(),
                reference: key.to_string(),
            };
            let digest = match key {
                ImageKey::Tag(tag) => found.tags.get(tag).ok_or_else(missing)?,
                ImageKey::Digest(digest) => digest,
            };
            let image = found.images.get(digest).ok_or_else(missing)?;
            Ok((digest.clone(), image.media_type.clone()))
        })?;
        let bytes = fs::read(self.0.content.blob(&digest))?;
        Ok(StoredManifest { digest, media_type, bytes })
    }
}

impl ManifestOutline {
    fn read(bytes: &[u8]) -> Result<Self, RegistryError> {
        let invalid = |reason: String| RegistryError::InvalidManifest { reason };
        let outline: Self = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        match outline.schema_version {
            2 => Ok(outline),
            other => Err(invalid(format!("schema version {other} is not supported"))),
        }
    }

    fn image(&self, media_type: Option<&str>, bytes: &[u8], pushed_at: Timestamp) -> Image {
        let inferred = if self.manifests.is_empty() { OCI_MANIFEST } else { OCI_INDEX };
        // What the document says of itself wins, so that its digest means one thing only.
        let media_type = self.media_type.as_deref().or(media_type).unwrap_or(inferred);
        Image {
            media_type: media_type.to_owned(),
            pushed_at,
            size: self.layers.iter().map(|layer| layer.size).sum(),
            manifest_size: bytes.len() as u64,
            artifact_media_type: self
                .artifact_type
                .clone()
                .or_else(|| self.config.as_ref().and_then(|config| config.media_type.clone())),
        }
    }

    fn require_parts(&self, name: &str, repository: &Repository) -> Result<(), RegistryError> {
        let absent = |descriptors: &mut dyn Iterator<Item = &Descriptor>, known: &dyn Fn(&Digest) -> bool| {
            descriptors.map(|part| part.digest.clone()).filter(|digest| !known(digest)).collect::<Vec<_>>()
        };
        let layers = absent(
            &mut self.config.iter().chain(self.layers.iter().filter(|layer| layer.urls.is_empty())),
            &|digest| repository.layers.contains_key(digest),
        );
        if !layers.is_empty() {
            return Err(RegistryError::LayersMissing { repository: name.to_owned(), digests: layers });
        }
        let images = absent(&mut self.manifests.iter(), &|digest| repository.images.contains_key(digest));
        if !images.is_empty() {
            return Err(RegistryError::ImagesMissing { repository: name.to_owned(), digests: images });
        }
        Ok(())
    }
}
