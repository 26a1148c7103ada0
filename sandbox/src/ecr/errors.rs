//! The registry's refusals as ECR exceptions, in ECR's words.

use crate::answer::AwsError;
use crate::registry::{Digest, RegistryError, immutable_tag};

pub(super) fn exception(account: &str) -> impl Fn(RegistryError) -> AwsError {
    move |error| words(account, &error)
}

fn words(account: &str, error: &RegistryError) -> AwsError {
    use RegistryError as E;
    let within =
        |repository: &str| format!("the repository with name '{repository}' in registry with id '{account}'");
    let (code, message) = match error {
        E::RepositoryNotFound { name } => (
            "RepositoryNotFoundException",
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
        ),
        E::RepositoryExists { name } => (
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
        ),
        E::RepositoryNotEmpty { name } => (
            "RepositoryNotEmptyException",
            format!(
                "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it \
                 still contains images"
            ),
        ),
        E::InvalidRepositoryName { .. } => (
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''"
                .to_owned(),
        ),
        E::ImageNotFound { repository, reference } => {
            ("ImageNotFoundException", image_not_found(account, repository, reference))
        }
        E::LayerNotFound { repository, digest } => (
            "LayersNotFoundException",
            format!("The layer with digest '{digest}' does not exist in {}", within(repository)),
        ),
        E::LayerExists { repository, digest } => (
            "LayerAlreadyExistsException",
            format!("The layer with digest '{digest}' already exists in {}", within(repository)),
        ),
        E::LayersMissing { repository, digests } => {
            ("LayersNotFoundException", required("Layers", digests, account, repository))
        }
        E::ImagesMissing { repository, digests } => {
            ("ReferencedImagesNotFoundException", required("Images", digests, account, repository))
        }
        E::TagImmutable { repository, tag } => {
            ("ImageTagAlreadyExistsException", immutable_tag(repository, tag))
        }
        E::DigestMismatch { expected, found } => (
            "ImageDigestDoesNotMatchException",
            format!("The provided digest '{expected}' does not match the digest '{found}' of the content"),
        ),
        E::UploadNotFound { id } => {
            ("UploadNotFoundException", format!("The upload with id '{id}' could not be found"))
        }
        E::EmptyUpload { id } => {
            ("EmptyUploadException", format!("The upload with id '{id}' does not contain any layer parts"))
        }
        E::WrongOffset { id, size } => {
            let message = format!("The layer part does not follow the {size} bytes of upload '{id}'");
            return AwsError::client("InvalidLayerPartException", message)
                .with("lastValidByteReceived", size.saturating_sub(1).into())
                .with("uploadId", id.as_str().into());
        }
        E::TagElsewhere { .. }
        | E::InvalidTag { .. }
        | E::InvalidDigest { .. }
        | E::InvalidManifest { .. } => ("InvalidParameterException", error.to_string()),
        E::Storage(_) => return AwsError::server(error.to_string()),
    };
    AwsError::client(code, message)
}

fn image_not_found(account: &str, repository: &str, reference: &str) -> String {
    let (digest, tag) = if reference.contains(':') { (reference, "null") } else { ("null", reference) };
    // ECR prints an absent member as the word null, in the same quotes.
    format!(
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository \
         with name '{repository}' in the registry with id '{account}'"
    )
}

fn required(what: &str, digests: &[Digest], account: &str, repository: &str) -> String {
    let digests: Vec<_> = digests.iter().map(Digest::as_str).collect();
    format!(
        "{what} with digests '[{}]' required for pushing image into repository with name '{repository}' in the \
         registry with id '{account}' do not exist",
        digests.join(", ")
    )
}
