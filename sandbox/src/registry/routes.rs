//! The OCI distribution API under `/v2/`, as ECR serves it.

mod answers;
mod blobs;
mod manifests;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::access::Permission;
use super::{Digest, Registry};
use answers::Refusal;
pub(crate) use answers::immutable_tag;

/// Serves `/v2/`; every request needs the password of GetAuthorizationToken, except signed layer downloads.
pub fn router(registry: Registry) -> Router {
    Router::new().route("/v2/", any(serve)).route("/v2/{*rest}", any(serve)).with_state(registry)
}

/// What a path under `/v2/` names. Repository names contain slashes, so the end of the path decides.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Ping,
    Uploads { repository: &'a str },
    Upload { repository: &'a str, id: &'a str },
    Blob { repository: &'a str, digest: &'a str },
    Manifest { repository: &'a str, reference: &'a str },
    Tags { repository: &'a str },
}

impl<'a> Target<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/v2/")?;
        if rest.is_empty() {
            return Some(Self::Ping);
        }
        if let Some((repository, id)) = rest.rsplit_once("/blobs/uploads/") {
            return Some(match id {
                "" => Self::Uploads { repository },
                id => Self::Upload { repository, id },
            });
        }
        if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
            return Some(Self::Uploads { repository });
        }
        if let Some((repository, digest)) = rest.rsplit_once("/blobs/") {
            return Some(Self::Blob { repository, digest });
        }
        if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
            return Some(Self::Manifest { repository, reference });
        }
        rest.strip_suffix("/tags/list").map(|repository| Self::Tags { repository })
    }
}

async fn serve(State(registry): State<Registry>, request: Request) -> Response {
    let answer = match authorize(&registry, &request) {
        Ok(()) => dispatch(&registry, request).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = answer.unwrap_or_else(|refusal| refusal.into_response(&registry));
    response
        .headers_mut()
        .insert("docker-distribution-api-version", header::HeaderValue::from_static("registry/2.0"));
    response
}

async fn dispatch(registry: &Registry, request: Request) -> Result<Response, Refusal> {
    let path = request.uri().path().to_owned();
    let target = Target::parse(&path).ok_or(Refusal::Unsupported(StatusCode::NOT_FOUND))?;
    let method = request.method().clone();
    match (target, method) {
        (Target::Ping, Method::GET | Method::HEAD) => Ok(StatusCode::OK.into_response()),
        (Target::Uploads { repository }, Method::POST) => blobs::begin(registry, repository, request).await,
        (Target::Upload { repository, id }, Method::GET) => blobs::progress(registry, repository, id),
        (Target::Upload { repository, id }, Method::PATCH) => {
            blobs::append(registry, repository, id, request).await
        }
        (Target::Upload { repository, id }, Method::PUT) => {
            blobs::finish(registry, repository, id, request).await
        }
        (Target::Upload { repository, id }, Method::DELETE) => blobs::cancel(registry, repository, id),
        (Target::Blob { repository, digest }, Method::GET | Method::HEAD) => {
            blobs::fetch(registry, repository, digest, request).await
        }
        (Target::Manifest { repository, reference }, Method::GET) => {
            manifests::fetch(registry, repository, reference, manifests::Part::Whole)
        }
        (Target::Manifest { repository, reference }, Method::HEAD) => {
            manifests::fetch(registry, repository, reference, manifests::Part::Head)
        }
        (Target::Manifest { repository, reference }, Method::PUT) => {
            manifests::put(registry, repository, reference, request).await
        }
        (Target::Tags { repository }, Method::GET) => manifests::tags(registry, repository, &request),
        _ => Err(Refusal::Unsupported(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn authorize(registry: &Registry, request: &Request) -> Result<(), Refusal> {
    if is_signed_download(registry, request) {
        return Ok(());
    }
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match registry.permission(authorization) {
        Permission::Granted => Ok(()),
        Permission::Anonymous | Permission::Unknown => Err(Refusal::Unauthorized),
        Permission::Expired => Err(Refusal::Expired),
    }
}

fn is_signed_download(registry: &Registry, request: &Request) -> bool {
    let signed = || {
        let Some(Target::Blob { repository, digest }) = Target::parse(request.uri().path()) else {
            return None;
        };
        let expires = parameter(request, "X-Amz-Expires")?.parse().ok()?;
        let signature = parameter(request, "X-Amz-Signature")?;
        let digest = Digest::parse(digest).ok()?;
        Some(registry.is_signed(repository, &digest, expires, &signature))
    };
    matches!(*request.method(), Method::GET | Method::HEAD) && signed().unwrap_or(false)
}

/// Returns one parameter of the query, with percent-encoding undone.
fn parameter(request: &Request, name: &str) -> Option<String> {
    let axum::extract::Query(parameters) =
        axum::extract::Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
    parameters.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::Target::{self, *};

    #[test]
    fn the_end_of_a_path_decides_what_it_names() {
        for (path, target) in [
            ("/v2/", Some(Ping)),
            ("/v2/team/shop/blobs/uploads/", Some(Uploads { repository: "team/shop" })),
            ("/v2/shop/blobs/uploads", Some(Uploads { repository: "shop" })),
            ("/v2/shop/blobs/uploads/12", Some(Upload { repository: "shop", id: "12" })),
            ("/v2/a/blobs/b/blobs/sha256:1", Some(Blob { repository: "a/blobs/b", digest: "sha256:1" })),
            ("/v2/shop/manifests/v1", Some(Manifest { repository: "shop", reference: "v1" })),
            ("/v2/shop/tags/list", Some(Tags { repository: "shop" })),
            ("/v2/_catalog", None),
            ("/v1/shop", None),
        ] {
            assert_eq!(Target::parse(path), target, "{path}");
        }
    }
}
