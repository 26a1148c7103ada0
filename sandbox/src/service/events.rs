//! `events[]` of a service.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::clock::timestamp;
use crate::ids::Ids;

/// "The event stream for your service. A maximum of 100 of the latest events are displayed."
const MAX_EVENTS: usize = 100;

/// The latest, newest first.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Event>);

#[derive(Debug)]
struct Event {
    id: String,
    at: i64,
    message: String,
}

impl Events {
    pub fn add(&mut self, ids: &Ids, at: i64, message: String) {
        self.0.push_front(Event { id: ids.uuid(), at, message });
        self.0.truncate(MAX_EVENTS);
    }

    pub fn render(&self) -> Value {
        let each = self.0.iter().map(
            |event| json!({ "id": event.id, "createdAt": timestamp(event.at), "message": event.message }),
        );
        each.collect()
    }
}

/// Writes ` (task a) (task b)`, as events name tasks.
pub(super) fn tasks<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    ids.into_iter().map(|id| format!(" (task {id})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_hundred_are_kept() {
        let (mut events, ids) = (Events::default(), Ids::seeded(1));
        for number in 0..=100 {
            events.add(&ids, number, number.to_string());
        }
        let shown = events.render();
        assert_eq!(shown.as_array().map(Vec::len), Some(100));
        assert_eq!((&shown[0]["message"], &shown[99]["message"]), (&json!("100"), &json!("1")));
        assert_ne!(shown[0]["id"], shown[1]["id"]);
    }
}
