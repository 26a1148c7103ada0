//! Images without a program, for containers that scripts stand in for.

use anyhow::Context as _;
use serde_json::json;

use super::REPOSITORY;
use crate::Sandbox;
use crate::registry::{Digest, ImageKey};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes an image of no layers to the shop's repository, another one for each tag; returns its reference by digest.
///
/// # Errors
/// The tag is not one, or is on another image and immutable.
pub fn push_image(sandbox: &Sandbox, tag: &str) -> anyhow::Result<String> {
    let registry = sandbox.registry();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"tag": tag}},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = config.to_string();
    let digest = Digest::of(config.as_bytes());
    let pushed = || {
        let upload = registry.begin_upload(REPOSITORY)?;
        registry.append(REPOSITORY, &upload, None, config.as_bytes())?;
        registry.finish_upload(REPOSITORY, &upload, &digest)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest.as_str(),
                "size": config.len(),
            },
            "layers": [],
        });
        let key = ImageKey::tag(tag)?;
        registry.put_image(REPOSITORY, Some(&key), Some(OCI_MANIFEST), manifest.to_string().as_bytes())
    };
    let put = pushed().with_context(|| format!("push image {tag}"))?;
    Ok(format!("{}@{}", registry.repository_uri(REPOSITORY), put.digest))
}

/// Pushes an index of two images of the shop's repository, as [`push_image`] returns them; returns its own reference
/// by digest.
///
/// # Errors
/// One of the images is not there, or the tag is on another image and immutable.
pub fn push_index(sandbox: &Sandbox, tag: &str, amd64: &str, arm64: &str) -> anyhow::Result<String> {
    let registry = sandbox.registry();
    let image = |reference: &str, architecture: &str| {
        let digest = reference.split_once('@').map(|(_, digest)| digest);
        json!({
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": 1,
            "platform": {"architecture": architecture, "os": "linux"},
        })
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [image(amd64, "amd64"), image(arm64, "arm64")],
    });
    let pushed = || {
        let key = ImageKey::tag(tag)?;
        registry.put_image(REPOSITORY, Some(&key), Some(OCI_INDEX), index.to_string().as_bytes())
    };
    let put = pushed().with_context(|| format!("push index {tag}"))?;
    Ok(format!("{}@{}", registry.repository_uri(REPOSITORY), put.digest))
}
