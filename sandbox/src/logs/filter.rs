//! FilterLogEvents: several streams of a group, interleaved by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::store::{Group, PAGE_BYTES, PAGE_EVENTS, Position, Stream, weight};
use super::{Logs, invalid, limit};
use crate::answer::{Answer, AwsError};
use crate::faults::Faults;

/// Streams that one request may name.
const MAX_NAMES: usize = 100;

pub(super) fn filter(logs: &Logs, faults: &Faults, input: &Value) -> Answer {
    let group_name = logs.group_name(input)?;
    let most = limit(input, PAGE_EVENTS, PAGE_EVENTS)?;
    let store = logs.store();
    let streams = select(store.group(&group_name)?, input)?;
    let start = input["startTime"].as_i64().unwrap_or(i64::MIN);
    // Inclusive, unlike that of GetLogEvents.
    let end = input["endTime"].as_i64().unwrap_or(i64::MAX);
    let pattern = Pattern::parse(input["filterPattern"].as_str().unwrap_or_default());
    let after = input["nextToken"].as_str().map(parse).transpose()?;
    if faults.on_filter_empty_page() {
        let token = token_of(after.unwrap_or((i64::MIN, 0)));
        return Ok(json!({ "events": [], "searchedLogStreams": [], "nextToken": token }));
    }
    let from = match after {
        Some(position) if faults.on_filter_repeated_events() => Included(position),
        Some(position) => Excluded(position),
        None => Included((start, 0)),
    };

    let mut sources: Vec<_> = streams
        .iter()
        .map(|(_, stream)| {
            stream.events.range((from, Unbounded)).take_while(|(position, _)| position.0 <= end).peekable()
        })
        .collect();
    let mut heads: BinaryHeap<Reverse<(Position, usize)>> = sources
        .iter_mut()
        .enumerate()
        .filter_map(|(index, source)| source.peek().map(|(position, _)| Reverse((**position, index))))
        .collect();
    let (mut events, mut bytes, mut last) = (Vec::new(), 0, None);
    let mut next = None;
    while let Some(Reverse((position, index))) = heads.pop() {
        let Some((_, event)) = sources[index].next() else { continue };
        if let Some((following, _)) = sources[index].peek() {
            heads.push(Reverse((**following, index)));
        }
        if !pattern.matches(&event.message) {
            last = Some(position);
            continue;
        }
        bytes += weight(event);
        if events.len() == most || (bytes > PAGE_BYTES && !events.is_empty()) {
            next = last;
            break;
        }
        last = Some(position);
        events.push(json!({
            "logStreamName": streams[index].0,
            "timestamp": position.0,
            "message": event.message,
            "ingestionTime": event.ingested,
            "eventId": format!("{:026}{:030}", position.0, position.1),
        }));
    }
    // `json!` would copy them.
    let mut answer = json!({ "searchedLogStreams": [] });
    answer["events"] = Value::Array(events);
    if let Some(next) = next {
        answer["nextToken"] = token_of(next).into();
    }
    Ok(answer)
}

fn select<'a>(group: &'a Group, input: &Value) -> Result<Vec<(&'a str, &'a Stream)>, AwsError> {
    let names = input["logStreamNames"].as_array();
    let prefix = input["logStreamNamePrefix"].as_str();
    let Some(names) = names else {
        let prefix = prefix.unwrap_or_default();
        let from = group.streams.range::<str, _>((Included(prefix), Unbounded));
        // A stream without events since the start is skipped: most of a fleet's thousands have ended.
        let start = input["startTime"].as_i64().unwrap_or(i64::MIN);
        let streams = from
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter(|(_, stream)| stream.events.last_key_value().is_some_and(|(last, _)| last.0 >= start));
        return Ok(streams.map(|(name, stream)| (name.as_str(), stream)).collect());
    };
    if prefix.is_some() {
        return Err(invalid("LogStreamNamePrefix and LogStreamNames cannot both be specified."));
    }
    if names.is_empty() || names.len() > MAX_NAMES {
        return Err(invalid(format!(
            "1 validation error detected: Value at 'logStreamNames' failed to satisfy constraint: \
             Member must have length between 1 and {MAX_NAMES}"
        )));
    }
    names
        .iter()
        .filter_map(Value::as_str)
        .map(|name| Ok((by_name(group, name)?, group.stream(name)?)))
        .collect()
}

fn by_name<'a>(group: &'a Group, name: &str) -> Result<&'a str, AwsError> {
    group.stream(name)?;
    Ok(group.streams.get_key_value(name).map_or("", |(name, _)| name.as_str()))
}

/// Terms that must all occur, quoted or not: the plain-text part of the filter syntax.
struct Pattern(Vec<String>);

impl Pattern {
    fn parse(text: &str) -> Self {
        let terms = text.split('"').enumerate().flat_map(|(index, part)| {
            if index % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(ToOwned::to_owned).collect()
            }
        });
        Self(terms.filter(|term| !term.is_empty()).collect())
    }

    fn matches(&self, message: &str) -> bool {
        self.0.iter().all(|term| message.contains(term.as_str()))
    }
}

fn token_of((timestamp, number): Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{timestamp}/{number}"))
}

fn parse(token: &str) -> Result<Position, AwsError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (timestamp, number) = text.split_once('/')?;
        Some((timestamp.parse().ok()?, number.parse().ok()?))
    };
    read().ok_or_else(|| invalid("The specified nextToken is invalid."))
}
