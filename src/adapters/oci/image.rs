//! The image around one executable: a layer, a configuration and a manifest, the same bytes for the same file.
//!
//! Besides the program the layer has what a C library looks up by path: users, where names are resolved, and a
//! writable `/tmp`. It has no CA certificates: those of the machine that packages would make two machines give two
//! digests. A program that speaks TLS brings its own, as rustls programs do with webpki-roots.

use std::fs::File;
use std::io::{Read, Seek, Write};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use oci_client::client::ImageLayer;
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::executable::{self, Platform};
use crate::failure::Failure;
use crate::hex::hex;
use crate::ports::BinaryImage;

/// Nobody's, as in distroless images.
const USER: u32 = 65532;

/// A moment that is always the same.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// An image that is ready to be pushed.
#[derive(Debug, Clone)]
pub struct PackagedImage {
    /// `sha256:…` of [`PackagedImage::manifest`]: the image's digest.
    pub manifest_digest: String,
    /// The bytes that the digest is of.
    pub manifest: Vec<u8>,
    /// The manifest's media type.
    pub media_type: &'static str,
    /// In the order of a push: what the manifest names must be there before it.
    pub blobs: Vec<Blob>,
}

/// A piece of content under its digest.
#[derive(Clone)]
pub struct Blob {
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// The bytes with their media type; cloning it copies neither.
    pub content: ImageLayer,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.digest, self.size())
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

    /// As a manifest names it.
    fn descriptor(&self) -> serde_json::Value {
        json!({ "mediaType": self.content.media_type, "digest": self.digest, "size": self.size() })
    }
}

pub fn package(binary: &BinaryImage) -> Result<PackagedImage> {
    let platform = Platform::find(&binary.platform)?;
    let path = binary.path.display();
    let name = program_name(binary)?;
    let mut file = File::open(&binary.path).ok().filter(|file| file.metadata().is_ok_and(|it| it.is_file()));
    let file = file.as_mut().ok_or_else(|| {
        Failure::input(format!("package {path}: there is no such file, or it can not be read"))
            .hint("build the program first, and give its path with --binary")
    })?;
    executable::check(file, &binary.path, platform)?;

    file.rewind().with_context(|| format!("read {path}"))?;
    let (layer, diff_id) = layer(file, name).with_context(|| format!("package {path}"))?;
    let config = Blob::new(config(platform, name, &diff_id), IMAGE_CONFIG_MEDIA_TYPE);
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
        media_type: OCI_IMAGE_MEDIA_TYPE,
        blobs: vec![layer, config],
    })
}

/// The file's name, which becomes a path in the image and the command's first word.
fn program_name(binary: &BinaryImage) -> Result<&str, Failure> {
    let allowed = |name: &&str| {
        name.len() <= 64
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
    };
    binary.path.file_name().and_then(|name| name.to_str()).filter(allowed).ok_or_else(|| {
        Failure::input(format!("package {:?}: its name can not be a command's", binary.path)).hint(
            "rename it: at most 64 letters, digits, `.`, `_`, `-` and `+`, beginning with a letter or digit",
        )
    })
}

/// The compressed layer, and the digest of the tar file in it.
fn layer(program: &mut File, name: &str) -> Result<(Blob, String)> {
    let size = program.metadata()?.len();
    // GzEncoder's header has no name and no time; level 6 is gzip's own default.
    let compressed = GzEncoder::new(Vec::new(), Compression::new(6));
    let mut tar = tar::Builder::new(Hashing { inner: compressed, hasher: Sha256::new() });

    let passwd =
        format!("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/:/sbin/nologin\n");
    let group = format!("root:x:0:\nnonroot:x:{USER}:\n");
    // Without it a C library asks DNS before /etc/hosts, where a container's own name is.
    let name_service = "passwd: files\ngroup: files\nhosts: files dns\n";
    directory(&mut tar, "etc/", 0o755)?;
    entry(&mut tar, "etc/group", 0o644, group.len() as u64, group.as_bytes())?;
    entry(&mut tar, "etc/nsswitch.conf", 0o644, name_service.len() as u64, name_service.as_bytes())?;
    entry(&mut tar, "etc/passwd", 0o644, passwd.len() as u64, passwd.as_bytes())?;
    directory(&mut tar, "tmp/", 0o1777)?;
    for path in ["usr/", "usr/local/", "usr/local/bin/"] {
        directory(&mut tar, path, 0o755)?;
    }
    entry(&mut tar, &format!("usr/local/bin/{name}"), 0o755, size, program.take(size))?;

    let Hashing { inner, hasher } = tar.into_inner()?;
    let blob = Blob::new(inner.finish()?, IMAGE_LAYER_GZIP_MEDIA_TYPE);
    Ok((blob, sha256(&hasher.finalize())))
}

fn directory(tar: &mut tar::Builder<impl Write>, path: &str, mode: u32) -> std::io::Result<()> {
    append(tar, EntryType::Directory, path, mode, 0, std::io::empty())
}

fn entry(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    mode: u32,
    size: u64,
    data: impl Read,
) -> std::io::Result<()> {
    append(tar, EntryType::Regular, path, mode, size, data)
}

/// Everything belongs to root and is of the same moment, whatever the file on disk says.
fn append(
    tar: &mut tar::Builder<impl Write>,
    kind: EntryType,
    path: &str,
    mode: u32,
    size: u64,
    mut data: impl Read,
) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_path(path)?;
    header.set_cksum();
    let mut counted = Counted { inner: &mut data, read: 0 };
    tar.append(&header, &mut counted)?;
    if counted.read == size {
        return Ok(());
    }
    Err(std::io::Error::other(format!("{path} changed while it was read")))
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

fn digest(bytes: &[u8]) -> String {
    sha256(&Sha256::digest(bytes))
}

fn sha256(hash: &[u8]) -> String {
    format!("sha256:{}", hex(hash))
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Counts what passes through: tar takes any length, whatever the header says.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
