//! A repository with this checkout's files, and runs of its workflow by act.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sandbox::real_parts::skip;
use sandbox::seed::{self, SeedSystem};
use sandbox::{Options, postgres};
use serde_json::Value;
use tempfile::TempDir;

use crate::environment::output;
use crate::files::{python, root};
use crate::image::action_image;

/// A cold build of the shop's image compiles it optimised.
const DEADLINE: Duration = Duration::from_secs(40 * 60);

/// A commit of this checkout's files, and the seed's system.
pub struct Repository {
    pub system: SeedSystem,
    act: PathBuf,
    directory: TempDir,
    commit: String,
}

impl Repository {
    /// `None` where a part is missing.
    pub async fn new() -> Option<Self> {
        let act = python()?.program("act");
        let image = action_image().await?;
        let inspected = output(Command::new("docker").args(["image", "inspect", BASE_IMAGE]));
        inspected.ok().or_else(|| skip(&format!("the image {BASE_IMAGE}"), "bash .ci/base-images"))?;
        let own_server = postgres::Options { url: None, ..Default::default() };
        let system =
            SeedSystem::start(Options::default(), own_server, None).await.expect("start the seed's system");
        let directory = tempfile::tempdir().expect("a directory");
        let commit = commit(directory.path(), image);
        Some(Self { system, act, directory, commit })
    }

    /// Actions → migrate → Run workflow, with these inputs.
    pub async fn run(&self, inputs: &[(&str, &str)]) -> Run {
        self.run_workflow("migrate", inputs).await
    }

    /// The same of another workflow.
    pub async fn run_workflow(&self, name: &str, inputs: &[(&str, &str)]) -> Run {
        let mut command = tokio::process::Command::new(&self.act);
        command
            .args(["workflow_dispatch", "--json", "--workflows"])
            .arg(format!(".github/workflows/{name}.yml"))
            .args(["--platform", &format!("ubuntu-24.04={BASE_IMAGE}")])
            // Nothing is fetched, nothing listens, nothing is left.
            .args(["--pull=false", "--action-offline-mode", "--no-cache-server", "--rm"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            .current_dir(self.checkout())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        for (name, value) in inputs {
            command.args(["--input", &format!("{name}={value}")]);
        }
        for (name, value) in self.system.sandbox.environment() {
            command.args(["--env", &format!("{name}={value}")]);
        }
        let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("act did not end");
        let output = output.expect("run act");
        let events = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Run { code: output.status.code(), events }
    }

    fn checkout(&self) -> PathBuf {
        self.directory.path().join("checkout")
    }

    pub fn image(&self) -> String {
        self.system.sandbox.registry().repository_uri(seed::REPOSITORY)
    }

    pub async fn tables(&self, database: &str) -> i64 {
        self.system.postgres.count_tables(database).await.expect("count tables")
    }

    pub fn called(&self, operation: &str) -> usize {
        self.system.sandbox.calls().iter().filter(|call| call.operation == operation).count()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // The engine keeps what was built for the sandbox's repository, which ends with this value.
        let image = format!("{}:{}", self.image(), self.commit);
        let _ = Command::new("docker").args(["image", "rm", &image]).stdin(Stdio::null()).output();
    }
}

const WORKFLOW: &str = ".github/workflows/migrate.yml";
const UNKNOWN_TO_ACT: &str = "  queue: max\n";
const UPLOAD: &str = "uses: actions/upload-artifact@";
/// Says the first lines of what it would upload.
const UPLOAD_ARTIFACT: &str = r#"
name: upload-artifact
description: stands in for actions/upload-artifact
inputs:
  name: { description: of the artifact, required: true }
  path: { description: what is uploaded, required: true }
  retention-days: { description: of the artifact, required: true }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        ARTIFACT: ${{ inputs.name }}
        UPLOADED: ${{ inputs.path }}
      run: |
        for file in "$UPLOADED"/*; do echo "$ARTIFACT has $file: $(grep -c migration_report "$file") reports"; done
"#;
/// What stands in for GitHub's runner.
const BASE_IMAGE: &str = "debian:bookworm-slim";

/// Commits this checkout's files, as they are, to a repository of its own below `directory`; answers the commit. Its
/// Action is `image`, so that act, which knows nothing of BuildKit's cache, does not compile it once more.
fn commit(directory: &Path, image: &str) -> String {
    let checkout = directory.join("checkout");
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let files = output(Command::new("git").args(list).current_dir(root())).expect("list the files");
    for file in String::from_utf8_lossy(&files).split_terminator('\0').map(Path::new) {
        let to = checkout.join(file);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("make a directory");
        // One that is deleted and not yet committed is listed all the same.
        if root().join(file).exists() {
            std::fs::copy(root().join(file), to).unwrap_or_else(|error| panic!("copy {file:?}: {error}"));
        }
    }
    std::fs::write(checkout.join("Dockerfile"), format!("FROM {image}\n")).expect("write the Dockerfile");
    // act 0.2.89 knows no queue of runs, and refuses the file; the jobs stay as they are.
    let without_queue = |workflow: &Path| {
        let text = std::fs::read_to_string(workflow).expect("read the workflow");
        assert_eq!(text.matches(UNKNOWN_TO_ACT).count(), 1, "{workflow:?}");
        text.replace(UNKNOWN_TO_ACT, "")
    };
    for name in ["deploy", "rollback", "admin"] {
        let workflow = checkout.join(format!(".github/workflows/{name}.yml"));
        std::fs::write(&workflow, without_queue(&workflow)).expect("write the workflow");
    }
    let workflow = checkout.join(WORKFLOW);
    let mut text = without_queue(&workflow);
    // There is no network to fetch it with, and no GitHub to upload to.
    let upload = text.lines().find(|line| line.contains(UPLOAD)).expect("logs are uploaded").to_owned();
    text = text.replace(&upload, "        uses: ./upload-artifact");
    std::fs::write(&workflow, text).expect("write the workflow");
    std::fs::create_dir(checkout.join("upload-artifact")).expect("make a directory");
    std::fs::write(checkout.join("upload-artifact/action.yml"), UPLOAD_ARTIFACT).expect("write an action");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let said = output(Command::new("git").args(identity).args(arguments).current_dir(&checkout));
        String::from_utf8_lossy(&said.unwrap_or_else(|error| panic!("{error}"))).trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all of it"]);
    git(&["rev-parse", "HEAD"])
}

/// A finished run of the workflow.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    /// act's lines, each with the job that it is about.
    events: Vec<Value>,
}

impl Run {
    fn of(&self, job: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.events.iter().filter(move |event| event["jobID"] == job)
    }

    /// `None` for a job that was skipped.
    pub fn result(&self, job: &str) -> Option<&str> {
        self.of(job).find_map(|event| event["jobResult"].as_str())
    }

    /// The last value that the job's steps gave an output.
    pub fn output(&self, job: &str, name: &str) -> Option<&str> {
        let mut outputs =
            self.of(job).filter(|event| event["command"] == "set-output" && event["name"] == name);
        outputs.next_back().and_then(|event| event["arg"].as_str())
    }

    /// The job summaries of the job's steps.
    pub fn summary(&self, job: &str) -> String {
        let summaries = self.of(job).filter(|event| event["command"] == "summary");
        summaries.filter_map(|event| event["content"].as_str()).collect()
    }

    /// What a person would read of it all.
    pub fn log(&self) -> String {
        let lines = self.events.iter().map(|event| {
            let text = event["msg"].as_str().unwrap_or_default().trim_end();
            format!("{}: {text}\n", event["jobID"].as_str().unwrap_or_default())
        });
        lines.collect()
    }

    #[track_caller]
    pub fn results(&self, expected: &[(&str, Option<&str>)]) {
        for (job, result) in expected {
            assert_eq!(self.result(job), *result, "job {job}\n{}", self.log());
        }
    }
}
