//! A run of the binary in a scrubbed environment, with the files that GitHub's runner gives a step.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::policies;

/// No run of the binary takes longer, unless it builds an image: 60 MB of log take a minute on a machine with other work.
const DEADLINE: Duration = Duration::from_secs(300);

/// One run of the binary, about to start.
pub struct Run {
    command: Command,
    files: PathBuf,
}

impl Run {
    pub fn new(directory: &Path, arguments: &[&str]) -> Self {
        let files = tempfile::tempdir_in(directory).expect("a directory").keep();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fargate-migrate"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &files)
            .current_dir(&files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self { command, files }
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn current_directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub fn standard_input(mut self, source: Stdio) -> Self {
        self.command.stdin(source);
        self
    }

    pub fn standard_output(mut self, target: Stdio) -> Self {
        self.command.stdout(target);
        self
    }

    /// Called by this name, which tells the stage.
    pub fn called(mut self, name: &str) -> Self {
        self.command.arg0(name);
        self
    }

    /// Started by another program, such as `nohup`, which is given what is to be run.
    pub fn through(mut self, program: &str) -> Self {
        policies::record(self.command.as_std());
        let own = self.command.as_std();
        let mut command = Command::new(program);
        command.arg(own.get_program()).args(own.get_args()).env_clear().kill_on_drop(true);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&self.files).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// With the environment and the files of a step in GitHub Actions.
    pub fn in_actions(self) -> Self {
        let mut run = self;
        for (name, file) in [
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STATE", "state"),
            ("GITHUB_STEP_SUMMARY", "summary.md"),
            ("GITHUB_ENV", "env"),
            ("GITHUB_PATH", "path"),
        ] {
            let path = run.files.join(file);
            std::fs::write(&path, "").expect("make a command file");
            run.command.env(name, path);
        }
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_RUN_ID", "4242"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_JOB", "migrate"),
            ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("GITHUB_REPOSITORY", "octo/shop"),
            ("GITHUB_SERVER_URL", "https://github.example"),
        ] {
            run.command.env(name, value);
        }
        run
    }

    pub fn spawn(mut self) -> Running {
        policies::record(self.command.as_std());
        Running { child: self.command.spawn().expect("start fargate-migrate"), files: self.files }
    }

    pub async fn finish(self) -> Finished {
        self.spawn().finish().await
    }

    pub async fn finish_within(self, deadline: Duration) -> Finished {
        self.spawn().finish_within(deadline).await
    }
}

/// A run that goes on.
pub struct Running {
    child: Child,
    files: PathBuf,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id().expect("still running")
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        nix::sys::signal::kill(pid, signal).expect("signal fargate-migrate");
    }

    pub async fn finish(self) -> Finished {
        self.finish_within(DEADLINE).await
    }

    pub async fn finish_within(mut self, deadline: Duration) -> Finished {
        let (mut out, mut err) = (self.child.stdout.take(), self.child.stderr.take().expect("piped"));
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let all = async {
            let (a, b, status) = tokio::join!(
                async {
                    match &mut out {
                        Some(out) => out.read_to_string(&mut stdout).await,
                        None => Ok(0),
                    }
                },
                err.read_to_string(&mut stderr),
                self.child.wait()
            );
            a.and(b).expect("UTF-8 output");
            status.expect("wait")
        };
        let status = tokio::time::timeout(deadline, all).await.expect("fargate-migrate did not end");
        let read = |name: &str| std::fs::read_to_string(self.files.join(name)).unwrap_or_default();
        Finished {
            code: status.code().unwrap_or(-1),
            summary: read("summary.md"),
            outputs: command_file(&read("output")),
            state: command_file(&read("state")),
            environment: read("env"),
            path: read("path"),
            stdout,
            stderr,
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub summary: String,
    pub outputs: HashMap<String, String>,
    pub state: HashMap<String, String>,
    /// GITHUB_ENV and GITHUB_PATH as they are.
    pub environment: String,
    pub path: String,
}

impl Finished {
    /// The document of `--format json`.
    pub fn result(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// The verdict of a database, from `--format json`.
    pub fn verdict(&self, database: &str) -> String {
        self.row(database)["verdict"].as_str().unwrap_or_default().to_owned()
    }

    pub fn row(&self, database: &str) -> Value {
        let result = self.result();
        let rows = result["databases"].as_array().cloned().unwrap_or_default();
        rows.into_iter()
            .find(|row| row["database"] == database)
            .unwrap_or_else(|| panic!("no row {database}"))
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let everywhere = [&self.stdout, &self.stderr, &self.summary];
        assert!(!everywhere.iter().any(|said| said.contains(text)), "{text:?} is in {self:#?}");
        self
    }
}

/// Reads a command file as the runner does: `K=V`, or `K<<DELIMITER`, lines, `DELIMITER` (FileCommandManager.cs).
pub fn command_file(text: &str) -> HashMap<String, String> {
    let mut values = HashMap::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                values.insert(line[..equals].to_owned(), line[equals + 1..].to_owned());
            }
            (_, Some(heredoc)) => {
                let delimiter = &line[heredoc + 2..];
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == delimiter => break,
                        Some(line) => value.push(line),
                        None => panic!("the runner would fail the step: {delimiter} does not come"),
                    }
                }
                values.insert(line[..heredoc].to_owned(), value.join("\n"));
            }
            _ => panic!("the runner would fail the step: {line:?}"),
        }
    }
    values
}
