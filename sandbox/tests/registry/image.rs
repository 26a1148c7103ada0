use std::io::Write as _;

use sandbox::registry::{Digest, ImageKey, Registry, RegistrySettings, RepositorySettings};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

pub const ACCOUNT: &str = "123456789012";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry with the repository `shop`.
pub fn registry() -> Registry {
    let registry = Registry::new(RegistrySettings::new(ACCOUNT, "us-east-1", "127.0.0.1:5000")).unwrap();
    registry.create_repository("shop", RepositorySettings::default()).unwrap();
    registry
}

pub fn put_layer(registry: &Registry, bytes: &[u8]) -> Digest {
    let upload = registry.begin_upload("shop").unwrap();
    registry.append("shop", &upload, Some(0), bytes).unwrap();
    let digest = Digest::of(bytes);
    registry.finish_upload("shop", &upload, &digest).unwrap();
    digest
}

/// The manifest of an image whose layers and configuration are in the registry already.
pub fn manifest(config: &Digest, layers: &[Digest]) -> Vec<u8> {
    let layers: Vec<Value> = layers
        .iter()
        .map(|digest| json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 10}))
        .collect();
    let config =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 10});
    // Spaces that no serialiser writes: bytes must be kept, not rewritten.
    format!(
        "{{ \"schemaVersion\": 2,  \"mediaType\": \"{OCI_MANIFEST}\", \"config\": {config}, \"layers\": {} }}\n",
        Value::from(layers)
    )
    .into_bytes()
}

/// Pushes an image of these layers for an architecture, under a tag.
pub fn push(registry: &Registry, tag: &str, architecture: &str, layers: &[Vec<u8>]) -> Digest {
    let config = json!({
        "os": "linux",
        "architecture": architecture,
        "config": {
            "Entrypoint": ["/app"],
            "Cmd": ["migrate"],
            "Env": ["PATH=/bin", "MODE=a=b", "PATH=/usr/bin"],
            "WorkingDir": "/srv",
            "User": "1000",
        },
    });
    let config = put_layer(registry, config.to_string().as_bytes());
    let layers: Vec<Digest> = layers.iter().map(|layer| put_layer(registry, layer)).collect();
    let key = ImageKey::tag(tag).unwrap();
    registry.put_image("shop", Some(&key), Some(OCI_MANIFEST), &manifest(&config, &layers)).unwrap().digest
}

/// The architecture of this machine in the words of images.
pub fn here() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// A layer of entries: path, type, and content or link target.
pub fn layer(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, kind, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        let is_link = kind.is_symlink() || kind.is_hard_link();
        header.set_size(if is_link || kind.is_dir() { 0 } else { text.len() as u64 });
        // Written as bytes: the builder's own methods refuse the hostile names that are wanted here.
        let gnu = header.as_gnu_mut().unwrap();
        (&mut gnu.name[..]).write_all(path.as_bytes()).unwrap();
        if is_link {
            (&mut gnu.linkname[..]).write_all(text.as_bytes()).unwrap();
        }
        header.set_cksum();
        archive.append(&header, if is_link { "".as_bytes() } else { text.as_bytes() }).unwrap();
    }
    archive.into_inner().unwrap()
}
