//! SIGTERM and SIGINT, caught from the start of the process on.

use crate::failure::{Exit, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};

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

    /// 128 + the signal's number, as a shell would say.
    pub fn exit(self) -> Exit {
        match self {
            Stop::Term => Exit::Terminated,
            Stop::Int => Exit::Interrupted,
        }
    }
}
