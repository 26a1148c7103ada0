use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::super::executable::tests::tiny_static;
use super::*;

fn binary(path: &Path) -> BinaryImage {
    BinaryImage { path: path.to_owned(), platform: "linux/amd64".into() }
}

fn written(name: &str, payload: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, tiny_static(62, payload)).unwrap();
    (dir, path)
}

#[test]
fn the_same_file_gives_the_same_digest() {
    let (_one, first) = written("app", b"payload");
    let (_two, second) = written("app", b"payload");
    fs::set_permissions(&first, fs::Permissions::from_mode(0o400)).unwrap();
    let earlier = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::open(&second).unwrap().set_modified(earlier).unwrap();
    let package = |path: &Path| package(&binary(path)).unwrap();
    assert_eq!(package(&first).manifest_digest, package(&second).manifest_digest);
    assert_eq!(package(&first).blobs[0].digest, package(&second).blobs[0].digest);

    let (_three, other) = written("app", b"payloae");
    assert_ne!(package(&first).manifest_digest, package(&other).manifest_digest);
    let (_four, renamed) = written("app2", b"payload");
    assert_ne!(package(&first).manifest_digest, package(&renamed).manifest_digest);
}

#[test]
fn the_layer_has_the_program_and_what_a_c_library_looks_up() {
    let (_dir, path) = written("app", b"payload");
    let image = package(&binary(&path)).unwrap();
    let layer: &[u8] = &image.blobs[0].content.data;
    let mut archive = tar::Archive::new(GzDecoder::new(layer));
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
        let mode = header.mode().unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if path == "usr/local/bin/app" {
            assert_eq!(content, tiny_static(62, b"payload"));
        }
        found.push(format!("{mode:o} {path}"));
    }
    assert_eq!(
        found,
        [
            "755 etc/",
            "644 etc/group",
            "644 etc/nsswitch.conf",
            "644 etc/passwd",
            "1777 tmp/",
            "755 usr/",
            "755 usr/local/",
            "755 usr/local/bin/",
            "755 usr/local/bin/app",
        ]
    );
}

#[test]
fn the_manifest_and_the_configuration_name_each_other_rightly() {
    let (_dir, path) = written("app", b"payload");
    let image = package(&binary(&path)).unwrap();
    assert_eq!(image.manifest_digest, digest(&image.manifest));
    let manifest: Value = serde_json::from_slice(&image.manifest).unwrap();
    let [layer, config] = image.blobs.as_slice() else { panic!("{:?}", image.blobs) };
    assert_eq!(manifest["layers"][0]["digest"], layer.digest.as_str());
    assert_eq!(manifest["layers"][0]["size"], layer.size());
    assert_eq!(manifest["config"]["digest"], config.digest.as_str());

    let config: Value = serde_json::from_slice(&config.content.data).unwrap();
    assert_eq!((&config["architecture"], &config["os"]), (&json!("amd64"), &json!("linux")));
    assert_eq!(config["config"]["Cmd"], json!(["app"]));
    assert!(config["config"].get("Entrypoint").is_none());
    assert_eq!(config["config"]["User"], "65532:65532");
    let mut unpacked = Vec::new();
    GzDecoder::new(&layer.content.data[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&unpacked)]));
}

#[test]
fn odd_files_and_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let failure = |path: &Path| Failure::find(&package(&binary(path)).unwrap_err()).unwrap().clone();
    assert!(failure(&dir.path().join("app")).message.contains("No such file"));
    fs::create_dir(dir.path().join("dir")).unwrap();
    assert!(failure(&dir.path().join("dir")).message.contains("it is a directory, not a regular file"));
    assert!(failure(Path::new("/")).message.contains("cannot be a command's"));

    for name in ["-x", ".hidden", "a b", "a\nb", "é", "x\u{1b}[31m", &"a".repeat(65)] {
        fs::write(dir.path().join(name), tiny_static(62, b"")).unwrap();
        let shown = failure(&dir.path().join(name)).message;
        assert!(shown.contains("cannot be a command's"), "{shown}");
        assert!(!shown.contains(['\n', '\u{1b}']), "{shown}");
    }
    for name in ["app", "my-app_2.0", "c++"] {
        fs::write(dir.path().join(name), tiny_static(62, b"")).unwrap();
        package(&binary(&dir.path().join(name))).unwrap();
    }
}
