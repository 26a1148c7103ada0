use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::registry::{Digest, Registry, RegistrySettings, RepositorySettings, router};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

use crate::image::{ACCOUNT, OCI_MANIFEST, manifest, push, put_layer, registry};

/// A client that has logged in.
struct Client {
    registry: Registry,
    authorization: String,
}

impl Client {
    fn new(registry: Registry) -> Self {
        let password = registry.issue_password().unwrap().secret;
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("AWS:{password}")));
        Self { registry, authorization }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Body> {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        router(self.registry.clone()).oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.send("GET", path, &[], b"").await
    }
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

async fn error(response: Response<Body>) -> (StatusCode, String, String) {
    let status = response.status();
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    let error = &body["errors"][0];
    (status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn without_a_password_there_is_a_challenge() {
    let registry = registry();
    for authorization in [None, Some("Basic QVdTOndyb25n"), Some("Bearer x"), Some("Basic %%")] {
        let mut request = Request::get("/v2/");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = router(registry.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert!(header(&response, "www-authenticate").starts_with("Basic realm="), "{authorization:?}");
        assert_eq!(error(response).await.1, "UNAUTHORIZED");
    }
    let response = Client::new(registry).get("/v2/").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "docker-distribution-api-version"), "registry/2.0");
}

#[tokio::test]
async fn a_password_ends_after_twelve_hours() {
    let now = Arc::new(Mutex::new("2025-11-25T00:00:00Z".parse::<jiff::Timestamp>().unwrap()));
    let mut settings = RegistrySettings::new(ACCOUNT, "us-east-1", "127.0.0.1:5000");
    let clock = now.clone();
    settings.clock = Arc::new(move || *clock.lock().unwrap());
    let client = Client::new(Registry::new(settings).unwrap());

    *now.lock().unwrap() = "2025-11-25T11:59:59Z".parse().unwrap();
    assert_eq!(client.get("/v2/").await.status(), StatusCode::OK);
    *now.lock().unwrap() = "2025-11-25T12:00:00Z".parse().unwrap();
    let (status, code, message) = error(client.get("/v2/").await).await;
    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "DENIED"));
    assert_eq!(message, "Your authorization token has expired. Reauthenticate and try again.");
}

#[tokio::test]
async fn a_layer_arrives_in_one_request_or_in_chunks() {
    let client = Client::new(registry());
    let digest = Digest::of(b"hello world");

    let whole =
        client.send("POST", &format!("/v2/shop/blobs/uploads/?digest={digest}"), &[], b"hello world").await;
    assert_eq!(whole.status(), StatusCode::CREATED);
    assert_eq!(header(&whole, "location"), format!("/v2/shop/blobs/{digest}"));

    let session = client.send("POST", "/v2/shop/blobs/uploads/", &[], b"").await;
    assert_eq!(session.status(), StatusCode::ACCEPTED);
    let location = header(&session, "location").to_owned();
    let chunk = client.send("PATCH", &location, &[("content-range", "0-5")], b"hello ").await;
    assert_eq!((chunk.status(), header(&chunk, "range")), (StatusCode::ACCEPTED, "0-5"));
    let gap = client.send("PATCH", &location, &[("content-range", "9-10")], b"ld").await;
    assert_eq!((gap.status(), header(&gap, "range")), (StatusCode::RANGE_NOT_SATISFIABLE, "0-5"));
    let progress = client.get(&location).await;
    assert_eq!((progress.status(), header(&progress, "range")), (StatusCode::NO_CONTENT, "0-5"));
    let end = client.send("PUT", &format!("{location}?digest={digest}"), &[], b"world").await;
    assert_eq!(end.status(), StatusCode::CREATED);

    let part = client.send("GET", &format!("/v2/shop/blobs/{digest}"), &[("range", "bytes=6-10")], b"").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(bytes(part).await, b"world");
    let head = client.send("HEAD", &format!("/v2/shop/blobs/{digest}"), &[], b"").await;
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "11"));
    assert_eq!(header(&head, "docker-content-digest"), digest.as_str());
}

#[tokio::test]
async fn content_that_is_not_what_it_says_is_refused() {
    let client = Client::new(registry());
    let other = Digest::of(b"other");
    let put = client.send("POST", &format!("/v2/shop/blobs/uploads/?digest={other}"), &[], b"bytes").await;
    assert_eq!(error(put).await.1, "DIGEST_INVALID");
    assert_eq!(error(client.get(&format!("/v2/shop/blobs/{other}")).await).await.1, "BLOB_UNKNOWN");
    let put = client.send("POST", "/v2/shop/blobs/uploads/?digest=md5:1", &[], b"bytes").await;
    assert_eq!(error(put).await.1, "DIGEST_INVALID");

    let body = manifest(&put_layer(&client.registry, b"{}"), &[]);
    let put = client.send("PUT", &format!("/v2/shop/manifests/{other}"), &[], &body).await;
    assert_eq!(error(put).await.1, "DIGEST_INVALID");
    let put = client.send("PUT", "/v2/shop/manifests/v1", &[], b"{\"schemaVersion\": 1}").await;
    assert_eq!(error(put).await.1, "MANIFEST_INVALID");
    let put = client.send("PUT", "/v2/shop/manifests/v1", &[], &manifest(&other, &[])).await;
    assert_eq!(error(put).await.1, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_by_tag_and_digest() {
    let client = Client::new(registry());
    let body = manifest(&put_layer(&client.registry, b"{}"), &[put_layer(&client.registry, b"layer")]);
    let put = client.send("PUT", "/v2/shop/manifests/v1", &[("content-type", OCI_MANIFEST)], &body).await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let digest = Digest::of(&body);
    assert_eq!(header(&put, "docker-content-digest"), digest.as_str());
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/shop/manifests/{reference}");
        let head = client.send("HEAD", &path, &[], b"").await;
        assert_eq!(header(&head, "content-length"), body.len().to_string());
        let got = client.get(&path).await;
        assert_eq!(header(&got, "content-type"), OCI_MANIFEST);
        assert_eq!(bytes(got).await, body);
    }
    assert_eq!(error(client.get("/v2/shop/manifests/v2").await).await.1, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_mount_from_another_repository_becomes_an_upload_as_on_ecr() {
    let client = Client::new(registry());
    client.registry.create_repository("copy", RepositorySettings::default()).unwrap();
    let digest = put_layer(&client.registry, b"shared");
    let path = format!("/v2/copy/blobs/uploads/?mount={digest}&from=shop");
    let mount = client.send("POST", &path, &[], b"").await;
    assert_eq!(mount.status(), StatusCode::ACCEPTED);
    let stolen = format!("{}?digest={digest}", header(&mount, "location").replace("/copy/", "/shop/"));
    assert_eq!(error(client.send("PUT", &stolen, &[], b"shared").await).await.1, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_unknown_repository_is_named_with_its_registry() {
    let client = Client::new(registry());
    for (method, path) in [
        ("POST", "/v2/nothing/blobs/uploads/"),
        ("GET", "/v2/nothing/manifests/v1"),
        ("GET", "/v2/nothing/tags/list"),
    ] {
        let (status, code, message) = error(client.send(method, path, &[], b"").await).await;
        assert_eq!((status, code.as_str()), (StatusCode::NOT_FOUND, "NAME_UNKNOWN"), "{method} {path}");
        assert_eq!(
            message,
            "The repository with name 'nothing' does not exist in the registry with id '123456789012'"
        );
    }
}

#[tokio::test]
async fn an_immutable_tag_stays_where_it_is() {
    let client = Client::new(registry());
    let settings = RepositorySettings { immutable: true, except: vec!["dev-*".into()], ..Default::default() };
    client.registry.delete_repository("shop", true).unwrap();
    client.registry.create_repository("shop", settings).unwrap();
    let first = manifest(&put_layer(&client.registry, b"{}"), &[]);
    let second = manifest(&put_layer(&client.registry, b"{ }"), &[]);
    for (tag, body, code) in [
        ("v1", &first, ""),
        ("v1", &first, ""),
        ("v1", &second, "TAG_INVALID"),
        ("dev-1", &first, ""),
        ("dev-1", &second, ""),
    ] {
        let put = client.send("PUT", &format!("/v2/shop/manifests/{tag}"), &[], body).await;
        if code.is_empty() {
            assert_eq!(put.status(), StatusCode::CREATED, "{tag}");
            continue;
        }
        let (status, found, message) = error(put).await;
        assert_eq!((status, found.as_str()), (StatusCode::BAD_REQUEST, code));
        assert_eq!(
            message,
            "The image tag 'v1' already exists in the 'shop' repository and cannot be overwritten because the tag \
             is immutable."
        );
    }
}

#[tokio::test]
async fn tags_come_in_pages() {
    let client = Client::new(registry());
    for tag in ["b", "a", "c"] {
        push(&client.registry, tag, "amd64", &[]);
    }
    let first = client.get("/v2/shop/tags/list?n=2").await;
    assert_eq!(header(&first, "link"), "</v2/shop/tags/list?n=2&last=b>; rel=\"next\"");
    let body: Value = serde_json::from_slice(&bytes(first).await).unwrap();
    assert_eq!(body, serde_json::json!({"name": "shop", "tags": ["a", "b"]}));
    let rest = client.get("/v2/shop/tags/list?n=2&last=b").await;
    assert_eq!(header(&rest, "link"), "");
    let body: Value = serde_json::from_slice(&bytes(rest).await).unwrap();
    assert_eq!(body["tags"], serde_json::json!(["c"]));
}
