//! One log stream, read from its head: every event once, in order, none lost, and none kept.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep_until};

use crate::ports::{LogEvent, LogPage, LogReads, LogStream};

/// The pause between two reads while the container runs: a person sees it live.
const LIVE: Duration = Duration::from_secs(2);
/// The same for many streams at a time: the driver flushes every five seconds, and two flushes are worth a call.
const MANY_LIVE: Duration = Duration::from_secs(10);
/// The pause while the log of an exited container is drained: doubled while nothing comes, up to the longest.
const DRAIN_CADENCE: Duration = Duration::from_millis(500);
const LONGEST_DRAIN: Duration = Duration::from_secs(4);
/// A page with this many events has more behind it: it is followed by the next at once.
const FULL_PAGE: usize = 1_000;

pub(crate) struct LogFollower {
    stream: LogStream,
    token: Option<String>,
    next_read: Instant,
    /// When the last read was asked for.
    asked_at: Instant,
    cadence: Duration,
    draining: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Events(Vec<LogEvent>),
    /// Nothing more for now.
    End,
    /// There is no such stream (yet).
    Absent,
}

impl LogFollower {
    pub(crate) fn new(stream: LogStream) -> Self {
        let now = Instant::now();
        Self { stream, token: None, next_read: now, asked_at: now, cadence: LIVE, draining: false }
    }

    /// Follows one of many streams that are read at the same time.
    pub(crate) fn of_many(stream: LogStream) -> Self {
        Self { cadence: MANY_LIVE, ..Self::new(stream) }
    }

    pub(crate) fn stream(&self) -> &LogStream {
        &self.stream
    }

    pub(crate) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// Makes the next read due at this time at the latest, unless the time has passed.
    pub(crate) fn no_later_than(&mut self, at: Instant) {
        if at > Instant::now() {
            self.next_read = self.next_read.min(at);
        }
    }

    /// Reads on without pauses for live reading, because the container has exited.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.cadence = DRAIN_CADENCE;
        self.next_read = Instant::now();
    }

    /// Reads the first page with events, of a stream that is complete.
    pub(crate) async fn read_once(&mut self, reads: &impl LogReads) -> Result<Read> {
        loop {
            match self.read(reads).await? {
                Read::Events(events) if events.is_empty() => {}
                read => return Ok(read),
            }
        }
    }

    /// Reads the next page, when it is time for it. Dropped half-way, nothing is lost: the same page is read again.
    pub(crate) async fn read(&mut self, reads: &impl LogReads) -> Result<Read> {
        sleep_until(self.next_read).await;
        self.asked_at = Instant::now();
        let page = reads.log_page(&self.stream, self.token.as_deref()).await;
        self.next_read = Instant::now() + self.cadence;
        if self.draining {
            self.cadence = (self.cadence * 2).min(LONGEST_DRAIN);
        }
        match page? {
            LogPage::Absent => Ok(Read::Absent),
            LogPage::Events { events, next } => {
                // The end of a stream is the token that was sent (GetLogEvents).
                let at_end = events.is_empty() && next == self.token;
                if next.is_some() {
                    self.token = next;
                }
                if at_end {
                    return Ok(Read::End);
                }
                // A page may be empty and not be the last one.
                if events.is_empty() || events.len() >= FULL_PAGE || self.draining {
                    self.next_read = Instant::now();
                }
                if self.draining {
                    self.cadence = DRAIN_CADENCE;
                }
                Ok(Read::Events(events))
            }
        }
    }
}
