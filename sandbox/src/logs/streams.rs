//! Log streams.

use serde_json::{Value, json};

use super::{Logs, invalid, limit};
use crate::answer::{Answer, AwsError};
use crate::paging::paged;

pub(super) fn create(logs: &Logs, now: i64, input: &Value) -> Answer {
    let group = logs.group_name(input)?;
    let stream = input["logStreamName"].as_str().unwrap_or_default();
    if stream.is_empty() || stream.len() > 512 || stream.contains([':', '*']) {
        return Err(invalid(format!("Value '{stream}' at 'logStreamName' failed to satisfy constraint")));
    }
    let mut store = logs.store();
    let group = store.group_mut(&group)?;
    if group.streams.contains_key(stream) {
        return Err(AwsError::client(
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ));
    }
    group.add_stream(stream, now);
    Ok(json!({}))
}

pub(super) fn describe(logs: &Logs, input: &Value) -> Answer {
    let group_name = logs.group_name(input)?;
    let prefix = input["logStreamNamePrefix"].as_str();
    let by_time = match input["orderBy"].as_str() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if prefix.is_some() => {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        Some("LastEventTime") => true,
        Some(other) => {
            return Err(invalid(format!("Value '{other}' at 'orderBy' failed to satisfy constraint")));
        }
    };
    let store = logs.store();
    let group = store.group(&group_name)?;
    let mut streams: Vec<_> =
        group.streams.iter().filter(|(name, _)| name.starts_with(prefix.unwrap_or_default())).collect();
    if by_time {
        streams.sort_by_key(|(_, stream)| stream.events.last_key_value().map(|(position, _)| *position));
    }
    if input["descending"] == true {
        streams.reverse();
    }
    let rendered: Vec<Value> = streams
        .into_iter()
        .map(|(name, stream)| {
            let mut rendered = json!({
                "logStreamName": name,
                "creationTime": stream.created,
                "arn": format!("{}:log-stream:{name}", logs.group_arn(&group_name)),
                "storedBytes": 0,
                "uploadSequenceToken": "49039859627270200971420486529153",
            });
            if let (Some((first, _)), Some((last, stored))) =
                (stream.events.first_key_value(), stream.events.last_key_value())
            {
                rendered["firstEventTimestamp"] = first.0.into();
                rendered["lastEventTimestamp"] = last.0.into();
                rendered["lastIngestionTime"] = stored.ingested.into();
            }
            rendered
        })
        .collect();
    paged(rendered, "logStreams", input, limit(input, 50, 50)?)
}
