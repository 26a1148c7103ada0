use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::answer::AwsError;
use sandbox::ecr::handle;
use sandbox::registry::{Digest, ImageKey, Registry, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::image::{OCI_INDEX, manifest, push, put_layer, registry};

fn ok(registry: &Registry, operation: &str, input: Value) -> Value {
    handle(registry, operation, &input).unwrap()
}

fn refused(registry: &Registry, operation: &str, input: Value) -> AwsError {
    handle(registry, operation, &input).unwrap_err()
}

#[test]
fn a_token_is_a_login_for_docker() {
    let registry = registry();
    let answer = ok(&registry, "GetAuthorizationToken", json!({}));
    let data = &answer["authorizationData"][0];
    assert_eq!(data["proxyEndpoint"], "http://127.0.0.1:5000");
    let token = BASE64_STANDARD.decode(data["authorizationToken"].as_str().unwrap()).unwrap();
    assert!(token.starts_with(b"AWS:") && token.len() > 1_000);
    let hours = (data["expiresAt"].as_f64().unwrap() - jiff::Timestamp::now().as_second() as f64) / 3600.0;
    assert!((11.9..12.1).contains(&hours), "{hours}");
}

#[test]
fn repositories_are_created_described_and_deleted() {
    let registry = registry();
    let created = ok(
        &registry,
        "CreateRepository",
        json!({"repositoryName": "team/api", "imageTagMutability": "IMMUTABLE"}),
    );
    assert_eq!(created["repository"]["repositoryUri"], "127.0.0.1:5000/team/api");
    assert_eq!(
        created["repository"]["repositoryArn"],
        "arn:aws:ecr:us-east-1:123456789012:repository/team/api"
    );
    assert_eq!(created["repository"]["imageTagMutability"], "IMMUTABLE");
    let page = ok(&registry, "DescribeRepositories", json!({"maxResults": 1}));
    assert_eq!(page["repositories"][0]["repositoryName"], "shop");
    let rest =
        ok(&registry, "DescribeRepositories", json!({"maxResults": 1, "nextToken": page["nextToken"]}));
    assert_eq!(rest["repositories"][0]["repositoryName"], "team/api");
    assert_eq!(rest.get("nextToken"), None);

    let again = refused(&registry, "CreateRepository", json!({"repositoryName": "shop"}));
    assert_eq!(again.code, "RepositoryAlreadyExistsException");
    let bad = refused(&registry, "CreateRepository", json!({"repositoryName": "Shop"}));
    assert_eq!(bad.code, "InvalidParameterException");
    push(&registry, "v1", "amd64", &[]);
    let full = refused(&registry, "DeleteRepository", json!({"repositoryName": "shop"}));
    assert_eq!(full.code, "RepositoryNotEmptyException");
    ok(&registry, "DeleteRepository", json!({"repositoryName": "shop", "force": true}));
    let gone = refused(&registry, "DescribeRepositories", json!({"repositoryNames": ["shop"]}));
    assert_eq!(
        (gone.code.as_str(), gone.message.as_str()),
        (
            "RepositoryNotFoundException",
            "The repository with name 'shop' does not exist in the registry with id '123456789012'"
        )
    );
}

#[test]
fn batch_get_image_answers_what_is_there_and_what_is_not() {
    let registry = registry();
    let digest = push(&registry, "v1", "amd64", &[]);
    push(&registry, "other", "arm64", &[]);
    let answer = ok(
        &registry,
        "BatchGetImage",
        json!({"repositoryName": "shop", "imageIds": [
            {"imageTag": "v1"}, {"imageTag": "absent"}, {"imageTag": "other", "imageDigest": digest}, {},
        ]}),
    );
    let image = &answer["images"][0];
    assert_eq!(image["imageId"], json!({"imageDigest": digest, "imageTag": "v1"}));
    assert_eq!(Digest::of(image["imageManifest"].as_str().unwrap().as_bytes()), digest);
    let codes: Vec<_> =
        answer["failures"].as_array().unwrap().iter().map(|failure| &failure["failureCode"]).collect();
    assert_eq!(codes, ["ImageNotFound", "ImageTagDoesNotMatchDigest", "MissingDigestAndTag"]);
    assert_eq!(answer["failures"][0]["imageId"], json!({"imageTag": "absent"}));
}

#[test]
fn describe_images_throws_for_a_missing_one() {
    let registry = registry();
    let digest = push(&registry, "v1", "amd64", &[b"layer".to_vec()]);
    push(&registry, "v2", "arm64", &[]);
    let by_tag = json!({"repositoryName": "shop", "imageIds": [{"imageTag": "v1"}]});
    let detail = &ok(&registry, "DescribeImages", by_tag)["imageDetails"][0];
    assert_eq!((&detail["imageTags"], &detail["imageDigest"]), (&json!(["v1"]), &json!(digest)));
    assert_eq!(detail["imageSizeInBytes"], 10);
    assert!(detail["imagePushedAt"].is_f64());
    let page = ok(&registry, "DescribeImages", json!({"repositoryName": "shop", "maxResults": 1}));
    assert_eq!(page["imageDetails"].as_array().unwrap().len(), 1);
    assert!(page["nextToken"].is_string());
    let missing = refused(
        &registry,
        "DescribeImages",
        json!({"repositoryName": "shop", "imageIds": [{"imageTag": "no"}]}),
    );
    assert_eq!(missing.code, "ImageNotFoundException");
    assert_eq!(
        missing.message,
        "The image with imageId {imageDigest:'null', imageTag:'no'} does not exist within the repository with name \
         'shop' in the registry with id '123456789012'"
    );
}

#[test]
fn a_retag_is_a_put_of_the_same_bytes() {
    let registry = registry();
    let digest = push(&registry, "v1", "amd64", &[]);
    let get = json!({"repositoryName": "shop", "imageIds": [{"imageTag": "v1"}]});
    let image = ok(&registry, "BatchGetImage", get)["images"][0]["imageManifest"].clone();
    let put = |tag: &str| json!({"repositoryName": "shop", "imageManifest": image, "imageTag": tag});
    assert_eq!(refused(&registry, "PutImage", put("v1")).code, "ImageAlreadyExistsException");
    let put = ok(&registry, "PutImage", put("stable"));
    assert_eq!(put["image"]["imageId"], json!({"imageDigest": digest, "imageTag": "stable"}));
    let listed = ok(&registry, "ListImages", json!({"repositoryName": "shop"}));
    assert_eq!(listed["imageIds"].as_array().unwrap().len(), 2);
}

#[test]
fn an_image_that_has_expired_is_gone_with_its_tags_until_it_is_pushed_again() {
    let registry = registry();
    let digest = push(&registry, "v1", "amd64", &[]);
    let other = push(&registry, "v2", "arm64", &[]);
    let ask = |id: Value| {
        let input = json!({"repositoryName": "shop", "imageIds": [id]});
        let answer = ok(&registry, "BatchGetImage", input);
        (answer["images"].as_array().unwrap().len(), answer["failures"][0]["failureCode"].clone())
    };
    registry.expire_image("shop", &ImageKey::tag("v1").unwrap()).unwrap();
    let gone = (0, json!("ImageNotFound"));
    assert_eq!((ask(json!({"imageTag": "v1"})), ask(json!({"imageDigest": digest}))), (gone.clone(), gone));
    assert_eq!(ask(json!({"imageDigest": other})).0, 1);
    push(&registry, "v1", "amd64", &[]);
    assert_eq!((ask(json!({"imageTag": "v1"})).0, ask(json!({"imageDigest": digest})).0), (1, 1));
    registry.expire_image("never", &ImageKey::tag("v1").unwrap()).unwrap();
}

#[test]
fn put_image_needs_its_parts_and_respects_immutable_tags() {
    let registry = registry();
    let absent = Digest::of(b"absent");
    let put = |registry: &Registry, bytes: Vec<u8>, tag: &str| {
        let body = String::from_utf8(bytes).unwrap();
        refused(
            registry,
            "PutImage",
            json!({"repositoryName": "shop", "imageManifest": body, "imageTag": tag}),
        )
    };
    assert_eq!(put(&registry, manifest(&absent, &[]), "v1").code, "LayersNotFoundException");
    let index =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{"digest": absent, "size": 1}]});
    let index = index.to_string().into_bytes();
    assert_eq!(put(&registry, index, "v1").code, "ReferencedImagesNotFoundException");

    ok(&registry, "DeleteRepository", json!({"repositoryName": "shop"}));
    ok(&registry, "CreateRepository", json!({"repositoryName": "shop", "imageTagMutability": "IMMUTABLE"}));
    push(&registry, "v1", "amd64", &[]);
    let other = manifest(&put_layer(&registry, b"other"), &[]);
    assert_eq!(put(&registry, other, "v1").code, "ImageTagAlreadyExistsException");
}

#[tokio::test]
async fn layers_go_up_in_parts_and_come_down_without_a_login() {
    let registry = registry();
    let digest = Digest::of(b"hello world");
    let upload = ok(&registry, "InitiateLayerUpload", json!({"repositoryName": "shop"}))["uploadId"].clone();
    let part = |first: usize, last: usize, bytes: &[u8]| {
        json!({"repositoryName": "shop", "uploadId": upload, "partFirstByte": first, "partLastByte": last,
            "layerPartBlob": BASE64_STANDARD.encode(bytes)})
    };
    let complete = json!({"repositoryName": "shop", "uploadId": upload, "layerDigests": [digest]});
    assert_eq!(refused(&registry, "CompleteLayerUpload", complete.clone()).code, "EmptyUploadException");
    assert_eq!(ok(&registry, "UploadLayerPart", part(0, 5, b"hello "))["lastByteReceived"], 5);
    let gap = refused(&registry, "UploadLayerPart", part(7, 10, b"orld"));
    assert_eq!(
        (gap.code.as_str(), &gap.members["lastValidByteReceived"]),
        ("InvalidLayerPartException", &json!(5))
    );
    ok(&registry, "UploadLayerPart", part(6, 10, b"world"));
    ok(&registry, "CompleteLayerUpload", complete);
    let check = json!({"repositoryName": "shop", "layerDigests": [digest, Digest::of(b"no"), "x"]});
    let check = ok(&registry, "BatchCheckLayerAvailability", check);
    assert_eq!(check["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(check["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(check["failures"][0]["failureCode"], "InvalidLayerDigest");

    let address =
        ok(&registry, "GetDownloadUrlForLayer", json!({"repositoryName": "shop", "layerDigest": digest}));
    let address = address["downloadUrl"].as_str().unwrap().strip_prefix("http://127.0.0.1:5000").unwrap();
    for (path, status) in [
        (address.to_owned(), StatusCode::OK),
        (address.replace("X-Amz-Signature=", "X-Amz-Signature=0"), StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(router(registry.clone()).oneshot(request).await.unwrap().status(), status);
    }
}

#[test]
fn an_operation_that_ecr_does_not_have_is_unknown() {
    assert_eq!(refused(&registry(), "MakeCoffee", json!({})).code, "UnknownOperationException");
}

#[test]
fn pull_through_rules_are_kept_and_another_accounts_registry_is_not_this_one() {
    let registry = registry();
    let rule = json!({"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io"});
    assert_eq!(ok(&registry, "CreatePullThroughCacheRule", rule.clone())["registryId"], "123456789012");
    let twice = refused(&registry, "CreatePullThroughCacheRule", rule);
    assert_eq!(twice.code, "PullThroughCacheRuleAlreadyExistsException");
    let rules = ok(&registry, "DescribePullThroughCacheRules", json!({}));
    assert_eq!(rules["pullThroughCacheRules"][0]["ecrRepositoryPrefix"], "docker-hub");
    let named = json!({"ecrRepositoryPrefixes": ["quay"]});
    let unknown = refused(&registry, "DescribePullThroughCacheRules", named);
    assert_eq!(unknown.code, "PullThroughCacheRuleNotFoundException");

    ok(&registry, "DescribeRepositories", json!({"registryId": "123456789012", "repositoryNames": ["shop"]}));
    let other = json!({"registryId": "999999999999", "repositoryNames": ["shop"]});
    let other = refused(&registry, "DescribeRepositories", other);
    assert_eq!(other.code, "RepositoryNotFoundException");
    assert!(other.message.ends_with("in the registry with id '999999999999'"), "{}", other.message);
    let all = refused(&registry, "DescribeRepositories", json!({"registryId": "999999999999"}));
    assert_eq!(all.code, "AccessDeniedException");
}
