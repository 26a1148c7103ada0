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
    let issues = Path::new(".github/ISSUE_TEMPLATE");
    for (builtin, paths) in [
        ("vendor.github-workflows", workflows()),
        ("vendor.github-actions", vec!["action.yml".into()]),
        ("vendor.dependabot", vec![".github/dependabot.yml".into()]),
        ("vendor.github-issue-config", vec![issues.join("config.yml")]),
        ("vendor.github-issue-forms", vec![issues.join("bug.yml"), issues.join("feature.yml")]),
    ] {
        let output = check_schema(python, builtin, &paths);
        assert!(output.status.success(), "{builtin}: {}", said(&output));
    }
    // No workflow is an action.
    assert!(!check_schema(python, "vendor.github-actions", &workflows()).status.success());
}

/// What `init` writes for another repository, with tests and without, with a service and without.
#[test]
fn the_workflows_that_init_writes_are_judged_as_ours() {
    let Some(python) = python() else { return };
    for more in [&["--test-command=make test", "--service=web"][..], &["--service=web"], &[]] {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("Dockerfile"), "FROM scratch\n").expect("write it");
        let init = Command::new(env!("CARGO_BIN_EXE_fargate-migrate"))
            .args(["init", "--name=shop", "--github=acme/shop", "--region=us-east-1", "--databases=a,2024"])
            .args([
                "--network=nat",
                "--framework=django",
                "--action=0123456789abcdef0123456789abcdef01234567",
            ])
            .args(more)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("run init");
        assert!(init.status.success(), "{}", said(&init));
        let output = zizmor(python, directory.path());
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        let workflows = directory.path().join(".github/workflows");
        let paths: Vec<PathBuf> = std::fs::read_dir(workflows)
            .expect("workflows")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert_eq!(paths.len(), if more.is_empty() { 2 } else { 4 });
        let output = check_schema(python, "vendor.github-workflows", &paths);
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        for path in paths {
            let workflow: serde_json::Value =
                serde_saphyr::from_str(&std::fs::read_to_string(&path).expect("a workflow")).expect("YAML");
            let jobs: Vec<&String> = crate::files::jobs(&workflow).map(|(id, _)| id).collect();
            for (id, job) in crate::files::jobs(&workflow) {
                let needs = job["needs"].as_array().cloned().unwrap_or_else(|| vec![job["needs"].clone()]);
                for needed in needs.iter().filter_map(serde_json::Value::as_str) {
                    assert!(jobs.iter().any(|job| *job == needed), "{path:?}: {id} needs {needed}");
                }
                for step in crate::files::steps(job) {
                    assert_ne!(step["uses"], "./", "{path:?}");
                }
            }
            let text = serde_json::to_string(&workflow).expect("JSON");
            for named in text.split("needs.").skip(1).filter_map(|rest| rest.split('.').next()) {
                assert!(jobs.iter().any(|job| *job == named), "{path:?} speaks of {named}");
            }
        }
    }
}
