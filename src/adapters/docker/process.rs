//! Runs one program: its lines as they come, a deadline, and no program left behind.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;
use tokio::time::timeout;

use super::output::Lines;

/// Last lines that are kept: enough for BuildKit's error with its excerpt of log and Dockerfile.
const TAIL: usize = 60;

/// A program that ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    pub success: bool,
    /// The last lines of both outputs, as they came.
    pub tail: Vec<String>,
}

/// What a short query printed.
#[derive(Debug)]
pub(super) struct Answer {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `command` and hands each line of both outputs to `show`; `None` when `deadline` came first.
///
/// The program is killed when the deadline comes or this future is dropped.
pub(super) async fn stream(
    mut command: Command,
    deadline: Duration,
    mut show: impl FnMut(&str),
) -> Result<Option<Ended>> {
    let name = program(&command);
    let start = || format!("start {name}");
    let (output, end) = std::io::pipe().with_context(start)?;
    let mut output = Receiver::from_owned_fd(output.into()).with_context(start)?;
    command.stdin(Stdio::null()).stdout(end.try_clone().with_context(start)?).stderr(end).kill_on_drop(true);
    let mut child = command.spawn().with_context(start)?;
    // It holds the pipe's other end, and the output would not end with the program.
    drop(command);

    let run = async {
        let (mut lines, mut tail) = (Lines::default(), Vec::new());
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read =
                output.read(&mut buffer).await.with_context(|| format!("read the output of {name}"))?;
            for line in if read > 0 { lines.feed(&buffer[..read]) } else { Vec::from_iter(lines.rest()) } {
                show(&line);
                tail.push(line);
            }
            tail.drain(..tail.len().saturating_sub(TAIL));
            if read == 0 {
                break;
            }
        }
        let status = child.wait().await.with_context(|| format!("wait for {name}"))?;
        Ok(Ended { success: status.success(), tail })
    };
    timeout(deadline, run).await.ok().transpose()
}

/// Runs a short query; `None` when `deadline` came first.
pub(super) async fn ask(mut command: Command, deadline: Duration) -> Result<Option<Answer>> {
    let name = program(&command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = timeout(deadline, command.output()).await else { return Ok(None) };
    let output = output.with_context(|| format!("run {name}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(Some(Answer {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }))
}

/// Returns the program alone: its arguments may hold what is not to be shown.
fn program(command: &Command) -> String {
    command.as_std().get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn both_outputs_arrive_line_by_line() {
        let mut shown = Vec::new();
        let script = "echo one; printf 'two\\rthree' >&2; exit 3";
        let ended = stream(shell(script), MINUTE, |line| shown.push(line.to_owned())).await.unwrap().unwrap();
        shown.sort();
        assert_eq!(shown, ["one", "three", "two"]);
        assert!(!ended.success);
    }

    #[tokio::test]
    async fn only_the_last_lines_are_kept() {
        let script = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo line $i; done";
        let mut count = 0;
        let ended = stream(shell(script), MINUTE, |_| count += 1).await.unwrap().unwrap();
        assert_eq!((count, ended.tail.len(), ended.tail[TAIL - 1].as_str()), (500, TAIL, "line 500"));
    }

    #[tokio::test]
    async fn a_deadline_and_a_drop_kill_the_program() {
        let mut pids = Vec::new();
        let started = Instant::now();
        let ended = stream(shell("echo $$; exec sleep 600"), Duration::from_millis(300), |line| {
            pids.push(line.to_owned());
        });
        assert!(ended.await.unwrap().is_none());

        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let run = stream(shell("echo $$; exec sleep 600"), MINUTE, move |line| {
            tell.send(line.to_owned()).unwrap();
        });
        tokio::select! {
            _ = run => panic!("sleep 600 ended"),
            pid = told.recv() => pids.push(pid.unwrap()),
        }

        assert_eq!(pids.len(), 2);
        for pid in pids {
            // A killed child is a zombie until the runtime reaps it.
            while Path::new("/proc").join(&pid).exists() {
                assert!(started.elapsed() < MINUTE, "process {pid} is still there");
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn a_query_has_an_answer_or_a_deadline() {
        let answer = ask(shell("echo out; echo err >&2; exit 1"), MINUTE).await.unwrap().unwrap();
        assert_eq!((answer.success, answer.stdout.as_str(), answer.stderr.as_str()), (false, "out", "err"));
        assert!(ask(shell("exec sleep 600"), Duration::from_millis(50)).await.unwrap().is_none());
        let error = ask(Command::new("/no/such/docker"), MINUTE).await.unwrap_err();
        assert_eq!(error.to_string(), "run /no/such/docker");
    }
}
