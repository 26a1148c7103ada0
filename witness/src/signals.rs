//! SIGTERM and SIGINT, caught from the start of the process on.

use crate::failure::{Exit, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The two signals that ask the process to end: ECS and Docker send SIGTERM, a terminal SIGINT.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub fn install() -> Result<Self, Failure> {
        let listen = |kind, name| {
            signal(kind).map_err(|error| Failure::new(Exit::Failed, format!("listen for {name}: {error}")))
        };
        Ok(Self {
            term: listen(SignalKind::terminate(), "SIGTERM")?,
            int: listen(SignalKind::interrupt(), "SIGINT")?,
        })
    }

    /// Waits for the first of the two and says which. Safe to drop and to call again: a signal that arrives
    /// between two calls is not lost.
    pub async fn received(&mut self) -> Stop {
        tokio::select! {
            _ = self.term.recv() => Stop::Term,
            _ = self.int.recv() => Stop::Int,
        }
    }
}

/// The first signal, for many at once: every clone receives it, then and ever after.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<Option<Stop>>);

impl Stopping {
    /// Begins to listen for the first signal. The caller is inside a runtime.
    pub fn by(mut signals: Signals) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let stop = signals.received().await;
            sender.send_replace(Some(stop));
            sender.closed().await;
        });
        Self(receiver)
    }

    pub fn now(&self) -> Option<Stop> {
        *self.0.borrow()
    }

    pub async fn received(&mut self) -> Stop {
        match self.0.wait_for(Option::is_some).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            // The listener ends with the runtime, and nobody waits there any more.
            _ => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Term,
    Int,
}

impl Stop {
    pub fn name(self) -> &'static str {
        match self {
            Stop::Term => "SIGTERM",
            Stop::Int => "SIGINT",
        }
    }

    /// Returns 128 + the signal's number, as a shell would.
    pub fn exit(self) -> Exit {
        match self {
            Stop::Term => Exit::Terminated,
            Stop::Int => Exit::Interrupted,
        }
    }
}
