//! The awslogs driver: a container's output becomes log events, in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Event;
use crate::engine::Line;
use crate::faults::TaskFault;
use crate::region::Region;
use crate::world::World;

/// What a batch may hold: the limits of PutLogEvents.
const BATCH_BYTES: usize = 1_048_576;
const BATCH_EVENTS: usize = 10_000;
/// Longer lines become several events.
const EVENT_BYTES: usize = 262_144 - 26;

/// The stream that a container logs to.
#[derive(Debug, Clone)]
pub struct Destination {
    pub group: String,
    /// `prefix/container/task-id`.
    pub stream: String,
}

/// Ships output until it ends. The stream begins with the first output; a silent container has none.
///
/// Faults may deliver late: then this returns when the output has ended, and events still arrive afterwards.
pub async fn ship(
    world: Arc<World>,
    region: Arc<Region>,
    to: Destination,
    mut output: mpsc::Receiver<Vec<Line>>,
    faults: Vec<TaskFault>,
) {
    let mut delivery = Delivery::new(world.clone(), region, to, &faults);
    let interval = world.clock.log_flush();
    let mut batch = Batch::default();
    let mut flush_at = Instant::now() + interval;
    loop {
        tokio::select! {
            lines = output.recv() => match lines {
                None => break,
                Some(lines) => for line in lines {
                    for event in events_of(line) {
                        if !batch.has_room_for(&event) {
                            delivery.send(batch.take());
                        }
                        batch.push(event);
                    }
                },
            },
            () = sleep_until(flush_at) => {
                delivery.send(batch.take());
                flush_at = Instant::now() + interval;
            }
        }
    }
    delivery.send(batch.take());
    delivery.finish();
}

#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    bytes: usize,
}

impl Batch {
    fn has_room_for(&self, event: &Event) -> bool {
        self.events.len() < BATCH_EVENTS && self.bytes + event.message.len() + 26 <= BATCH_BYTES
    }

    fn push(&mut self, event: Event) {
        self.bytes += event.message.len() + 26;
        self.events.push(event);
    }

    fn take(&mut self) -> Vec<Event> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }
}

/// Where batches go, on time or as the task's faults say.
struct Delivery {
    world: Arc<World>,
    region: Arc<Region>,
    to: Destination,
    /// A queue that keeps its order while each batch waits.
    late: Option<mpsc::UnboundedSender<(Instant, Vec<Event>)>>,
    delay: Duration,
    out_of_order: bool,
    held_back: Option<Vec<Event>>,
}

impl Delivery {
    fn new(world: Arc<World>, region: Arc<Region>, to: Destination, faults: &[TaskFault]) -> Self {
        let delay = faults.iter().find_map(|fault| match fault {
            TaskFault::LateLogs { by } => Some(*by),
            _ => None,
        });
        let late = delay.map(|_| {
            let (sender, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<Event>)>();
            let (world_, region_, to_) = (world.clone(), region.clone(), to.clone());
            world.spawn(async move {
                while let Some((at, events)) = queue.recv().await {
                    sleep_until(at).await;
                    ingest(&world_, &region_, &to_, events);
                }
            });
            sender
        });
        let out_of_order = faults.contains(&TaskFault::OutOfOrderLogs);
        let delay = delay.unwrap_or_default();
        Self { world, region, to, late, delay, out_of_order, held_back: None }
    }

    fn send(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        if !self.out_of_order {
            return self.deliver(events);
        }
        match self.held_back.take() {
            None => self.held_back = Some(events),
            Some(earlier) => {
                self.deliver(events);
                self.deliver(earlier);
            }
        }
    }

    fn finish(mut self) {
        if let Some(events) = self.held_back.take() {
            self.deliver(events);
        }
    }

    fn deliver(&self, events: Vec<Event>) {
        match &self.late {
            // A queue whose end is gone belongs to a sandbox that has stopped.
            Some(queue) => drop(queue.send((Instant::now() + self.delay, events))),
            None => ingest(&self.world, &self.region, &self.to, events),
        }
    }
}

fn ingest(world: &World, region: &Region, to: &Destination, events: Vec<Event>) {
    let now = world.clock.now();
    let mut store = region.logs.store();
    // The group may have been deleted meanwhile: what is logged then is lost, as it is on AWS.
    if let Ok(group) = store.group_mut(&to.group) {
        group.add_stream(&to.stream, now);
        let _ = group.ingest(&to.stream, events, now);
    }
}

/// Makes events of a line: CloudWatch Logs has no empty events, and none above 256 KiB.
fn events_of(line: Line) -> impl Iterator<Item = Event> {
    let Line { at, text } = line;
    let mut rest = Some(text).filter(|text| !text.is_empty());
    std::iter::from_fn(move || {
        let mut message = rest.take()?;
        if message.len() > EVENT_BYTES {
            let cut = message.floor_char_boundary(EVENT_BYTES);
            rest = Some(message.split_off(cut));
        }
        Some(Event { timestamp: at, message })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_becomes_several_events() {
        let text = "é".repeat(200_000);
        let events: Vec<Event> = events_of(Line { at: 1, text: text.clone() }).collect();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| event.message.len() <= EVENT_BYTES));
        assert_eq!(events.into_iter().map(|event| event.message).collect::<String>(), text);
        assert_eq!(events_of(Line { at: 1, text: String::new() }).count(), 0);
    }
}
