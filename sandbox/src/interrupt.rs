//! Ctrl-C, SIGTERM and SIGHUP: whatever was started is ended in order, then the program ends.

use std::future::Future;
use std::process::{ExitStatus, Output};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a child may take to end in order.
const PATIENCE: Duration = Duration::from_secs(8);

/// The program was asked to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted {
    signal: Signal,
}

impl Interrupted {
    /// Returns 128 + the signal's number, as shells do.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.signal as i32).unwrap_or(130)
    }
}

/// Hears the signals from its start on; clones hear the same.
#[derive(Clone)]
pub struct Interrupts(watch::Receiver<Option<Signal>>);

impl Interrupts {
    /// Begins to hear the signals.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn listen() -> anyhow::Result<Self> {
        let (heard, receiver) = watch::channel(None);
        for (kind, name) in [
            (SignalKind::interrupt(), Signal::SIGINT),
            (SignalKind::terminate(), Signal::SIGTERM),
            (SignalKind::hangup(), Signal::SIGHUP),
        ] {
            let mut signals = signal(kind).with_context(|| format!("listen for {name}"))?;
            let heard = heard.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    heard.send_replace(Some(name));
                }
            });
        }
        Ok(Self(receiver))
    }

    /// Waits until the program is asked to end; at once if it was before.
    pub async fn heard(&self) -> Interrupted {
        let mut receiver = self.0.clone();
        match receiver.wait_for(Option::is_some).await.map(|signal| *signal) {
            Ok(Some(signal)) => Interrupted { signal },
            // The listeners never end before the program does.
            _ => std::future::pending().await,
        }
    }

    /// Does work that can simply be given up.
    ///
    /// # Errors
    /// [`Interrupted`], or the future's own error.
    pub async fn or<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            interrupted = self.heard() => Err(interrupted.into()),
        }
    }

    /// Runs a child whose stdout is wanted; it gets the chance to end in order.
    ///
    /// # Errors
    /// It cannot be started, or [`Interrupted`].
    pub async fn output(&self, command: &mut Command) -> anyhow::Result<Output> {
        let mut child = start(command)?;
        let id = child.id();
        let work = async move {
            let stdout = read_all(child.stdout.take());
            let stderr = read_all(child.stderr.take());
            let (stdout, stderr, status) = tokio::join!(stdout, stderr, child.wait());
            anyhow::Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
        };
        tokio::pin!(work);
        tokio::select! {
            output = &mut work => output,
            interrupted = self.heard() => {
                interrupt(id);
                // Killed with the future when it has not ended by then.
                let _ = tokio::time::timeout(PATIENCE, work).await;
                Err(interrupted.into())
            }
        }
    }

    /// Runs a child that the user works with: the program does not end it, and passes the signals on to it.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn status(&self, command: &mut Command) -> anyhow::Result<ExitStatus> {
        let mut child = start(command)?;
        let mut told = self.0.clone();
        loop {
            tokio::select! {
                status = child.wait() => return status.context("wait for the command"),
                Ok(()) = told.changed() => {
                    let signal = *told.borrow_and_update();
                    // At a terminal Ctrl-C reaches the command by itself, and twice may mean something else to it.
                    let by_terminal = signal == Some(Signal::SIGINT) && std::io::IsTerminal::is_terminal(&std::io::stdin());
                    if let (Some(signal), Some(id), false) = (signal, child.id(), by_terminal) {
                        send(id, signal);
                    }
                }
            }
        }
    }
}

fn start(command: &mut Command) -> anyhow::Result<Child> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.kill_on_drop(true).spawn().with_context(|| format!("start {program}"))
}

fn interrupt(id: Option<u32>) {
    if let Some(id) = id {
        send(id, Signal::SIGINT);
    }
}

fn send(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id) {
        // It may have ended just now, which is what was wanted.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

async fn read_all(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        tokio::io::AsyncReadExt::read_to_end(&mut pipe, &mut bytes).await?;
    }
    Ok(bytes)
}
