use std::fs;
use std::time::Duration;

use super::super::executable::tests::tiny_static;
use super::super::image;
use super::fake::{Fault, Registry};
use super::*;
use crate::adapters::secret::Secret;
use crate::failure::Failure;
use crate::ports::{BinaryImage, Repository};
use crate::progress::Progress;

pub(super) fn packaged(size: usize) -> PackagedImage {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app");
    // Bytes that do not compress: the layer is as large as the program.
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    let payload: Vec<u8> = (0..size).map(|_| noise()).collect();
    fs::write(&path, tiny_static(62, &payload)).unwrap();
    image::package(&BinaryImage { path, platform: "linux/amd64".into() }).unwrap()
}

pub(super) fn login(registry: &str, password: &str) -> RegistryLogin {
    RegistryLogin {
        registry: registry.into(),
        username: "AWS".into(),
        password: Secret::new(password),
        plain_http: true,
    }
}

pub(super) fn to(registry: &str) -> ImageTag {
    let repository = Repository { name: "app".into(), uri: format!("{registry}/app"), registry: None };
    ImageTag { repository, tag: "abc".into() }
}

/// Real sockets, so real time: short where a test waits for it, long where it must not matter.
pub(super) const QUICK: Limits = Limits {
    request: Duration::from_secs(30),
    stall: Duration::from_millis(300),
    first_pause: Duration::from_millis(1),
};

pub(super) async fn push_to(address: &str, password: &str, image: &PackagedImage) -> Result<String> {
    push(image, &to(address), &login(address, password), &QUICK, &*Progress::silent()).await
}

pub(super) async fn pushed(registry: &Registry, image: &PackagedImage) -> Result<String> {
    push_to(&registry.address, &registry.password, image).await
}

pub(super) fn failure(error: &anyhow::Error) -> &Failure {
    Failure::find(error).unwrap_or_else(|| panic!("no failure: {error:#}"))
}

#[tokio::test]
async fn an_image_arrives_whole_and_is_sent_once() {
    let registry = Registry::start().await;
    let image = packaged(3 * PIECE + 17);
    assert_eq!(pushed(&registry, &image).await.unwrap(), image.manifest_digest);
    assert_eq!(registry.manifest("abc"), image.manifest);
    for blob in &image.blobs {
        assert_eq!(registry.blob(&blob.digest).await, blob.content.data);
    }
    assert_eq!(registry.count("POST /v2/app/blobs/uploads/"), 2);

    pushed(&registry, &image).await.unwrap();
    assert_eq!(registry.count("POST /v2/app/blobs/uploads/"), 2, "the registry has both blobs already");
    assert_eq!(registry.count("PUT /v2/app/manifests/abc"), 2);
}

#[tokio::test]
async fn passing_trouble_at_every_step_is_survived() {
    for step in [
        "GET /v2/",
        "HEAD /v2/app/blobs/",
        "POST /v2/app/blobs/uploads/",
        "PUT /v2/app/blobs/uploads/",
        "PUT /v2/app/manifests/",
        "HEAD /v2/app/manifests/",
    ] {
        for fault in [Fault::HangUp, Fault::Answer(503, "busy")] {
            // How a registry wants to be authenticated to is in the header of any answer.
            if step == "GET /v2/" && matches!(fault, Fault::Answer(..)) {
                continue;
            }
            let registry = Registry::start().await;
            registry.fault(step, fault.clone());
            let image = packaged(100);
            let digest =
                pushed(&registry, &image).await.unwrap_or_else(|e| panic!("{step} {fault:?}: {e:#}"));
            assert_eq!(digest, image.manifest_digest);
        }
    }
}

#[tokio::test]
async fn trouble_that_does_not_pass_is_told_after_three_tries() {
    let registry = Registry::start().await;
    for _ in 0..3 {
        registry.fault("PUT /v2/app/manifests/", Fault::Answer(500, "internal"));
    }
    let error = pushed(&registry, &packaged(100)).await.unwrap_err();
    assert!(failure(&error).message.contains("could not be reached, or failed"), "{error:#}");
    assert_eq!(failure(&error).evidence, ["HTTP 500: internal"]);
    assert_eq!(registry.count("PUT /v2/app/manifests/"), 3);
}

#[tokio::test]
async fn refusals_are_final_and_have_their_cause() {
    let immutable = r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag 'abc' already exists in the 'app' repository and cannot be overwritten because the repository is immutable."}]}"#;
    let missing = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'app' does not exist in the registry with id '123456789012'"}]}"#;
    let denied = r#"{"errors":[{"code":"DENIED","message":"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:123456789012:repository/app"}]}"#;
    for (step, status, body, message, hint) in [
        ("PUT /v2/app/manifests/", 400, immutable, "tag abc exists already", "--image"),
        ("POST /v2/app/blobs/uploads/", 404, missing, "repository app does not exist", "create-repository"),
        ("POST /v2/app/blobs/uploads/", 403, denied, "denied", "ecr:InitiateLayerUpload"),
        ("POST /v2/app/blobs/uploads/", 403, "", "denied", "ecr:PutImage"),
        ("POST /v2/app/blobs/uploads/", 401, "Not Authorized", "did not accept the credentials", "account"),
    ] {
        let registry = Registry::start().await;
        registry.fault(step, Fault::Answer(status, body));
        let error = pushed(&registry, &packaged(100)).await.unwrap_err();
        let failure = failure(&error);
        assert!(failure.message.contains(message), "{status} {body}: {failure}");
        assert!(failure.hint.as_deref().unwrap().contains(hint), "{status} {body}: {:?}", failure.hint);
        assert_eq!(registry.count(step), 1);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let registry = Registry::start().await;
    let error = push_to(&registry.address, "hunter2", &packaged(100)).await.unwrap_err();
    assert!(failure(&error).message.contains("did not accept the credentials"), "{error:#}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn another_digest_than_ours_is_an_error() {
    let registry = Registry::start().await;
    registry.fault("HEAD /v2/app/manifests/", Fault::WrongDigest);
    let error = pushed(&registry, &packaged(100)).await.unwrap_err();
    assert!(error.to_string().ends_with(" was pushed"), "{error:#}");
}

#[tokio::test]
async fn a_silent_registry_and_a_closed_port_end_in_time() {
    let registry = Registry::start().await;
    for _ in 0..3 {
        registry.fault("POST /v2/app/blobs/uploads/", Fault::Silence);
    }
    let error = pushed(&registry, &packaged(100)).await.unwrap_err();
    assert_eq!(failure(&error).evidence, ["no answer for 300ms"]);
    assert_eq!(registry.count("POST /v2/app/blobs/uploads/"), 3);

    let closed = registry.address.clone();
    drop(registry);
    let error = push_to(&closed, "pw", &packaged(100)).await.unwrap_err();
    assert!(failure(&error).message.contains("could not be reached"), "{error:#}");
}

#[test]
fn an_error_tells_the_status_that_it_has() {
    let server = |code| OciDistributionError::ServerError { code, url: "u".into(), message: "m".into() };
    assert_eq!(answer_of(&server(503)), Answered::Status(503));
    assert_eq!(
        answer_of(&OciDistributionError::UnauthorizedError { url: "u".into() }),
        Answered::Status(401)
    );
    assert_eq!(answer_of(&OciDistributionError::AuthenticationFailure("no".into())), Answered::Somehow);
    assert_eq!(
        [Answered::Somehow, Answered::Not, Answered::Status(404)].map(|one| one.to_string()),
        ["answered", "none", "404"]
    );
}
