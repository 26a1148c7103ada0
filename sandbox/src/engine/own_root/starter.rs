//! The process that becomes a container's program.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use super::Start;
use super::root::{self, words};

/// Makes a root for one container and becomes the container's program. What to start is read from the socket at
/// standard input, and why nothing starts is written there. Returns only when nothing starts; the process must not
/// have other threads.
pub fn start_container() -> ExitCode {
    // Standard input is the program's own from its start on. The copy is closed then.
    if let Ok(socket) = io::stdin().as_fd().try_clone_to_owned() {
        let mut socket = UnixStream::from(socket);
        let why = start(&mut socket).unwrap_or_else(|why| why);
        // Without a listener nobody waits for the container either.
        let _ = socket.write_all(why.as_bytes());
    }
    ExitCode::FAILURE
}

/// Returns why the program does not start, or, as an error, why it has no root.
fn start(socket: &mut UnixStream) -> Result<String, String> {
    let mut told = Vec::new();
    let start = socket.read_to_end(&mut told).and_then(|_| Ok(serde_json::from_slice::<Start>(&told)?));
    let start = start.map_err(|error| format!("read what to start: {error}"))?;
    root::enter(&start.tree, &start.layer)?;
    socket.write_all(b"\n").map_err(|error| format!("say that the root stands: {error}"))?;
    Ok(become_program(&start))
}

fn become_program(start: &Start) -> String {
    let directory = &start.directory;
    // Docker makes a working directory that the image lacks.
    if let Err(error) = fs::create_dir_all(directory).and_then(|()| std::env::set_current_dir(directory)) {
        return format!("chdir to cwd ({directory:?}) set in config.json failed: {}", words(&error));
    }
    let error = Command::new(&start.path)
        .arg0(&start.name)
        .args(&start.arguments)
        .env_clear()
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .exec();
    format!("exec {}: {}", start.path.display(), words(&error))
}
