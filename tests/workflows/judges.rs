use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::environment::Python;
use crate::files::{python, root, workflows};

/// zizmor's strictest persona for people; what needs GitHub's API is asked in ci.yml.
fn zizmor(python: &Python, directory: &Path) -> Output {
    Command::new(python.program("zizmor"))
        .args(["--offline", "--pedantic", "--no-progress", "--strict-collection", "--color=never", "."])
        .env_remove("GH_TOKEN")
        .env_remove("GITHUB_TOKEN")
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("run zizmor")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn zizmor_finds_nothing() {
    let Some(python) = python() else { return };
    let output = zizmor(python, root());
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let mut expected = workflows();
    expected.extend([PathBuf::from(".github/dependabot.yml"), "action.yml".into()]);
    for path in expected {
        assert!(
            said.contains(&format!("completed ./{}", path.display())),
            "{path:?} was not audited: {said}"
        );
    }
}

/// A judge that is never unhappy is none.
#[test]
fn zizmor_finds_what_is_wrong() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let workflow = directory.path().join(".github/workflows/bad.yml");
    std::fs::create_dir_all(workflow.parent().expect("a parent")).expect("make it");
    let text = "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      \
                - uses: actions/checkout@v6\n      - run: echo ${{ github.event.pull_request.title }}\n";
    std::fs::write(workflow, text).expect("write it");
    let output = zizmor(python, directory.path());
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    for audit in ["template-injection", "unpinned-uses", "dangerous-triggers", "artipacked"] {
        assert!(said.contains(audit), "no {audit} in {said}");
    }
}

/// `builtin` comes with check-jsonschema: nothing is fetched.
fn check_schema(python: &Python, builtin: &str, paths: &[PathBuf]) -> Output {
    Command::new(python.program("check-jsonschema"))
        .args(["--builtin-schema", builtin])
        .args(paths)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("run check-jsonschema")
}

#[test]
fn files_are_what_github_says_they_are() {
    let Some(python) = python() else { return };
    for (builtin, paths) in [
        ("vendor.github-workflows", workflows()),
        ("vendor.github-actions", vec!["action.yml".into()]),
        ("vendor.dependabot", vec![".github/dependabot.yml".into()]),
    ] {
        let output = check_schema(python, builtin, &paths);
        assert!(output.status.success(), "{builtin}: {}", said(&output));
    }
    // No workflow is an action.
    assert!(!check_schema(python, "vendor.github-actions", &workflows()).status.success());
}
