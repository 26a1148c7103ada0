//! CloudWatch Logs: groups, streams and events, and the awslogs driver that fills them.

mod driver;
mod filter;
mod groups;
mod read;
mod store;
mod streams;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::answer::{Answer, AwsError};
use crate::region::Region;
use crate::world::World;

pub use driver::{Destination, ship};
pub use store::Event;
use store::Store;

/// The log groups of one Region.
pub struct Logs {
    store: Mutex<Store>,
    /// `arn:aws:logs:REGION:ACCOUNT:log-group:`.
    arn_prefix: String,
}

impl Logs {
    pub fn new(region: &str, account: &str) -> Self {
        Self { store: Mutex::default(), arn_prefix: format!("arn:aws:logs:{region}:{account}:log-group:") }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group_arn(&self, group: &str) -> String {
        format!("{}{group}", self.arn_prefix)
    }

    /// Returns the group that a request names by name or, as `logGroupIdentifier`, by name or ARN.
    fn group_name(&self, input: &Value) -> Result<String, AwsError> {
        let name = input["logGroupName"].as_str().or_else(|| input["logGroupIdentifier"].as_str());
        let name =
            name.ok_or_else(|| invalid("Exactly one of logGroupName and logGroupIdentifier is required."))?;
        let name = name.strip_prefix(&self.arn_prefix).unwrap_or(name);
        Ok(name.strip_suffix(":*").unwrap_or(name).to_owned())
    }

    pub fn create_group(&self, name: &str, now: i64) {
        self.store().add_group(name, now);
    }

    /// Lists the events of a stream, in the order of their time.
    pub fn events(&self, group: &str, stream: &str) -> Vec<Event> {
        let store = self.store();
        let Ok(stream) = store.group(group).and_then(|group| group.stream(stream)) else { return Vec::new() };
        let events = stream.events.iter();
        events
            .map(|(position, event)| Event { timestamp: position.0, message: event.message.clone() })
            .collect()
    }

    pub fn group_names(&self) -> Vec<String> {
        self.store().groups.keys().cloned().collect()
    }

    pub fn has_group(&self, name: &str) -> bool {
        self.store().group(name).is_ok()
    }
}

/// Answers an operation of `Logs_20140328`.
pub fn handle(world: &Arc<World>, region: &Arc<Region>, operation: &str, input: &Value) -> Answer {
    let (logs, now) = (&region.logs, world.clock.now());
    match operation {
        "CreateLogGroup" => groups::create(logs, now, input),
        "DeleteLogGroup" => groups::delete(logs, input),
        "DescribeLogGroups" => groups::describe(logs, input),
        "PutRetentionPolicy" => groups::put_retention(logs, input),
        "CreateLogStream" => streams::create(logs, now, input),
        "DescribeLogStreams" => streams::describe(logs, input),
        "PutLogEvents" => write::put(logs, now, input),
        "GetLogEvents" => read::get(logs, input),
        "FilterLogEvents" => filter::filter(logs, &world.faults, input),
        _ => Err(AwsError::unknown_operation()),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("InvalidParameterException", message)
}

/// Reads `limit` of a request: its default when absent, an error outside 1 to `most`.
fn limit(input: &Value, default: usize, most: usize) -> Result<usize, AwsError> {
    let Some(given) = input.get("limit").filter(|limit| !limit.is_null()) else { return Ok(default) };
    match given.as_u64().and_then(|number| usize::try_from(number).ok()) {
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(number) if number > most => Err(invalid(format!(
            "1 validation error detected: Value '{number}' at 'limit' failed to satisfy constraint: \
             Member must have value less than or equal to {most}"
        ))),
        _ => Err(invalid(format!(
            "1 validation error detected: Value '{given}' at 'limit' failed to satisfy constraint: \
             Member must have value greater than or equal to 1"
        ))),
    }
}
