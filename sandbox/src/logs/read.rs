//! GetLogEvents: pages of one stream, forwards and backwards.

use std::ops::Bound::{Excluded, Unbounded};

use serde_json::{Value, json};

use super::store::{PAGE_BYTES, PAGE_EVENTS, Position, Stored, weight};
use super::{Logs, invalid, limit};
use crate::answer::{Answer, AwsError};

enum Direction {
    Forward,
    Backward,
}

/// Answers a page of events. A token never ends: the one that was sent comes back when there is nothing beyond it.
pub(super) fn get(logs: &Logs, input: &Value) -> Answer {
    let group = logs.group_name(input)?;
    let most = limit(input, PAGE_EVENTS, PAGE_EVENTS)?;
    let store = logs.store();
    let stream = store.group(&group)?.stream(input["logStreamName"].as_str().unwrap_or_default())?;
    let start = input["startTime"].as_i64().unwrap_or(i64::MIN);
    let end = input["endTime"].as_i64().unwrap_or(i64::MAX);
    let wanted = |(position, _): &(&Position, &Stored)| (start..end).contains(&position.0);

    let token = input["nextToken"].as_str().map(parse).transpose()?;
    let from_head = input["startFromHead"].as_bool().unwrap_or(false);
    let (direction, at) = match token {
        Some((direction, at)) => (direction, Some(at)),
        None if from_head => (Direction::Forward, None),
        None => (Direction::Backward, None),
    };
    let page: Vec<(&Position, &Stored)> = match direction {
        Direction::Forward => {
            let after = at.map_or(Unbounded, Excluded);
            fill(stream.events.range((after, Unbounded)).filter(wanted), most)
        }
        Direction::Backward => {
            let before = at.map_or(Unbounded, Excluded);
            let mut page = fill(stream.events.range((Unbounded, before)).rev().filter(wanted), most);
            page.reverse();
            page
        }
    };
    let events: Vec<Value> = page
        .iter()
        .map(|(position, event)| {
            json!({ "timestamp": position.0, "message": event.message, "ingestionTime": event.ingested })
        })
        .collect();
    // An empty first page stands before everything that is still to come.
    let nowhere = at.unwrap_or((0, 0));
    let first = page.first().map_or(nowhere, |(position, _)| **position);
    let last = page.last().map_or(nowhere, |(position, _)| **position);
    // `json!` would copy them.
    let mut answer =
        json!({ "nextForwardToken": token_of('f', last), "nextBackwardToken": token_of('b', first) });
    answer["events"] = Value::Array(events);
    Ok(answer)
}

fn fill<'a>(
    events: impl Iterator<Item = (&'a Position, &'a Stored)>,
    most: usize,
) -> Vec<(&'a Position, &'a Stored)> {
    let mut bytes = 0;
    events
        .take_while(|(_, event)| {
            bytes += weight(event);
            bytes <= PAGE_BYTES
        })
        .take(most)
        .collect()
}

fn token_of(direction: char, (timestamp, number): Position) -> String {
    format!("{direction}/{timestamp:026}{number:030}/s")
}

fn parse(token: &str) -> Result<(Direction, Position), AwsError> {
    let refuse = || invalid("The specified nextToken is invalid.");
    let (direction, rest) = token.split_once('/').ok_or_else(refuse)?;
    let direction = match direction {
        "f" => Direction::Forward,
        "b" => Direction::Backward,
        _ => return Err(refuse()),
    };
    let digits = rest.strip_suffix("/s").filter(|digits| digits.len() == 56 && digits.is_ascii());
    let (timestamp, number) = digits.ok_or_else(refuse)?.split_at(26);
    match (timestamp.parse(), number.parse()) {
        (Ok(timestamp), Ok(number)) => Ok((direction, (timestamp, number))),
        _ => Err(refuse()),
    }
}
