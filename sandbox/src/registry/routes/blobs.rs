//! Layers and image configurations over HTTP: upload sessions and downloads.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::answers::Refusal;
use super::parameter;
use crate::registry::{Digest, Registry, RegistryError, UploadId};

/// Opens a session; with `?digest=` the body is the whole layer. A mount from another repository becomes a session
/// too, which is ECR's answer unless blob mounting is switched on for the registry.
pub(super) async fn begin(
    registry: &Registry,
    repository: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let id = registry.begin_upload(repository)?;
    match parameter(&request, "digest") {
        Some(_) => finish(registry, repository, &id.to_string(), request).await,
        None => Ok(session(repository, &id, 0)),
    }
}

pub(super) async fn append(
    registry: &Registry,
    repository: &str,
    id: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let id = UploadId::from_text(id);
    let at = request.headers().get(header::CONTENT_RANGE).and_then(start_of_range);
    let size = receive(registry, repository, &id, at, request.into_body()).await?;
    Ok(session(repository, &id, size))
}

pub(super) async fn finish(
    registry: &Registry,
    repository: &str,
    id: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let id = UploadId::from_text(id);
    let digest = Digest::parse(&parameter(&request, "digest").unwrap_or_default())?;
    receive(registry, repository, &id, None, request.into_body()).await?;
    registry.finish_upload(repository, &id, &digest)?;
    let location = format!("/v2/{repository}/blobs/{digest}");
    let headers = [(header::LOCATION, location), (super::manifests::CONTENT_DIGEST, digest.to_string())];
    Ok((StatusCode::CREATED, headers).into_response())
}

pub(super) fn progress(registry: &Registry, repository: &str, id: &str) -> Result<Response, Refusal> {
    let id = UploadId::from_text(id);
    let size = registry.append(repository, &id, None, &[])?;
    let mut response = session(repository, &id, size);
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

pub(super) fn cancel(registry: &Registry, repository: &str, id: &str) -> Result<Response, Refusal> {
    registry.cancel_upload(repository, &UploadId::from_text(id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Answers the bytes of a layer, or a range of them.
pub(super) async fn fetch(
    registry: &Registry,
    repository: &str,
    digest: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let digest = Digest::parse(digest)?;
    let path = registry.layer_path(repository, &digest)?;
    // Infallible: an unreadable file becomes a response of its own.
    let Ok(response) = ServeFile::new(path).oneshot(request).await;
    let mut response = response.map(Body::new).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(digest) = digest.as_str().parse() {
        headers.insert(super::manifests::CONTENT_DIGEST, digest);
    }
    Ok(response)
}

/// Makes the `Range` header of an upload session. It is inclusive: `0-0` is an empty session or one byte.
pub(super) fn received(size: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("0-{}", size.saturating_sub(1)))
        .unwrap_or_else(|_| HeaderValue::from_static("0-0"))
}

async fn receive(
    registry: &Registry,
    repository: &str,
    id: &UploadId,
    at: Option<u64>,
    body: Body,
) -> Result<u64, Refusal> {
    let mut size = registry.append(repository, id, at, &[])?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::Body(error.to_string()))?;
        size = registry.append(repository, id, Some(size), &chunk)?;
    }
    Ok(size)
}

fn session(repository: &str, id: &UploadId, size: u64) -> Response {
    let location = format!("/v2/{repository}/blobs/uploads/{id}");
    let mut response = (StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RANGE, received(size));
    if let Ok(id) = id.to_string().parse() {
        headers.insert("docker-upload-uuid", id);
    }
    response
}

/// Parses the start of `START-END`, as chunked uploads send it; docker sends none.
fn start_of_range(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.strip_prefix("bytes ").unwrap_or(text).split_once('-')?.0.parse().ok()
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        RegistryError::from(error).into()
    }
}
