use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

use crate::files::{root, yaml};

const IMAGE: &str = "ghcr.io/octo/fargate-migrate@sha256:\
                     1111111111111111111111111111111111111111111111111111111111111111";

fn point(action: &Path, image: &str) -> Output {
    Command::new("bash")
        .args([".ci/point-action-at", image])
        .env("ACTION", action)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("run bash")
}

fn copy() -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::copy(root().join("action.yml"), file.path()).expect("copy action.yml");
    file
}

#[test]
fn a_release_runs_the_published_image_and_changes_nothing_else() {
    let file = copy();
    let output = point(file.path(), IMAGE);
    assert!(output.status.success(), "{output:?}");

    let mut expected = yaml(Path::new("action.yml"));
    expected["runs"]["image"] = format!("docker://{IMAGE}").into();
    assert_eq!(yaml(file.path()), expected);

    // There is nothing left to point.
    let again = point(file.path(), IMAGE);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(yaml(file.path()), expected);
}

#[test]
fn only_an_image_by_its_digest_is_taken() {
    let file = copy();
    let digest = IMAGE.split_once('@').expect("a digest").1;
    for image in [
        "",
        "ghcr.io/octo/fargate-migrate:1.2.3",
        "ghcr.io/octo/fargate-migrate@sha256:1111",
        "ghcr.io/octo/fargate-migrate@",
        &format!("ghcr.io/Octo/fargate-migrate@{digest}"),
        &format!("ghcr.io/octo/x|g;e id@{digest}"),
        &format!("{IMAGE}\nruns: {{}}"),
    ] {
        let output = point(file.path(), image);
        assert!(!output.status.success(), "{image:?} was taken");
        assert_eq!(yaml(file.path()), yaml(Path::new("action.yml")), "{image:?}");
    }
}
