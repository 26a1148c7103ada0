//! Capacity: whose turn it is to call RunTask, and when, while Fargate has no room.
//!
//! The vCPU quota is the account's, and a lack of capacity is a zone's: what one task is refused, the next one would
//! be refused as well. So after a refusal all of them wait in their order. A task of this run that is STOPPED makes
//! room for one; a probe now and then finds room that others made, and each probe that finds some lets two follow. A
//! task whose container has exited holds its vCPUs until it is STOPPED: a refusal meanwhile is not reported.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backoff::jittered;

/// RunTask calls that wait for an answer at a time: enough for its 20 a second, and only so many are refused at once
/// when the room ends.
const MAX_CALLS: usize = 10;
/// The first and the longest wait between probes: doubled each time, and up to a quarter shorter at random, so that
/// two runs do not probe in step.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LAST_WAIT: Duration = Duration::from_secs(60);
/// A task is STOPPED some 30 s after its container's exit: a wait for one that takes longer is reported.
const LEAVES_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Capacity {
    /// How long there may be no room at all.
    patience: Duration,
    state: RefCell<Turns>,
    changed: Notify,
}

#[derive(Default)]
struct Turns {
    /// Places in the plan: the first one that waits has the next turn.
    waiting: BTreeSet<usize>,
    calls: usize,
    lack: Option<Lack>,
    /// Tasks of this run whose containers have exited, and that are not STOPPED yet.
    leaving: HashMap<String, Instant>,
}

struct Lack {
    /// When the first refusal came after the last task that could be started.
    since: Instant,
    reason: String,
    /// Tasks of this run that are STOPPED and were not replaced yet.
    replacements: usize,
    probes: usize,
    next_probe: Instant,
    wait: Duration,
}

/// The right to call RunTask once.
pub(super) struct Turn<'a> {
    is_probe: bool,
    capacity: &'a Capacity,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.capacity.state.borrow_mut().calls -= 1;
        self.capacity.changed.notify_waiters();
    }
}

/// A place in the queue, left when the turn comes or nobody waits for it any more.
struct QueuePlace<'a>(&'a Capacity, usize);

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().waiting.remove(&self.1);
        self.0.changed.notify_waiters();
    }
}

impl Capacity {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, state: RefCell::default(), changed: Notify::new() }
    }

    /// Waits for the turn of the task at `place` in the order.
    ///
    /// # Errors
    /// RunTask has refused for all of the patience: what it last said.
    pub(super) async fn turn(&self, place: usize) -> Result<Turn<'_>, String> {
        self.state.borrow_mut().waiting.insert(place);
        let _place = QueuePlace(self, place);
        loop {
            let changed = self.changed.notified();
            let admission = self.state.borrow_mut().admit(place, self.patience)?;
            match admission {
                Admission::Now { is_probe } => return Ok(Turn { is_probe, capacity: self }),
                Admission::At(at) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
                Admission::WhenSomethingChanges => changed.await,
            }
        }
    }

    /// Gives the turn back when RunTask was not called after all: another task may have it.
    pub(super) fn unused(&self, turn: Turn<'_>) {
        if let Some(lack) = &mut self.state.borrow_mut().lack {
            lack.replacements += usize::from(!turn.is_probe);
            lack.probes += usize::from(turn.is_probe);
        }
    }

    /// Takes note that RunTask has started a task: the patience begins anew, and a probe that finds room lets two
    /// more follow.
    pub(super) fn launched(&self, turn: &Turn<'_>) {
        if let Some(lack) = &mut self.state.borrow_mut().lack {
            lack.since = Instant::now();
            if turn.is_probe {
                lack.probes += 2;
                lack.wait = FIRST_WAIT;
                self.changed.notify_waiters();
            }
        }
    }

    /// Takes note that RunTask has said that there is no room. Returns whether tasks of this run are about to give
    /// some back.
    pub(super) fn refused(&self, turn: &Turn<'_>, reason: &str) -> bool {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        let is_awaited = state.leaving.values().any(|exit| exit.elapsed() < LEAVES_WITHIN);
        let lack = state.lack.get_or_insert_with(|| Lack {
            since: now,
            reason: String::new(),
            replacements: 0,
            probes: 0,
            next_probe: now + jittered(FIRST_WAIT),
            wait: FIRST_WAIT,
        });
        reason.clone_into(&mut lack.reason);
        if turn.is_probe {
            lack.probes = 0;
            lack.wait = (lack.wait * 2).min(LAST_WAIT);
            lack.next_probe = now + jittered(lack.wait);
        }
        is_awaited
    }

    /// Takes note that the container of a task of this run has exited, and the task is not STOPPED.
    pub(super) fn container_exited(&self, arn: &str) {
        self.state.borrow_mut().leaving.insert(arn.to_owned(), Instant::now());
    }

    /// Takes note that a task of this run is STOPPED: there is room for another one.
    pub(super) fn task_stopped(&self, arn: &str) {
        let mut state = self.state.borrow_mut();
        state.leaving.remove(arn);
        if let Some(lack) = &mut state.lack {
            lack.replacements += 1;
            self.changed.notify_waiters();
        }
    }
}

enum Admission {
    Now { is_probe: bool },
    At(Instant),
    WhenSomethingChanges,
}

impl Turns {
    fn admit(&mut self, place: usize, patience: Duration) -> Result<Admission, String> {
        if self.waiting.first() != Some(&place) || self.calls >= MAX_CALLS {
            return Ok(Admission::WhenSomethingChanges);
        }
        let admission = match &mut self.lack {
            None => Admission::Now { is_probe: false },
            Some(lack) => lack.admit(patience)?,
        };
        self.calls += usize::from(matches!(admission, Admission::Now { .. }));
        Ok(admission)
    }
}

impl Lack {
    fn admit(&mut self, patience: Duration) -> Result<Admission, String> {
        let now = Instant::now();
        if now >= self.since + patience {
            return Err(self.reason.clone());
        }
        if self.replacements > 0 {
            self.replacements -= 1;
            return Ok(Admission::Now { is_probe: false });
        }
        if self.probes > 0 {
            self.probes -= 1;
        } else if now >= self.next_probe {
            self.next_probe = now + jittered(self.wait);
        } else {
            return Ok(Admission::At(self.next_probe.min(self.since + patience)));
        }
        Ok(Admission::Now { is_probe: true })
    }
}
