//! A container in its image's own root: the program, its interpreter, its loader and its libraries are the image's.
//!
//! Only a process without other threads may make a user namespace, so the `sandbox` program starts once more for each
//! such container, makes the root in [`starter`], and then becomes the container's program. Its standard input is a
//! socket: it reads from there what to start, and says there what went wrong. A line end says that the root stands, and
//! the kernel closes the socket when the program starts, so no failure is taken for the program's own end.

mod root;
mod starter;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

pub use starter::start_container;

/// The argument with which the `sandbox` program is a starter.
pub const START_CONTAINER: &str = "start-container";

/// What a starter is told.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    /// The unpacked image.
    pub tree: PathBuf,
    /// An empty directory, for what the container writes.
    pub layer: PathBuf,
    /// Where the program is in the image.
    pub path: PathBuf,
    /// The program as the task names it, and its arguments.
    pub name: String,
    pub arguments: Vec<String>,
    /// All of it; it may hold secrets.
    pub environment: Vec<(String, String)>,
    pub directory: String,
}

/// Why a container did not start.
pub(super) enum Failure {
    /// It cannot have a root of its own.
    Root(String),
    /// Its program cannot be started in there.
    Program(String),
}

/// The parent's side of a starter.
pub(super) struct Starting(StdStream);

/// Starts a starter, which waits to be told what to start.
///
/// # Errors
/// It cannot be started.
pub(super) fn spawn(starter: &Path) -> io::Result<(Child, Starting)> {
    let (socket, input) = StdStream::pair()?;
    socket.set_nonblocking(true)?;
    let child = Command::new(starter)
        .arg(START_CONTAINER)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(input)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, Starting(socket)))
}

impl Starting {
    /// Waits until the program runs.
    ///
    /// # Errors
    /// It does not run, and the starter ends.
    pub(super) async fn finish(self, start: &Start) -> Result<(), Failure> {
        let broken = |error: io::Error| Failure::Root(format!("talk to the starter: {error}"));
        let told = serde_json::to_vec(start).map_err(|error| broken(error.into()))?;
        let mut socket = UnixStream::from_std(self.0).map_err(broken)?;
        // A starter that ended does not listen; what it said counts.
        if socket.write_all(&told).await.is_ok() {
            let _ = socket.shutdown().await;
        }
        let mut said = Vec::new();
        // A starter that ended before it read everything resets the connection.
        let _ = socket.read_to_end(&mut said).await;
        let said = String::from_utf8_lossy(&said);
        match said.split_once('\n') {
            Some(("", "")) => Ok(()),
            Some(("", why)) => Err(Failure::Program(why.to_owned())),
            _ if said.is_empty() => Err(Failure::Root("its starter ended too early".into())),
            _ => Err(Failure::Root(said.into_owned())),
        }
    }
}
