//! Refusals in the words of the distribution API: `{"errors":[{"code","message"}]}`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::registry::{Registry, RegistryError};

#[derive(Debug)]
pub(super) enum Refusal {
    Unauthorized,
    Expired,
    Unsupported(StatusCode),
    /// The body ended early.
    Body(String),
    /// A manifest of more bytes than this.
    ManifestTooLarge(usize),
    Registry(RegistryError),
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl Refusal {
    pub(super) fn into_response(self, registry: &Registry) -> Response {
        let (status, code, message) = self.words(registry.account());
        let mut response =
            (status, Json(json!({"errors": [{"code": code, "message": message}]}))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge =
                format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", registry.host());
            if let Ok(challenge) = challenge.parse() {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        if let Self::Registry(RegistryError::WrongOffset { size, .. }) = self {
            response.headers_mut().insert(header::RANGE, super::blobs::received(size));
        }
        response
    }

    fn words(&self, account: &str) -> (StatusCode, &'static str, String) {
        use RegistryError as E;
        let error = match self {
            Self::Unauthorized => {
                return (StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized".to_owned());
            }
            Self::Expired => {
                let message = "Your authorization token has expired. Reauthenticate and try again.";
                return (StatusCode::FORBIDDEN, "DENIED", message.to_owned());
            }
            Self::Unsupported(status) => {
                return (*status, "UNSUPPORTED", "The operation is unsupported.".to_owned());
            }
            Self::Body(reason) => return (StatusCode::BAD_REQUEST, "SIZE_INVALID", reason.clone()),
            // The status that the distribution specification asks for.
            Self::ManifestTooLarge(limit) => {
                let message = format!("The manifest is larger than {limit} bytes.");
                return (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message);
            }
            Self::Registry(error) => error,
        };
        match error {
            E::RepositoryNotFound { name } => (
                StatusCode::NOT_FOUND,
                "NAME_UNKNOWN",
                format!(
                    "The repository with name '{name}' does not exist in the registry with id '{account}'"
                ),
            ),
            E::InvalidRepositoryName { .. } => (StatusCode::BAD_REQUEST, "NAME_INVALID", error.to_string()),
            E::ImageNotFound { .. } => {
                (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found".to_owned())
            }
            E::LayerNotFound { .. } => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN", error.to_string()),
            E::LayersMissing { .. } | E::ImagesMissing { .. } => {
                (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", error.to_string())
            }
            E::TagImmutable { repository, tag } => {
                (StatusCode::BAD_REQUEST, "TAG_INVALID", immutable_tag(repository, tag))
            }
            E::InvalidTag { .. } => (StatusCode::BAD_REQUEST, "TAG_INVALID", error.to_string()),
            E::InvalidDigest { .. } | E::DigestMismatch { .. } => {
                (StatusCode::BAD_REQUEST, "DIGEST_INVALID", error.to_string())
            }
            E::InvalidManifest { .. } => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID", error.to_string()),
            E::UploadNotFound { .. } => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", error.to_string()),
            E::WrongOffset { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", error.to_string())
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error.to_string()),
        }
    }
}

/// Returns ECR's words, on `docker push` and from PutImage alike.
pub(crate) fn immutable_tag(repository: &str, tag: &str) -> String {
    format!(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten \
         because the tag is immutable."
    )
}
