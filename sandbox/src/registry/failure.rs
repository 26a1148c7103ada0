use super::Digest;

/// Why the registry refuses; the distribution API and the ECR API each have their own words for it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("repository {name} does not exist")]
    RepositoryNotFound { name: String },
    #[error("repository {name} already exists")]
    RepositoryExists { name: String },
    #[error("repository {name} still contains images")]
    RepositoryNotEmpty { name: String },
    #[error("invalid repository name {name:?}")]
    InvalidRepositoryName { name: String },
    #[error("image {reference} does not exist in repository {repository}")]
    ImageNotFound { repository: String, reference: String },
    #[error("tag {tag} of repository {repository} is not on image {digest}")]
    TagElsewhere { repository: String, tag: String, digest: Digest },
    #[error("layer {digest} does not exist in repository {repository}")]
    LayerNotFound { repository: String, digest: Digest },
    #[error("layer {digest} exists already in repository {repository}")]
    LayerExists { repository: String, digest: Digest },
    #[error("layers {digests:?} of the manifest are not in repository {repository}")]
    LayersMissing { repository: String, digests: Vec<Digest> },
    #[error("images {digests:?} of the index are not in repository {repository}")]
    ImagesMissing { repository: String, digests: Vec<Digest> },
    #[error("tag {tag} of repository {repository} is immutable")]
    TagImmutable { repository: String, tag: String },
    #[error("invalid tag {tag:?}")]
    InvalidTag { tag: String },
    #[error("invalid digest {digest:?}")]
    InvalidDigest { digest: String },
    #[error("content has digest {found}, not {expected}")]
    DigestMismatch { expected: Digest, found: Digest },
    #[error("invalid manifest: {reason}")]
    InvalidManifest { reason: String },
    #[error("upload {id} does not exist")]
    UploadNotFound { id: String },
    #[error("upload {id} holds {size} bytes, so the next part starts there")]
    WrongOffset { id: String, size: u64 },
    #[error("upload {id} is empty")]
    EmptyUpload { id: String },
    #[error("registry storage: {0}")]
    Storage(#[from] std::io::Error),
}
