//! PutLogEvents.

use serde_json::{Value, json};

use super::{Event, Logs, invalid};
use crate::answer::Answer;

/// Largest batch: bytes with 26 for each event, and events.
const MAX_BATCH_BYTES: usize = 1_048_576;
const MAX_BATCH_EVENTS: usize = 10_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) fn put(logs: &Logs, now: i64, input: &Value) -> Answer {
    let group = logs.group_name(input)?;
    let stream = input["logStreamName"].as_str().unwrap_or_default();
    let events: Vec<Event> = input["logEvents"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| Event {
            timestamp: event["timestamp"].as_i64().unwrap_or_default(),
            message: event["message"].as_str().unwrap_or_default().into(),
        })
        .collect();
    if events.is_empty() || events.len() > MAX_BATCH_EVENTS {
        return Err(invalid("Log events in a single PutLogEvents request should be between 1 and 10000."));
    }
    if events.iter().map(|event| event.message.len() + 26).sum::<usize>() > MAX_BATCH_BYTES {
        return Err(invalid("Upload too large: the limit is 1048576 bytes."));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let too_old = events.iter().take_while(|event| event.timestamp < now - 14 * DAY).count();
    let accepted: Vec<Event> =
        events.into_iter().skip(too_old).filter(|event| event.timestamp <= now + DAY / 12).collect();
    logs.store().group_mut(&group)?.ingest(stream, accepted, now)?;
    let mut answer = json!({ "nextSequenceToken": "49039859627270200971420486529153" });
    if too_old > 0 {
        answer["rejectedLogEventsInfo"] = json!({ "tooOldLogEventEndIndex": too_old });
    }
    Ok(answer)
}
