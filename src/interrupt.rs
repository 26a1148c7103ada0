//! SIGINT, SIGTERM, SIGHUP and SIGQUIT ask a run to stop. When a job is cancelled, GitHub's runner sends the first
//! two, and kills the program ten seconds after the first; a terminal that is closed, or an ssh connection that is
//! lost, sends SIGHUP.
//!
//! The program needs handlers of its own: a process that is PID 1 in its container ignores SIGINT and SIGTERM by
//! default, and the other two would end it in the middle.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::{ExitCode, Failure};

/// Whether the run was asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupt {
    set: watch::Receiver<bool>,
    /// Whether an operation ends by itself when it is set.
    heeded: Arc<AtomicBool>,
}

impl Interrupt {
    /// Installs the handlers. The first signal ends the process at once until the interrupt is [heeded](Self::heed),
    /// and a second Ctrl-C always does.
    pub fn install() -> Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let heeded = Arc::new(AtomicBool::new(false));
        let hangs_up = !ignores_hangup(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let mut interrupt = signal(SignalKind::interrupt()).context("handle SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("handle SIGTERM")?;
        let mut quit = signal(SignalKind::quit()).context("handle SIGQUIT")?;
        let mut hangup =
            hangs_up.then(|| signal(SignalKind::hangup())).transpose().context("handle SIGHUP")?;
        let is_heeded = Arc::clone(&heeded);
        tokio::spawn(async move {
            let mut interrupts = 0;
            loop {
                let hung_up = async {
                    match &mut hangup {
                        Some(hangup) => hangup.recv().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    Some(()) = interrupt.recv() => interrupts += 1,
                    Some(()) = terminate.recv() => {}
                    Some(()) = quit.recv() => {}
                    Some(()) = hung_up => {}
                }
                sender.send_replace(true);
                if !is_heeded.load(Ordering::SeqCst) {
                    let failure = interrupted();
                    // Where stderr is closed as well, there is nowhere to write.
                    let _ = writeln!(std::io::stderr(), "error: {failure}; nothing was changed");
                    std::process::exit(failure.exit_code.number().into());
                }
                if interrupts > 1 {
                    std::process::exit(ExitCode::Cancelled.number().into());
                }
            }
        });
        Ok(Self { set: receiver, heeded })
    }

    /// Makes later signals set the interrupt, so that the run ends by itself, instead of ending the process at once.
    pub fn heed(&self) {
        self.heeded.store(true, Ordering::SeqCst);
    }

    /// Makes an interrupt that the caller sets.
    pub fn by_hand() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self { set: receiver, heeded: Arc::new(AtomicBool::new(true)) })
    }

    /// Does something unless the run is interrupted first. Then it is dropped, and what it has started with it.
    ///
    /// # Errors
    /// Its own, or [`interrupted`].
    pub async fn unless<T>(&self, doing: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = doing => done,
            () = self.wait() => Err(interrupted().into()),
        }
    }

    pub fn is_set(&self) -> bool {
        *self.set.borrow()
    }

    /// Waits until the run is asked to stop; for ever where it is not.
    pub async fn wait(&self) {
        let mut receiver = self.set.clone();
        if receiver.wait_for(|set| *set).await.is_err() {
            // Its sender is dropped: no signal can come any more.
            std::future::pending().await
        }
    }
}

/// Returns how a run ends that was interrupted.
pub fn interrupted() -> Failure {
    Failure { exit_code: ExitCode::Cancelled, ..Failure::service("the run was interrupted") }
}

/// Returns whether a process with this `/proc/PID/status` ignores SIGHUP, as `nohup` wants it. `SigIgn` is a set of
/// signals in hexadecimal digits, with signal 1, which is SIGHUP, as its lowest bit (proc_pid_status(5)). Other
/// systems than Linux have no such file, and nothing is ignored.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen() {
        for (status, ignores) in [
            ("Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0\n", true),
            ("SigIgn:\t0000000000001001\n", true),
            ("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n", false),
            ("SigBlk:\t0000000000000001\n", false),
            ("SigIgn:\tx\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignores, "{status}");
        }
    }
}
