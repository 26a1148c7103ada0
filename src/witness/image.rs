//! An image as its registry has it, and the same image with one more layer.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ImageProcess;
use super::layer::{Layer, digest};
use crate::failure::Failure;

/// The manifest and the configuration of an image for one platform, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// Its media type, as the registry names it.
    pub media_type: String,
    pub manifest: Vec<u8>,
    pub configuration: Vec<u8>,
}

/// An image with the witness, ready to be pushed beside the one that it is made from: all its other layers are there.
#[derive(Clone, PartialEq, Eq)]
pub struct WithWitness {
    /// `sha256:…` of [`WithWitness::manifest`].
    pub digest: String,
    pub media_type: String,
    pub manifest: Vec<u8>,
    pub configuration: Vec<u8>,
    pub configuration_type: String,
    pub layer: Layer,
    pub layer_type: &'static str,
    /// What the image starts by itself.
    pub process: ImageProcess,
}

impl std::fmt::Debug for WithWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithWitness").field("digest", &self.digest).field("process", &self.process).finish()
    }
}

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Each manifest's own type of a layer that is compressed with gzip (OCI image layer, Docker image manifest v2).
const LAYER_TYPES: [(&str, &str); 2] = [
    (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+gzip"),
    (DOCKER_MANIFEST, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
];

/// As many layers as the overlay driver of a Docker Engine mounts.
const MOST_LAYERS: usize = 127;

/// What every history of this layer says, whenever it is made.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// `null` and absent mean the same: docker writes either.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
}

impl StoredContent {
    /// Returns the digest of the configuration that a manifest names.
    ///
    /// # Errors
    /// It is the manifest of no image.
    pub(crate) fn configuration_of(manifest: &[u8], image: &str) -> Result<String, Failure> {
        let manifest: Value =
            serde_json::from_slice(manifest).map_err(|error| unreadable(image, &error.to_string()))?;
        let configuration = manifest["config"]["digest"].as_str().map(str::to_owned);
        configuration.ok_or_else(|| unreadable(image, "its manifest names no configuration"))
    }

    /// Returns what the image starts.
    ///
    /// # Errors
    /// The configuration is not that of an image.
    pub(crate) fn process(&self, image: &str) -> Result<ImageProcess, Failure> {
        let configuration = object(&self.configuration, image)?;
        let process = configuration.get("config").cloned().unwrap_or(Value::Null);
        let process: Option<Process> =
            serde_json::from_value(process).map_err(|error| unreadable(image, &error.to_string()))?;
        let Process { entrypoint, cmd } = process.unwrap_or_default();
        Ok(ImageProcess { entry_point: entrypoint.unwrap_or_default(), command: cmd.unwrap_or_default() })
    }

    /// Adds the layer: the same image and the same layer give the same digest.
    ///
    /// # Errors
    /// It is no image that a layer can be added to.
    pub(crate) fn with(&self, layer: &Layer, image: &str) -> Result<WithWitness, Failure> {
        let Some((_, layer_type)) = LAYER_TYPES.iter().find(|(manifest, _)| *manifest == self.media_type)
        else {
            return Err(unreadable(image, &format!("no layer can be added to a {}", self.media_type)));
        };
        let mut manifest = object(&self.manifest, image)?;
        let mut configuration = object(&self.configuration, image)?;
        let layers = manifest.get_mut("layers").and_then(Value::as_array_mut);
        let files =
            configuration.get_mut("rootfs").and_then(|files| files.get_mut("diff_ids")?.as_array_mut());
        let (Some(layers), Some(files)) = (layers, files) else {
            return Err(unreadable(image, "its manifest or its configuration lists no layers"));
        };
        if layers.len() != files.len() {
            let (of_manifest, of_configuration) = (layers.len(), files.len());
            let why =
                format!("its manifest has {of_manifest} layers, and its configuration {of_configuration}");
            return Err(unreadable(image, &why));
        }
        if layers.len() >= MOST_LAYERS {
            let why = format!("it has {} layers, and an image can have {MOST_LAYERS}", layers.len());
            return Err(Failure::input(format!("add the witness to image {image}: {why}"))
                .hint("build the image with fewer layers: join RUN lines, or copy from a stage"));
        }
        layers.push(json!({"mediaType": layer_type, "digest": layer.digest, "size": layer.compressed.len()}));
        files.push(json!(layer.diff_id));
        if let Some(history) = configuration.get_mut("history").and_then(Value::as_array_mut) {
            history.push(json!({"created": EPOCH, "created_by": "fargate-migrate --witness"}));
        }
        let process = self.process(image)?;
        let configuration = Value::Object(configuration).to_string().into_bytes();
        let described = manifest.get_mut("config").and_then(Value::as_object_mut);
        let Some(described) = described else {
            return Err(unreadable(image, "its manifest names no configuration"));
        };
        let configuration_type =
            described.get("mediaType").and_then(Value::as_str).unwrap_or_default().to_owned();
        described.insert("digest".into(), digest(&configuration).into());
        described.insert("size".into(), configuration.len().into());
        // A copy inside of the manifest would be that of the other configuration.
        described.remove("data");
        let manifest = Value::Object(manifest).to_string().into_bytes();
        Ok(WithWitness {
            digest: digest(&manifest),
            media_type: self.media_type.clone(),
            manifest,
            configuration,
            configuration_type,
            layer: layer.clone(),
            layer_type,
            process,
        })
    }
}

fn object(bytes: &[u8], image: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(image, &error.to_string()))
}

fn unreadable(image: &str, why: &str) -> Failure {
    Failure::service(format!("add the witness to image {image}: {why}"))
        .hint("build the image again, or copy the witness into it in its Dockerfile (docs/witness.md)")
}

/// Returns the tag of an image with the witness: `<tag>-witness`; where the image has no tag, or one that is too
/// long, the first digits of its digest are its tag.
pub(crate) fn tag(of: Option<&str>, digest: &str) -> String {
    // A tag has at most 128 characters (OCI distribution).
    let of = of.filter(|tag| tag.len() + "-witness-01234567".len() <= 128);
    let own = || format!("sha256-{}", first_digits(digest, 12));
    format!("{}-witness", of.map_or_else(own, str::to_owned))
}

/// Returns the tag for the case that the first one is another image's: made with another executable, or moved.
pub(crate) fn other_tag(tag: &str, with_witness: &str) -> String {
    format!("{tag}-{}", first_digits(with_witness, 8))
}

fn first_digits(digest: &str, count: usize) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.get(..count).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(media_type: &str, layers: usize, process: &Value) -> StoredContent {
        let layer = |at: usize| json!({"mediaType": "x", "digest": format!("sha256:{at}"), "size": 1});
        let configuration = json!({
            "created": "2026-01-02T03:04:05Z", "architecture": "arm64", "os": "linux", "config": process,
            "rootfs": {"type": "layers", "diff_ids": (0..layers).map(|at| format!("sha256:d{at}")).collect::<Vec<_>>()},
            "history": [{"created_by": "RUN x"}], "moby.buildkit.cache.v0": "kept",
        });
        let configuration = configuration.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": {"mediaType": "configuration/type", "digest": digest(&configuration), "size": configuration.len()},
            "layers": (0..layers).map(layer).collect::<Vec<_>>(), "annotations": {"kept": "yes"},
        });
        StoredContent {
            media_type: media_type.into(),
            manifest: manifest.to_string().into_bytes(),
            configuration,
        }
    }

    fn json_of(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).expect("JSON")
    }

    #[test]
    fn one_layer_is_added_and_all_else_stays() {
        let layer = Layer::of(b"witness").unwrap();
        let process =
            json!({"Entrypoint": ["tini", "--"], "Cmd": ["app"], "User": "1000", "WorkingDir": "/app"});
        for (manifest_type, layer_type) in LAYER_TYPES {
            let before = stored(manifest_type, 2, &process);
            let after = before.with(&layer, "shop:1").unwrap();
            assert_eq!(after, before.with(&layer, "shop:1").unwrap(), "the same bytes each time");
            assert_eq!(after.digest, digest(&after.manifest));
            let mut manifest = json_of(&before.manifest);
            manifest["config"]["digest"] = json!(digest(&after.configuration));
            manifest["config"]["size"] = json!(after.configuration.len());
            let added =
                json!({"mediaType": layer_type, "digest": layer.digest, "size": layer.compressed.len()});
            manifest["layers"].as_array_mut().unwrap().push(added);
            assert_eq!(json_of(&after.manifest), manifest);
            let mut configuration = json_of(&before.configuration);
            configuration["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(layer.diff_id));
            let line = json!({"created": EPOCH, "created_by": "fargate-migrate --witness"});
            configuration["history"].as_array_mut().unwrap().push(line);
            assert_eq!(json_of(&after.configuration), configuration);
            assert_eq!(after.configuration_type, "configuration/type");
            let expected =
                ImageProcess { entry_point: vec!["tini".into(), "--".into()], command: vec!["app".into()] };
            assert_eq!(after.process, expected);
        }
    }

    #[test]
    fn an_image_may_start_nothing_by_itself() {
        for process in [json!(null), json!({}), json!({"Entrypoint": null, "Cmd": null})] {
            assert_eq!(
                stored(OCI_MANIFEST, 1, &process).process("x").unwrap(),
                ImageProcess::default(),
                "{process}"
            );
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let layer = Layer::of(b"witness").unwrap();
        let of = |content: &StoredContent| content.with(&layer, "shop:1").expect_err("refused").message;
        let sound = stored(OCI_MANIFEST, 1, &json!({}));
        assert!(
            of(&StoredContent { media_type: OCI_INDEX.into(), ..sound.clone() })
                .contains("no layer can be added")
        );
        assert!(
            of(&StoredContent { manifest: b"<html>".to_vec(), ..sound.clone() }).contains("shop:1: expected")
        );
        assert!(of(&StoredContent { manifest: b"{}".to_vec(), ..sound.clone() }).contains("lists no layers"));
        assert!(
            of(&StoredContent { configuration: b"{}".to_vec(), ..sound.clone() }).contains("lists no layers")
        );
        let other = stored(OCI_MANIFEST, 2, &json!({}));
        let mixed = StoredContent { configuration: other.configuration, ..sound.clone() };
        assert!(of(&mixed).contains("its manifest has 1 layers, and its configuration 2"));
        assert!(of(&stored(OCI_MANIFEST, 127, &json!({}))).contains("an image can have 127"));
        assert!(of(&stored(OCI_MANIFEST, 1, &json!({"Cmd": "a shell's line"}))).contains("shop:1: "));
    }

    #[test]
    fn the_configuration_is_found_by_the_manifest() {
        let content = stored(OCI_MANIFEST, 1, &json!({}));
        let found = StoredContent::configuration_of(&content.manifest, "x").unwrap();
        assert_eq!(found, digest(&content.configuration));
        assert!(StoredContent::configuration_of(b"{}", "x").is_err());
    }

    #[test]
    fn a_tag_tells_the_image_that_it_is_made_from() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(tag(Some("v1"), &digest), "v1-witness");
        assert_eq!(tag(None, &digest), "sha256-0123456789ab-witness");
        assert_eq!(tag(Some(&"v".repeat(128)), &digest), "sha256-0123456789ab-witness");
        assert_eq!(other_tag("v1-witness", &digest), "v1-witness-01234567");
        assert_eq!(other_tag(&tag(Some(&"v".repeat(111)), &digest), &digest).len(), 128);
    }
}
