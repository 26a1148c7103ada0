//! Pure: what an image's manifest says of the platforms that it is for.

use serde::Deserialize;

use crate::ports::ImagePlatform;

/// An OCI image index, or Docker's manifest list.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    platform: Option<ImagePlatform>,
}

/// The platforms of an index. None for the manifest of one image, whose configuration has the platform, and for an
/// index that leaves out the platform of any image: it may be any.
pub(super) fn platforms(manifest: &str) -> Option<Vec<ImagePlatform>> {
    let Index { manifests } = serde_json::from_str(manifest).ok()?;
    let platforms: Option<Vec<_>> = manifests.into_iter().map(|descriptor| descriptor.platform).collect();
    let mut platforms = platforms?;
    // What describes an image, such as BuildKit's attestations, is listed with the images and is none.
    platforms.retain(|platform| platform.os != "unknown" && platform.architecture != "unknown");
    Some(platforms)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_index_says_its_platforms_and_nothing_else_does() {
        let of = |platform: Value| json!({"digest": "sha256:0", "size": 1, "platform": platform});
        let amd64 = of(json!({"architecture": "amd64", "os": "linux"}));
        let arm64 = of(json!({"architecture": "arm64", "os": "linux", "variant": "v8"}));
        let windows = of(json!({"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.2227"}));
        let attestation = of(json!({"architecture": "unknown", "os": "unknown"}));
        let silent = json!({"digest": "sha256:0", "size": 1});
        for (manifests, expected) in [
            (json!([amd64]), Some(vec![("linux", "amd64")])),
            (json!([arm64, attestation]), Some(vec![("linux", "arm64")])),
            (json!([amd64, arm64, attestation]), Some(vec![("linux", "amd64"), ("linux", "arm64")])),
            (json!([windows]), Some(vec![("windows", "amd64")])),
            (json!([attestation]), Some(vec![])),
            (json!([amd64, silent]), None),
        ] {
            let read = platforms(&json!({"schemaVersion": 2, "manifests": manifests}).to_string());
            let read =
                read.map(|list| list.into_iter().map(|one| (one.os, one.architecture)).collect::<Vec<_>>());
            let expected = expected.map(|list| {
                list.into_iter()
                    .map(|(os, architecture)| (os.into(), architecture.into()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(read, expected, "{manifests}");
        }
        let single = json!({"schemaVersion": 2, "config": {"digest": "sha256:0"}, "layers": []});
        assert_eq!(platforms(&single.to_string()), None);
        assert_eq!(platforms("<html>"), None);
    }
}
