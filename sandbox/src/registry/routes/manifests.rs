//! Manifests, indexes and tags over HTTP.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answers::Refusal;
use super::parameter;
use crate::registry::{ImageKey, Registry};

/// The distribution API asks registries to take manifests of at least 4 MiB; ECR takes no more.
const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// How much of a manifest is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Whole,
}

pub(super) fn fetch(
    registry: &Registry,
    repository: &str,
    reference: &str,
    part: Part,
) -> Result<Response, Refusal> {
    let manifest = registry.manifest(repository, &ImageKey::parse(reference)?)?;
    let headers = [
        (header::CONTENT_TYPE, manifest.media_type),
        (CONTENT_DIGEST, manifest.digest.to_string()),
        (header::CONTENT_LENGTH, manifest.bytes.len().to_string()),
    ];
    Ok(match part {
        Part::Head => (StatusCode::OK, headers).into_response(),
        Part::Whole => (StatusCode::OK, headers, manifest.bytes).into_response(),
    })
}

pub(super) async fn put(
    registry: &Registry,
    repository: &str,
    reference: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let key = ImageKey::parse(reference)?;
    let (head, body) = request.into_parts();
    let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared =
        head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|size: usize| size > MANIFEST_LIMIT) {
        return Err(Refusal::ManifestTooLarge(MANIFEST_LIMIT));
    }
    let bytes =
        axum::body::to_bytes(body, MANIFEST_LIMIT).await.map_err(|error| Refusal::Body(error.to_string()))?;
    let digest = registry.put_image(repository, Some(&key), media_type, &bytes)?.digest;
    let headers = [
        (header::LOCATION, format!("/v2/{repository}/manifests/{digest}")),
        (CONTENT_DIGEST, digest.to_string()),
    ];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// Answers the tags in order, `?n=` at a time, after `?last=`.
pub(super) fn tags(registry: &Registry, repository: &str, request: &Request) -> Result<Response, Refusal> {
    let last = parameter(request, "last");
    let limit = parameter(request, "n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let mut tags: Vec<String> = registry
        .repository(repository)?
        .tags
        .into_keys()
        .filter(|tag| last.as_ref().is_none_or(|last| tag > last))
        .collect();
    let more = tags.len() > limit;
    tags.truncate(limit);
    let next = tags.last().filter(|_| more).map(|last| {
        [(header::LINK, format!("</v2/{repository}/tags/list?n={limit}&last={last}>; rel=\"next\""))]
    });
    let body = Json(json!({"name": repository, "tags": tags}));
    Ok(match next {
        Some(link) => (link, body).into_response(),
        None => body.into_response(),
    })
}
