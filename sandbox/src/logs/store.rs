//! Log events, ordered by their time.

use std::collections::BTreeMap;

use crate::answer::AwsError;

/// Where an event stands: its timestamp, then the order of ingestion within its group.
pub(super) type Position = (i64, u64);

/// One log event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    pub message: String,
}

#[derive(Debug)]
pub(super) struct Stored {
    pub message: String,
    pub ingested: i64,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub created: i64,
    pub events: BTreeMap<Position, Stored>,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub created: i64,
    pub retention_days: Option<u64>,
    pub streams: BTreeMap<String, Stream>,
    ingested: u64,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub groups: BTreeMap<String, Group>,
}

impl Store {
    pub fn add_group(&mut self, name: &str, now: i64) {
        self.groups.entry(name.into()).or_insert_with(|| Group { created: now, ..Group::default() });
    }

    pub fn group(&self, name: &str) -> Result<&Group, AwsError> {
        self.groups.get(name).ok_or_else(missing_group)
    }

    pub fn group_mut(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        self.groups.get_mut(name).ok_or_else(missing_group)
    }
}

impl Group {
    pub fn stream(&self, name: &str) -> Result<&Stream, AwsError> {
        self.streams.get(name).ok_or_else(missing_stream)
    }

    pub fn add_stream(&mut self, name: &str, now: i64) {
        self.streams.entry(name.into()).or_insert_with(|| Stream { created: now, ..Stream::default() });
    }

    pub fn ingest(&mut self, stream: &str, events: Vec<Event>, now: i64) -> Result<(), AwsError> {
        let stream = self.streams.get_mut(stream).ok_or_else(missing_stream)?;
        for event in events {
            self.ingested += 1;
            let stored = Stored { message: event.message, ingested: now };
            stream.events.insert((event.timestamp, self.ingested), stored);
        }
        Ok(())
    }
}

/// Returns the bytes that a page counts for an event.
pub(super) fn weight(event: &Stored) -> usize {
    event.message.len() + 26
}

/// Largest page, in bytes and in events.
pub(super) const PAGE_BYTES: usize = 1024 * 1024;
pub(super) const PAGE_EVENTS: usize = 10_000;

fn missing_group() -> AwsError {
    AwsError::client("ResourceNotFoundException", "The specified log group does not exist.")
}

fn missing_stream() -> AwsError {
    AwsError::client("ResourceNotFoundException", "The specified log stream does not exist.")
}
