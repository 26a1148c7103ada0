//! The logs of a whole fleet by FilterLogEvents: one call for all streams, however many tasks run.
//!
//! It reads on from a watermark with an overlap, since events become visible late, and knows by their ids the events
//! that it has passed on already. [`super`] reads two kinds of streams again from their head with GetLogEvents: those
//! with events out of order, and those that ended without a migration report.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::failure::is_transient;
use crate::ports::{FilterPage, LogEvent, LogGroup, LogReads, LogStream, StreamEvent};
use crate::steps::task::log::stream::Read;

/// The pause between two sweeps: the driver flushes every five seconds.
const INTERVAL: Duration = Duration::from_secs(10);
/// Without a whole sweep for so long, a stream is read by itself.
pub(super) const STALE: Duration = Duration::from_secs(30);
/// Milliseconds before the watermark at which a sweep begins.
const OVERLAP: i64 = 30_000;
/// Pages of one sweep, at most. Each of its events is read again while it is in the overlap, those of other runs
/// included: with more of them, one read of each stream is cheaper, and keeps up. It bounds the ids that are
/// remembered as well.
const MAX_PAGES: u32 = 30;

pub(crate) struct FleetLog<'a, R> {
    reads: &'a R,
    group: LogGroup,
    streams: RefCell<HashMap<String, TaskStream>>,
    /// The newest event, in milliseconds since the Unix epoch.
    watermark: Cell<i64>,
    /// The ids of events after the overlap's begin, as hashes: a run may see many.
    seen: RefCell<HashMap<u64, i64>>,
    hasher: RandomState,
    /// When the last whole sweep began.
    swept: watch::Sender<Option<Instant>>,
    more: Notify,
}

struct TaskStream {
    events: mpsc::UnboundedSender<Vec<LogEvent>>,
    newest: i64,
    out_of_order: Rc<Cell<bool>>,
}

/// How a sweep ended.
enum Swept {
    All,
    /// Not to its end, which says nothing about what is there: the next one begins at the same place.
    Not,
    NeverAgain(String),
}

/// One stream of the fleet's log.
pub(crate) struct FleetStream {
    pub stream: LogStream,
    events: mpsc::UnboundedReceiver<Vec<LogEvent>>,
    swept: watch::Receiver<Option<Instant>>,
    out_of_order: Rc<Cell<bool>>,
}

impl FleetStream {
    /// Returns the next events, or the end of a sweep; `None` when the fleet's log is not read any more.
    pub(crate) async fn read(&mut self) -> Option<Read> {
        tokio::select! {
            biased;
            events = self.events.recv() => events.map(Read::Events),
            changed = self.swept.changed() => changed.ok().map(|()| Read::End),
        }
    }

    /// Returns whether the last whole sweep began at this time or later.
    pub(crate) fn is_swept_since(&self, time: Instant) -> bool {
        self.swept.borrow().is_some_and(|began| began >= time)
    }

    /// Returns whether all events came in their order so far, and more will come.
    pub(crate) fn is_sound(&self) -> bool {
        let is_over = self.events.is_closed() && self.events.is_empty();
        !(is_over || self.out_of_order.get())
    }
}

impl<'a, R: LogReads> FleetLog<'a, R> {
    /// Begins a fleet's log. Events before `since`, in milliseconds since the Unix epoch, are not read.
    pub(crate) fn new(reads: &'a R, group: LogGroup, since: i64) -> Self {
        Self {
            reads,
            group,
            streams: RefCell::default(),
            watermark: Cell::new(since.saturating_add(OVERLAP)),
            seen: RefCell::default(),
            hasher: RandomState::new(),
            swept: watch::Sender::new(None),
            more: Notify::new(),
        }
    }

    /// Follows a stream that begins now, or (`is_new` false) may have begun before the run: that one is not sound.
    pub(crate) fn follow(&self, stream: LogStream, is_new: bool) -> FleetStream {
        let (events, receiver) = mpsc::unbounded_channel();
        let out_of_order = Rc::new(Cell::new(!is_new));
        let entry = TaskStream { events, newest: i64::MIN, out_of_order: Rc::clone(&out_of_order) };
        self.streams.borrow_mut().insert(stream.name.clone(), entry);
        self.more.notify_one();
        FleetStream { stream, events: receiver, swept: self.swept.subscribe(), out_of_order }
    }

    /// Reads until it cannot any more; returns why.
    pub(crate) async fn run(&self) -> String {
        loop {
            let more = self.more.notified();
            self.streams.borrow_mut().retain(|_, stream| !stream.events.is_closed());
            if self.streams.borrow().is_empty() {
                more.await;
                continue;
            }
            let began = Instant::now();
            match self.sweep().await {
                Swept::All => drop(self.swept.send_replace(Some(began))),
                Swept::Not => {}
                Swept::NeverAgain(why) => {
                    self.streams.take();
                    self.seen.take();
                    return why;
                }
            }
            sleep(INTERVAL).await;
        }
    }

    /// Reads all pages from the beginning of the overlap on.
    async fn sweep(&self) -> Swept {
        let since = self.watermark.get() - OVERLAP;
        let (mut token, mut pages) = (None, 0);
        loop {
            let page = match self.reads.filter_log_events(&self.group, since, token.as_deref()).await {
                Ok(page) => page,
                Err(error) if is_transient(&error) => return Swept::Not,
                Err(error) => return Swept::NeverAgain(format!("{error:#}")),
            };
            let FilterPage { events, next } = page;
            self.pass_on(events);
            pages += 1;
            // What reads them runs on this thread as well.
            tokio::task::yield_now().await;
            token = next;
            if token.is_none() {
                break;
            }
            if pages >= MAX_PAGES {
                return Swept::NeverAgain(format!(
                    "log group {} gets more events, others' included, than are worth reading together",
                    self.group.name
                ));
            }
        }
        let oldest = self.watermark.get() - OVERLAP;
        self.seen.borrow_mut().retain(|_, timestamp| *timestamp >= oldest);
        Swept::All
    }

    /// Passes events on to the streams that are followed. The other events are of other runs.
    fn pass_on(&self, events: Vec<StreamEvent>) {
        let mut streams = self.streams.borrow_mut();
        let mut seen = self.seen.borrow_mut();
        let mut batches: HashMap<String, Vec<LogEvent>> = HashMap::new();
        for StreamEvent { stream: name, id, event } in events {
            let Some(stream) = streams.get_mut(&name) else { continue };
            self.watermark.set(self.watermark.get().max(event.timestamp));
            if seen.insert(self.hasher.hash_one((&name, id)), event.timestamp).is_some() {
                continue;
            }
            if event.timestamp < stream.newest {
                stream.out_of_order.set(true);
            }
            stream.newest = stream.newest.max(event.timestamp);
            batches.entry(name).or_default().push(event);
        }
        for (name, batch) in batches {
            if let Some(stream) = streams.get(&name) {
                // Nobody reads a stream whose verdict is made.
                let _ = stream.events.send(batch);
            }
        }
    }
}
