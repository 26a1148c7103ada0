//! What a command prints, as SQL.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::untrusted::{lines, phrase};
use crate::values::Words;

/// A framework that loads a large project takes half a minute.
const DEADLINE: Duration = Duration::from_secs(5 * 60);
/// Bytes of its errors that are kept; the last line of them is shown.
const ERRORS: u64 = 64 << 10;
/// What no command needs that prints SQL.
const SECRETS: [&str; 4] =
    ["GITHUB_TOKEN", "INPUT_GITHUB-TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN"];

/// Runs a command without a shell, and returns what it prints: at most `limit` bytes.
///
/// # Errors
/// It cannot be started, fails, does not end in time, prints more, or prints what is not UTF-8.
pub(super) async fn of(words: &Words, limit: u64) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("no program".to_owned()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in SECRETS {
        command.env_remove(name);
    }
    let mut child =
        command.kill_on_drop(true).spawn().map_err(|error| format!("start {}: {error}", phrase(program)))?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let running = async {
        let (out, errors) = tokio::join!(read(out, limit + 1), read_through(errors, ERRORS));
        if out.len() as u64 > limit {
            return Err(format!("it prints more than {} MiB", limit >> 20));
        }
        let ended = child.wait().await.map_err(|error| format!("wait for it: {error}"))?;
        if !ended.success() {
            return Err(failed(ended, &errors));
        }
        String::from_utf8(out).map_err(|_| "it does not print UTF-8".to_owned())
    };
    let late = |_| Err(format!("it did not end within {} minutes", DEADLINE.as_secs() / 60));
    timeout(DEADLINE, running).await.unwrap_or_else(late)
}

/// Reads at most `limit` bytes; a stream that ends early ends the reading.
async fn read(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let mut bounded = stream.take(limit);
        let read = bounded.read_to_end(&mut bytes).await;
        tracing::debug!(ok = read.is_ok(), bytes = bytes.len(), "read from --sql-command");
    }
    bytes
}

/// Reads to the end, and returns the first `limit` bytes: a program that logs a lot is not to fail by a closed pipe.
async fn read_through(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let bytes = read(Some(&mut stream), limit).await;
    let rest = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    tracing::debug!(ok = rest.is_ok(), "read the rest from --sql-command");
    bytes
}

fn failed(ended: ExitStatus, errors: &[u8]) -> String {
    let errors = String::from_utf8_lossy(errors);
    let last = lines(&errors).filter(|line| !line.trim().is_empty()).last().map(phrase);
    format!("it failed, {ended}{}", last.map(|line| format!(": {line}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_command_prints_is_bounded_and_its_failure_is_said() {
        let run = async |words: &str, limit| of(&words.parse().unwrap(), limit).await;
        assert_eq!(run("echo 'drop table a;'", 100).await, Ok("drop table a;\n".to_owned()));
        assert_eq!(run("yes", 1 << 20).await, Err("it prints more than 1 MiB".to_owned()));
        let failed = run("sh -c 'echo 1; echo no such app >&2; exit 3'", 100).await;
        assert_eq!(failed, Err("it failed, exit status: 3: no such app".to_owned()));
        let logs = "sh -c 'yes x | head -c 300000 >&2; echo 1'";
        assert_eq!(run(logs, 100).await, Ok("1\n".to_owned()));
        let missing = run("/no/such/program", 100).await.unwrap_err();
        assert!(missing.starts_with("start /no/such/program: "), "{missing}");
        let binary = run(r"printf '\377'", 100).await;
        assert_eq!(binary, Err("it does not print UTF-8".to_owned()));
    }

    /// The clock stands still while the command runs, and jumps to the deadline, because nothing else is to come.
    #[tokio::test(start_paused = true)]
    async fn a_command_that_hangs_is_ended() {
        let hangs = of(&"sleep 3600".parse().unwrap(), 100).await;
        assert_eq!(hangs, Err("it did not end within 5 minutes".to_owned()));
    }
}
