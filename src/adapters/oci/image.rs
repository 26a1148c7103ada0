//! The image around one executable: a layer, a configuration and a manifest, the same bytes for the same file.
//!
//! Besides the program the layer has what a C library looks up by path: users, where names are resolved, and a
//! writable `/tmp`. It has no CA certificates: those of the machine that packages would make two machines give two
//! digests. A program that speaks TLS brings its own, as rustls programs do with webpki-roots.

use anyhow::{Context, Result};
use oci_client::client::ImageLayer;
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde_json::json;
use tar::EntryType;

use super::executable::{self, Platform};
use crate::bounded_file;
use crate::failure::Failure;
use crate::ports::BinaryImage;
use crate::witness::image::WithWitness;
use crate::witness::layer::{digest, gzip};

/// The user `nonroot`, as in distroless images.
const USER: u32 = 65532;

/// A moment that is always the same.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// An image that is ready to be pushed.
#[derive(Debug, Clone)]
pub struct PackagedImage {
    /// `sha256:…` of [`PackagedImage::manifest`]: the image's digest.
    pub manifest_digest: String,
    pub manifest: Vec<u8>,
    pub media_type: String,
    /// In the order of a push: what the manifest names must be there before it.
    pub blobs: Vec<Blob>,
}

/// A piece of content under its digest.
#[derive(Clone)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// The bytes with their media type; cloning it copies neither.
    pub content: ImageLayer,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.digest, self.size())
    }
}

impl From<&WithWitness> for PackagedImage {
    /// Takes what is new: the other layers are where the image that it is made from is.
    fn from(image: &WithWitness) -> Self {
        let WithWitness { layer, layer_type, .. } = image;
        let layer = Blob {
            digest: layer.digest.clone(),
            content: ImageLayer::new(layer.compressed.clone(), (*layer_type).to_owned(), None),
        };
        Self {
            manifest_digest: image.digest.clone(),
            manifest: image.manifest.clone(),
            media_type: image.media_type.clone(),
            blobs: vec![layer, Blob::new(image.configuration.clone(), &image.configuration_type)],
        }
    }
}

impl Blob {
    fn new(bytes: Vec<u8>, media_type: &str) -> Self {
        let digest = digest(&bytes);
        Self { digest, content: ImageLayer::new(bytes, media_type.to_owned(), None) }
    }

    pub fn size(&self) -> u64 {
        self.content.data.len() as u64
    }

    /// Describes the blob as a manifest names it.
    fn descriptor(&self) -> serde_json::Value {
        json!({ "mediaType": self.content.media_type, "digest": self.digest, "size": self.size() })
    }
}

/// Bytes: it is held in memory, with its layer.
const LARGEST_PROGRAM: u64 = 2 << 30;

/// Packages an executable; the same file gives the same digest.
///
/// # Errors
/// A [`Failure`] when there is no such file, or it is not a static executable for the platform.
pub fn package(binary: &BinaryImage) -> Result<PackagedImage> {
    let platform = Platform::find(&binary.platform)?;
    let path = binary.path.display();
    let name = program_name(binary)?;
    let program = bounded_file::read(&binary.path, LARGEST_PROGRAM).map_err(|error| {
        Failure::input(format!("package {path}: {error}"))
            .hint("build the program first, and give its path with --binary")
    })?;
    executable::check(&program, &binary.path, platform)?;

    let layer = layer(&program, name).with_context(|| format!("package {path}"))?;
    let config = Blob::new(config(platform, name, &digest(&layer)), IMAGE_CONFIG_MEDIA_TYPE);
    let layer = Blob::new(gzip(&layer)?, IMAGE_LAYER_GZIP_MEDIA_TYPE);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_MEDIA_TYPE,
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
    })
    .to_string()
    .into_bytes();
    Ok(PackagedImage {
        manifest_digest: digest(&manifest),
        manifest,
        media_type: OCI_IMAGE_MEDIA_TYPE.to_owned(),
        blobs: vec![layer, config],
    })
}

/// Returns the file's name, which becomes a path in the image and the command's first word.
fn program_name(binary: &BinaryImage) -> Result<&str, Failure> {
    let allowed = |name: &&str| {
        name.len() <= 64
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
    };
    binary.path.file_name().and_then(|name| name.to_str()).filter(allowed).ok_or_else(|| {
        Failure::input(format!("package {:?}: its name cannot be a command's", binary.path)).hint(
            "rename it: at most 64 letters, digits, `.`, `_`, `-` and `+`, beginning with a letter or digit",
        )
    })
}

/// Makes a tar file in which everything belongs to root and is of the same moment, whatever the file on disk says.
fn layer(program: &[u8], name: &str) -> std::io::Result<Vec<u8>> {
    let passwd =
        format!("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/:/sbin/nologin\n");
    let group = format!("root:x:0:\nnonroot:x:{USER}:\n");
    // Without it a C library asks DNS before /etc/hosts, where a container's own name is.
    let name_service = b"passwd: files\ngroup: files\nhosts: files dns\n";
    let mut tar = tar::Builder::new(Vec::with_capacity(program.len() + 16 * 1024));
    for (path, mode, content) in [
        ("etc/", 0o755, &[][..]),
        ("etc/group", 0o644, group.as_bytes()),
        ("etc/nsswitch.conf", 0o644, name_service),
        ("etc/passwd", 0o644, passwd.as_bytes()),
        ("tmp/", 0o1777, &[]),
        ("usr/", 0o755, &[]),
        ("usr/local/", 0o755, &[]),
        ("usr/local/bin/", 0o755, &[]),
        (&format!("usr/local/bin/{name}"), 0o755, program),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(if path.ends_with('/') { EntryType::Directory } else { EntryType::Regular });
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content)?;
    }
    tar.into_inner()
}

fn config(platform: Platform, name: &str, diff_id: &str) -> Vec<u8> {
    json!({
        "created": EPOCH,
        "architecture": platform.architecture,
        "os": "linux",
        // No entry point: a command given to ECS, such as ["app", "migrate"], is then the whole command line.
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "Cmd": [name],
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": EPOCH, "created_by": "fargate-migrate --binary" }],
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests;
