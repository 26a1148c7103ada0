//! Images in the sandbox's registry.

use std::path::PathBuf;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sandbox::registry::{Digest, ImageKey, Registry};
use sandbox::{Options, RepositorySettings, Sandbox, real_parts};
use serde_json::{Value, json};

const REPOSITORY: &str = "startupwebapp-backend";

/// What `/bin` has in an image with a system.
const TOOLS: [&str; 6] = ["sh", "cat", "env", "ls", "readlink", "sleep"];

/// Options with a starter. None where this user gets no root for a container.
pub fn own_roots() -> Option<Options> {
    let mut namespaces = Command::new("unshare");
    namespaces.args(["--user", "--map-root-user", "--mount", "true"]);
    let possible =
        nix::unistd::geteuid().is_root() || namespaces.output().is_ok_and(|output| output.status.success());
    if !possible {
        return real_parts::skip(
            "a user namespace",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        );
    }
    Some(Options { starter: Some(env!("CARGO_BIN_EXE_sandbox").into()), ..Options::default() })
}

/// Pushes `startupwebapp-backend:latest` with this machine's shell, a few tools, their libraries and these files.
pub fn push_system(sandbox: &Sandbox, entry_point: &str, files: &[(&str, &[u8])]) {
    let tools = TOOLS.map(|name| PathBuf::from("/bin").join(name));
    let linked = Command::new("ldd").args(&tools).output().unwrap();
    assert!(linked.status.success(), "{linked:?}");
    // `name => /path (0x…)` or `/path (0x…)`.
    let linked = String::from_utf8(linked.stdout).unwrap();
    let libraries = linked.lines().filter_map(|line| {
        let (path, _) = line.rsplit_once(" (0x")?;
        path.split_whitespace().next_back().filter(|path| path.starts_with('/')).map(PathBuf::from)
    });
    let system: std::collections::BTreeMap<PathBuf, Vec<u8>> = tools
        .iter()
        .cloned()
        .chain(libraries)
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    let system =
        system.iter().map(|(path, bytes)| (path.to_str().unwrap().trim_start_matches('/'), bytes.as_slice()));
    push_files(sandbox, entry_point, &system.chain(files.iter().copied()).collect::<Vec<_>>());
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
