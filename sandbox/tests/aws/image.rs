//! Images with one program in them, in the sandbox's registry.

use flate2::Compression;
use flate2::write::GzEncoder;
use sandbox::registry::{Digest, ImageKey, Registry};
use sandbox::{RepositorySettings, Sandbox};
use serde_json::{Value, json};

const REPOSITORY: &str = "startupwebapp-backend";

/// Pushes `startupwebapp-backend:latest`, with `/bin/NAME` as its only file and entry point.
pub fn push_program(sandbox: &Sandbox, name: &str, program: &[u8]) {
    push_files(sandbox, name, &[(&format!("bin/{name}"), program)]);
}

/// Pushes `startupwebapp-backend:latest` with these files, all of them executable.
pub fn push_files(sandbox: &Sandbox, entry_point: &str, files: &[(&str, &[u8])]) {
    sandbox.create_repository(REPOSITORY, RepositorySettings::default());
    let registry = sandbox.registry();
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        header.set_mode(0o755);
        archive.append_data(&mut header, path, *bytes).unwrap();
    }
    let archive = archive.into_inner().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, &archive).unwrap();
    let layer = push_blob(registry, &packed.finish().unwrap());
    let config = json!({
        "architecture": std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "os": "linux",
        "config": { "Entrypoint": [entry_point], "Env": ["PATH=/bin:/usr/bin", "FROM_IMAGE=yes"] },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&archive).as_str()] },
    });
    let config = push_blob(registry, config.to_string().as_bytes());
    let media = |kind: &str| format!("application/vnd.oci.image.{kind}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media("manifest.v1+json"),
        "config": { "mediaType": media("config.v1+json"), "digest": config.0, "size": config.1 },
        "layers": [{ "mediaType": media("layer.v1.tar+gzip"), "digest": layer.0, "size": layer.1 }],
    });
    let latest = ImageKey::tag("latest").unwrap();
    registry.put_image(REPOSITORY, Some(&latest), None, manifest.to_string().as_bytes()).unwrap();
}

/// Digest and size.
fn push_blob(registry: &Registry, bytes: &[u8]) -> (Value, usize) {
    let digest = Digest::of(bytes);
    let upload = registry.begin_upload(REPOSITORY).unwrap();
    registry.append(REPOSITORY, &upload, None, bytes).unwrap();
    registry.finish_upload(REPOSITORY, &upload, &digest).unwrap();
    (json!(digest.as_str()), bytes.len())
}
