use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sandbox::images::{ImageConfig, Images as _, PullError};
use sandbox::registry::{ImageKey, Registry};
use serde_json::json;
use tar::EntryType::{Directory, Link, Regular, Symlink};

use crate::image::{OCI_INDEX, here, layer, push, registry};

/// Unpacks an image of these layers below a directory in which nothing else may appear.
fn unpacked(layers: &[Vec<u8>]) -> (tempfile::TempDir, Result<ImageConfig, PullError>) {
    let registry = registry();
    push(&registry, "v1", here(), layers);
    let outside = tempfile::tempdir().unwrap();
    let result = registry.unpack("127.0.0.1:5000/shop:v1", &outside.path().join("root"));
    (outside, result)
}

fn read(outside: &tempfile::TempDir, path: &str) -> String {
    fs::read_to_string(outside.path().join("root").join(path)).unwrap()
}

fn exists(outside: &tempfile::TempDir, path: &str) -> bool {
    outside.path().join("root").join(path).symlink_metadata().is_ok()
}

#[test]
fn the_configuration_says_how_to_start() {
    let (_outside, config) = unpacked(&[]);
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = ImageConfig {
        entrypoint: vec!["/app".into()],
        cmd: vec!["migrate".into()],
        env: vec![variable("MODE", "a=b"), variable("PATH", "/usr/bin")],
        working_dir: "/srv".into(),
        user: "1000".into(),
    };
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn layers_may_be_plain_gzip_or_zstd() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&layer(&[("gzip", Regular, "g")])).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(
        &layer(&[("zstd", Regular, "z")])[..],
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let (outside, result) = unpacked(&[layer(&[("plain", Regular, "p")]), gzip.finish().unwrap(), zstd]);
    result.unwrap();
    assert_eq!([read(&outside, "plain"), read(&outside, "gzip"), read(&outside, "zstd")], ["p", "g", "z"]);
}

#[test]
fn whiteouts_hide_what_lower_layers_brought_and_nothing_else() {
    let lower = layer(&[
        ("etc/", Directory, ""),
        ("etc/old", Regular, "old"),
        ("etc/kept", Regular, "kept"),
        ("cache/", Directory, ""),
        ("cache/a", Regular, "a"),
        ("cache/sub/", Directory, ""),
        ("cache/sub/deep", Regular, "deep"),
    ]);
    // The opaque marker may come after the entries that it must leave alone.
    let upper = layer(&[
        ("etc/.wh.old", Regular, ""),
        ("cache/sub/new", Regular, "new"),
        ("cache/.wh..wh..opq", Regular, ""),
    ]);
    let (outside, result) = unpacked(&[lower, upper]);
    result.unwrap();
    assert_eq!([read(&outside, "etc/kept"), read(&outside, "cache/sub/new")], ["kept", "new"]);
    for gone in ["etc/old", "cache/a", "cache/sub/deep", "etc/.wh.old", "cache/.wh..wh..opq"] {
        assert!(!exists(&outside, gone), "{gone}");
    }
}

#[test]
fn links_stay_inside_as_for_a_process_whose_root_it_is() {
    let (outside, result) = unpacked(&[layer(&[
        ("usr/bin/app", Regular, "program"),
        ("bin", Symlink, "/usr/bin"),
        ("opt/a/b/up", Symlink, "../../../../../../usr/bin/app"),
        ("bin/other", Regular, "through a link"),
        ("hard", Link, "usr/bin/app"),
        ("shallow", Link, "opt/a/b/up"),
        ("root", Symlink, "/"),
    ])]);
    result.unwrap();
    assert_eq!(read(&outside, "bin/app"), "program");
    assert_eq!(read(&outside, "usr/bin/other"), "through a link");
    assert_eq!(read(&outside, "hard"), "program");
    let root = outside.path().join("root").canonicalize().unwrap();
    for link in ["bin", "opt/a/b/up", "shallow", "root"] {
        let real = root.join(link).canonicalize().unwrap();
        assert!(real.starts_with(&root), "{link} leads to {}", real.display());
    }
}

#[test]
fn a_hostile_layer_writes_nothing_outside() {
    let deep = "../".repeat(20);
    let attacks: Vec<Vec<u8>> = vec![
        layer(&[("../escaped", Regular, "x")]),
        layer(&[("a/../../escaped", Regular, "x")]),
        layer(&[("link", Symlink, ".."), ("link/escaped", Regular, "x")]),
        layer(&[("link", Symlink, &deep), ("link/escaped", Regular, "x")]),
        layer(&[("link", Link, "../escaped"), ("link", Regular, "x")]),
        layer(&[("loop", Symlink, "loop"), ("loop/escaped", Regular, "x")]),
        layer(&[(".wh...", Regular, "")]),
        layer(&[("a/.wh...", Regular, "")]),
        layer(&[(".wh.", Regular, "")]),
        vec![0x1f, 0x8b, 0, 1, 2, 3],
        b"not an archive at all".repeat(100),
    ];
    for (number, attack) in attacks.into_iter().enumerate() {
        let (outside, _either_way) = unpacked(&[attack]);
        let found: Vec<_> =
            fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(found, ["root"], "attack {number}");
    }
    let (outside, result) = unpacked(&[layer(&[("/absolute", Regular, "inside")])]);
    result.unwrap();
    assert_eq!(read(&outside, "absolute"), "inside");
}

#[test]
fn modes_are_kept_without_set_user_id() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o4755);
    header.set_size(0);
    archive.append_data(&mut header, "su", &b""[..]).unwrap();
    let (outside, result) = unpacked(&[archive.into_inner().unwrap()]);
    result.unwrap();
    let mode = fs::metadata(outside.path().join("root/su")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn an_index_gives_the_image_for_this_machine() {
    let registry = registry();
    let other = push(&registry, "other", "s390x", &[]);
    let ours = push(&registry, "ours", here(), &[layer(&[("ours", Regular, "yes")])]);
    put_index(&registry, "v1", &[("s390x", &other), (here(), &ours)]);
    put_index(&registry, "v2", &[("s390x", &other)]);
    let outside = tempfile::tempdir().unwrap();
    registry.unpack("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:v1", outside.path()).unwrap();
    assert!(outside.path().join("ours").exists());
    for tag in ["v2", "other"] {
        let error = registry.unpack(&format!("127.0.0.1:5000/shop:{tag}"), outside.path()).unwrap_err();
        let expected =
            format!("image Manifest does not contain descriptor matching platform 'linux/{}'", here());
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn what_is_not_there_is_not_found_in_the_words_of_fargate() {
    let registry = registry();
    let into = Path::new("/nonexistent");
    for reference in ["127.0.0.1:5000/shop:v9", "127.0.0.1:5000/nothing:v1"] {
        let error = registry.unpack(reference, into).unwrap_err();
        assert!(matches!(error, PullError::NotFound(_)));
        assert_eq!(
            error.to_string(),
            format!(
                "pull image manifest has been retried 1 time(s): failed to resolve ref {reference}: {reference}: not \
                 found"
            )
        );
    }
    for reference in ["docker.io/library/postgres:16", "shop:v1"] {
        assert!(matches!(registry.unpack(reference, into), Err(PullError::Broken(_))), "{reference}");
    }
}

fn put_index(registry: &Registry, tag: &str, children: &[(&str, &sandbox::registry::Digest)]) {
    let children: Vec<_> = children
        .iter()
        .map(|(architecture, digest)| {
            json!({"digest": digest, "size": 1, "platform": {"os": "linux", "architecture": architecture}})
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).to_string();
    let key = ImageKey::tag(tag).unwrap();
    registry.put_image("shop", Some(&key), Some(OCI_INDEX), index.as_bytes()).unwrap();
}
