//! The processes below this program: those that it starts and waits for, and those that they leave behind.

use crate::failure::{Exit, Failure};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// The processes that this program has started and waits for itself.
static OWN: Mutex<Option<HashSet<i32>>> = Mutex::new(None);

/// A process that only the code that started it waits for, until this is dropped.
pub struct Own(i32);

impl Own {
    pub fn id(&self) -> i32 {
        self.0
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(own) = &mut *OWN.lock().unwrap_or_else(PoisonError::into_inner) {
            own.remove(&self.0);
        }
        // Those that ended meanwhile stood behind it.
        reap();
    }
}

/// Starts a command that the caller waits for.
pub fn start(command: &mut Command) -> std::io::Result<(Child, Own)> {
    // Held until the id is known: the process may end before.
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let process = command.spawn()?;
    let id = process.id().and_then(|id| i32::try_from(id).ok());
    let id = id.ok_or_else(|| std::io::Error::other("it has no process id"))?;
    own.get_or_insert_default().insert(id);
    Ok((process, Own(id)))
}

/// Makes this program the parent of every process that the command leaves behind, and reaps those that end.
pub fn reap_orphans() -> Result<(), Failure> {
    let cannot = |why: String| Failure::new(Exit::Failed, format!("wait for processes: {why}"));
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| cannot(error.to_string()))?;
    let mut ended = signal(SignalKind::child()).map_err(|error| cannot(error.to_string()))?;
    tokio::spawn(async move {
        while ended.recv().await.is_some() {
            reap();
        }
    });
    Ok(())
}

/// Reaps what has ended, but for this program's own processes.
fn reap() {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(WaitStatus::Exited(id, _) | WaitStatus::Signaled(id, ..)) = waitid(Id::All, flags) {
        let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if own.as_ref().is_some_and(|own| own.contains(&id.as_raw())) {
            return;
        }
        if waitpid(id, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}
