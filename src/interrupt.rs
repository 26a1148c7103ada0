//! SIGINT and SIGTERM: what GitHub's runner sends when a job is cancelled, ten seconds before it kills us.
//!
//! The handlers must be ours: a process that is PID 1 in its container ignores both by default.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::{ExitCode, Failure};

/// Whether the run was asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Installs the handlers. A second Ctrl-C ends the process at once.
    pub fn install() -> Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt()).context("handle SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("handle SIGTERM")?;
        tokio::spawn(async move {
            let mut interrupts = 0;
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => interrupts += 1,
                    Some(()) = terminate.recv() => {}
                }
                sender.send_replace(true);
                if interrupts > 1 {
                    std::process::exit(ExitCode::Cancelled as i32);
                }
            }
        });
        Ok(Self(receiver))
    }

    /// One that the caller sets.
    pub fn by_hand() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Does something, unless the run is interrupted first: then it is dropped, and what it started with it.
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
        *self.0.borrow()
    }

    /// Resolves when the run is asked to stop; never before.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|set| *set).await.is_err() {
            // Its sender is gone: nobody can ask any more.
            std::future::pending().await
        }
    }
}

/// How a run ends that was interrupted.
pub fn interrupted() -> Failure {
    Failure { exit_code: ExitCode::Cancelled, ..Failure::service("the run was interrupted") }
}
