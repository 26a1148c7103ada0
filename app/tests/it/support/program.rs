//! The binary, run as a container would run it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub struct Program(Command);

impl Program {
    /// With nothing of this process' environment.
    pub fn new<const N: usize>(arguments: [&str; N]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(arguments).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub async fn run(self) -> Run {
        self.start().end().await
    }

    pub fn start(mut self) -> Running {
        let mut child = self.0.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines, stdout: Vec::new() }
    }
}

pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stdout: Vec<String>,
}

impl Running {
    /// Reads stdout up to a line with `text` in it.
    pub async fn line(&mut self, text: &str) -> String {
        timeout(super::DEADLINE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.stdout.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
            panic!("ended without {text:?}: {:?}", self.stdout);
        })
        .await
        .unwrap_or_else(|_| panic!("waited for {text:?}"))
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().expect("is running");
        kill(Pid::from_raw(pid as i32), signal).unwrap();
    }

    pub async fn end(mut self) -> Run {
        timeout(super::DEADLINE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.stdout.push(line);
            }
            let mut stderr = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
            let status = self.child.wait().await.unwrap();
            Run { exit: status.code(), stdout: self.stdout, stderr }
        })
        .await
        .expect("the program ends")
    }
}

#[derive(Debug)]
pub struct Run {
    /// None when a signal ended it.
    pub exit: Option<i32>,
    pub stdout: Vec<String>,
    pub stderr: String,
}

impl Run {
    #[track_caller]
    pub fn expect_exit(self, code: i32) -> Self {
        assert_eq!(self.exit, Some(code), "{self:#?}");
        self
    }

    /// The migration report, which is the last line.
    #[track_caller]
    pub fn report(&self) -> Value {
        let line: Value =
            self.stdout.last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        assert!(line["migration_report"].is_object(), "{self:#?}");
        line["migration_report"].clone()
    }

    #[track_caller]
    pub fn expect_error(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        }
    }
}
