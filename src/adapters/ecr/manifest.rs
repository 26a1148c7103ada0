//! Pure: what the index of an image says of the platforms that it is for, and of the image for each.

use serde::Deserialize;

use crate::ports::{ImagePlatform, IndexedImage};

/// An OCI image index, or Docker's manifest list.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<ImagePlatform>,
}

/// Returns the images of an index. `None` for the manifest of one image, whose configuration has the platform, and
/// for an index that omits the platform of any image: it may be any.
pub(super) fn index(manifest: &str) -> Option<Vec<IndexedImage>> {
    let Index { manifests } = serde_json::from_str(manifest).ok()?;
    let image = |Descriptor { digest, platform }| Some(IndexedImage { platform: platform?, digest });
    let images: Option<Vec<_>> = manifests.into_iter().map(image).collect();
    let mut images = images?;
    // What describes an image, such as BuildKit's attestations, is listed with the images and is not one.
    images.retain(|IndexedImage { platform, .. }| {
        platform.os != "unknown" && platform.architecture != "unknown"
    });
    Some(images)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_index_says_its_platforms_and_the_image_of_each_and_nothing_else_does() {
        let of = |digest: &str, platform: Value| json!({"digest": digest, "size": 1, "platform": platform});
        let amd64 = of("sha256:1", json!({"architecture": "amd64", "os": "linux"}));
        let arm64 = of("sha256:2", json!({"architecture": "arm64", "os": "linux", "variant": "v8"}));
        let windows = of(
            "sha256:3",
            json!({"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.2227"}),
        );
        let attestation = of("sha256:4", json!({"architecture": "unknown", "os": "unknown"}));
        let silent = json!({"digest": "sha256:0", "size": 1});
        for (manifests, expected) in [
            (json!([amd64]), Some(vec![("linux", "amd64", "sha256:1")])),
            (json!([arm64, attestation]), Some(vec![("linux", "arm64", "sha256:2")])),
            (
                json!([amd64, arm64, attestation]),
                Some(vec![("linux", "amd64", "sha256:1"), ("linux", "arm64", "sha256:2")]),
            ),
            (json!([windows]), Some(vec![("windows", "amd64", "sha256:3")])),
            (json!([attestation]), Some(vec![])),
            (json!([amd64, silent]), None),
        ] {
            let read = index(&json!({"schemaVersion": 2, "manifests": manifests}).to_string());
            let read = read.map(|list| {
                let image = |one: IndexedImage| (one.platform.os, one.platform.architecture, one.digest);
                list.into_iter().map(image).collect::<Vec<_>>()
            });
            let expected = expected.map(|list| {
                let image = |(os, architecture, digest): (&str, &str, &str)| {
                    (os.to_owned(), architecture.to_owned(), digest.to_owned())
                };
                list.into_iter().map(image).collect::<Vec<_>>()
            });
            assert_eq!(read, expected, "{manifests}");
        }
        let single = json!({"schemaVersion": 2, "config": {"digest": "sha256:0"}, "layers": []});
        assert_eq!(index(&single.to_string()), None);
        assert_eq!(index("<html>"), None);
    }
}
