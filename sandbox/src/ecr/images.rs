use serde_json::{Value, json};

use super::errors::exception;
use super::{epoch, invalid, page, repository_name, text};
use crate::answer::{Answer, AwsError};
use crate::registry::{Digest, Image, ImageKey, Registry, RegistryError, Repository};

/// BatchGetImage takes at most this many image ids.
const IDS_LIMIT: usize = 100;

pub(super) fn list(registry: &Registry, input: &Value) -> Answer {
    let repository = find(registry, input)?;
    let wanted = tag_status(input);
    let ids = repository.images.keys().flat_map(|digest| {
        let tags: Vec<&str> = repository.tags_of(digest).collect();
        match (tags.is_empty(), wanted) {
            (true, TagStatus::Any | TagStatus::Untagged) => vec![json!({"imageDigest": digest})],
            (false, TagStatus::Any | TagStatus::Tagged) => {
                tags.iter().map(|tag| json!({"imageDigest": digest, "imageTag": tag})).collect()
            }
            _ => vec![],
        }
    });
    page(input, "imageIds", ids.collect(), 100)
}

pub(super) fn describe(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    let repository = find(registry, input)?;
    let described: Vec<Value> = match input["imageIds"].as_array() {
        None => {
            let wanted = tag_status(input);
            let all = repository.images.iter().filter(|(digest, _)| {
                let tagged = repository.tags_of(digest).next().is_some();
                wanted == TagStatus::Any || tagged == (wanted == TagStatus::Tagged)
            });
            all.map(|(digest, image)| detail(registry, name, &repository, digest, image)).collect()
        }
        Some(ids) => {
            let mut found = Vec::new();
            for id in ids {
                let (digest, image) =
                    resolve(name, &repository, id).map_err(exception(registry.account()))?;
                let detail = detail(registry, name, &repository, &digest, &image);
                if !found.contains(&detail) {
                    found.push(detail);
                }
            }
            found
        }
    };
    page(input, "imageDetails", described, 100)
}

/// Answers the images that are there and, without an exception, the ids that are not.
pub(super) fn batch_get(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    let repository = find(registry, input)?;
    let ids = input["imageIds"].as_array().map_or(&[][..], Vec::as_slice);
    if !(1..=IDS_LIMIT).contains(&ids.len()) {
        return Err(invalid(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length less than or \
             equal to 100'",
        ));
    }
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let found = resolve(name, &repository, id)
            .and_then(|(digest, _)| registry.manifest(name, &ImageKey::Digest(digest)));
        match found {
            Ok(manifest) => {
                let mut answered = json!({"imageDigest": manifest.digest});
                if let Some(tag) = id["imageTag"].as_str() {
                    answered["imageTag"] = tag.into();
                }
                images.push(json!({
                    "registryId": registry.account(),
                    "repositoryName": name,
                    "imageId": answered,
                    "imageManifest": String::from_utf8_lossy(&manifest.bytes),
                    "imageManifestMediaType": manifest.media_type,
                }));
            }
            Err(error) => failures.push(failure(id, &error)),
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

pub(super) fn put(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    let manifest = text(input, "imageManifest")?;
    let tag = input["imageTag"].as_str();
    let failed = exception(registry.account());
    if let Some(expected) = input["imageDigest"].as_str() {
        let expected = Digest::parse(expected).map_err(&failed)?;
        let found = Digest::of(manifest.as_bytes());
        if expected != found {
            return Err(failed(RegistryError::DigestMismatch { expected, found }));
        }
    }
    let key = tag.map(ImageKey::tag).transpose().map_err(&failed)?;
    let media_type = input["imageManifestMediaType"].as_str();
    let put = registry.put_image(name, key.as_ref(), media_type, manifest.as_bytes()).map_err(&failed)?;
    if put.unchanged {
        return Err(AwsError::client(
            "ImageAlreadyExistsException",
            format!(
                "Image with digest '{}' and tag '{}' already exists in the repository with name '{name}' in registry \
                 with id '{}'",
                put.digest,
                tag.unwrap_or("null"),
                registry.account()
            ),
        ));
    }
    let stored = registry.manifest(name, &ImageKey::Digest(put.digest)).map_err(&failed)?;
    let mut id = json!({"imageDigest": stored.digest});
    if let Some(tag) = tag {
        id["imageTag"] = tag.into();
    }
    Ok(json!({"image": {
        "registryId": registry.account(),
        "repositoryName": name,
        "imageId": id,
        "imageManifest": manifest,
        "imageManifestMediaType": stored.media_type,
    }}))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TagStatus {
    Any,
    Tagged,
    Untagged,
}

fn tag_status(input: &Value) -> TagStatus {
    match input["filter"]["tagStatus"].as_str() {
        Some("TAGGED") => TagStatus::Tagged,
        Some("UNTAGGED") => TagStatus::Untagged,
        _ => TagStatus::Any,
    }
}

fn find(registry: &Registry, input: &Value) -> Result<Repository, AwsError> {
    registry.repository(repository_name(input)?).map_err(exception(registry.account()))
}

/// Finds an image by its id: a tag, a digest, or both, which must then agree.
fn resolve(name: &str, repository: &Repository, id: &Value) -> Result<(Digest, Image), RegistryError> {
    let missing = |reference: &str| RegistryError::ImageNotFound {
        repository: name.to_owned(),
        reference: reference.to_owned(),
    };
    let (tag, digest) = (id["imageTag"].as_str(), id["imageDigest"].as_str());
    let digest = match (tag, digest) {
        (None, None) => return Err(RegistryError::InvalidTag { tag: String::new() }),
        (None, Some(digest)) => Digest::parse(digest)?,
        (Some(tag), None) => repository.tags.get(tag).cloned().ok_or_else(|| missing(tag))?,
        (Some(tag), Some(digest)) => {
            let digest = Digest::parse(digest)?;
            if repository.tags.get(tag) != Some(&digest) {
                return Err(RegistryError::TagElsewhere {
                    repository: name.to_owned(),
                    tag: tag.to_owned(),
                    digest,
                });
            }
            digest
        }
    };
    let image = repository.images.get(&digest).cloned().ok_or_else(|| missing(digest.as_str()))?;
    Ok((digest, image))
}

fn failure(id: &Value, error: &RegistryError) -> Value {
    let (code, reason) = match error {
        RegistryError::ImageNotFound { .. } => ("ImageNotFound", "Requested image not found".to_owned()),
        RegistryError::TagElsewhere { .. } => ("ImageTagDoesNotMatchDigest", error.to_string()),
        RegistryError::InvalidDigest { .. } => {
            ("InvalidImageDigest", "Invalid request parameters".to_owned())
        }
        RegistryError::InvalidTag { .. } => (
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null".to_owned(),
        ),
        _ => ("InvalidImageTag", error.to_string()),
    };
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

fn detail(registry: &Registry, name: &str, repository: &Repository, digest: &Digest, image: &Image) -> Value {
    let mut detail = json!({
        "registryId": registry.account(),
        "repositoryName": name,
        "imageDigest": digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": epoch(image.pushed_at),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    });
    let tags: Vec<&str> = repository.tags_of(digest).collect();
    if !tags.is_empty() {
        detail["imageTags"] = tags.into();
    }
    if let Some(media_type) = &image.artifact_media_type {
        detail["artifactMediaType"] = media_type.as_str().into();
    }
    detail
}
