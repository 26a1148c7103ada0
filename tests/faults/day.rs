//! A day as a seed draws it: a fleet, how it is run, and a list of events, any of which can be left out.

use std::time::Duration;

use fastrand::Rng;
use sandbox::{Disturbance, Fault, TaskFault};

use crate::image::Database;
use crate::people::{Act, Killed};

/// How the run is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct How {
    pub lanes: usize,
    /// `--databases-per-task`, unless it is 1.
    pub packing: Option<String>,
    pub canary: usize,
    /// The fleet in so many stages of a configuration file; 0 has none.
    pub stages: usize,
    pub by_exit_code: bool,
    pub max_failures: Option<u32>,
    pub on_running: &'static str,
    pub on_timeout: &'static str,
    pub on_cancel: &'static str,
    pub timeout: Duration,
    pub has_state: bool,
    pub vcpus: f64,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// To calls of this operation: how many are spared, and how many are struck.
    Call {
        operation: &'static str,
        what: Disturbance,
        after: u32,
        times: u32,
    },
    /// Any call is throttled or answered with a 500 with these probabilities.
    Weather {
        throttle: f64,
        server_error: f64,
    },
    /// Others use this part of every bucket.
    Neighbour(f64),
    /// RunTask answers with `failures[]`.
    NoRoom {
        after: u32,
        times: u32,
    },
    /// Lists leave out a new task for so long.
    ListsLag(Duration),
    /// To the first task of this database alone.
    Task {
        database: String,
        fault: TaskFault,
    },
    /// To any task, after so many others.
    AnyTask {
        after: u32,
        fault: TaskFault,
    },
    EmptyPages {
        after: u32,
        times: u32,
    },
    RepeatedEvents {
        after: u32,
        times: u32,
    },
    /// Somebody does something.
    Person(Act),
}

/// All that a seed has drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    pub seed: u64,
    pub databases: Vec<Database>,
    pub how: How,
    pub events: Vec<Event>,
}

const CALLS: [&str; 13] = [
    "ecs:RunTask",
    "ecs:RunTask",
    "ecs:RunTask",
    "ecs:DescribeTasks",
    "ecs:DescribeTasks",
    "ecs:ListTasks",
    "ecs:StopTask",
    "logs:GetLogEvents",
    "logs:FilterLogEvents",
    "logs:*",
    "ecs:*",
    "*",
    "ecs:RegisterTaskDefinition",
];

pub fn seconds(dice: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(dice.u64(range.start * 1000..range.end * 1000))
}

fn pick<T: Copy>(dice: &mut Rng, from: &[T]) -> T {
    from[dice.usize(..from.len())]
}

impl How {
    fn of(databases: usize, dice: &mut Rng) -> Self {
        let packs = databases > 1 && dice.u8(..5) < 2;
        let packing = packs.then(|| match dice.u8(..3) {
            0 => "auto".to_owned(),
            _ => dice.usize(2..21).to_string(),
        });
        let staged = databases > 3 && dice.u8(..6) == 0;
        let is_canary = !staged && databases > 2 && dice.u8(..5) == 0;
        Self {
            lanes: dice.usize(1..25),
            packing,
            canary: if is_canary { dice.usize(1..databases) } else { 0 },
            stages: if staged { dice.usize(2..4) } else { 0 },
            by_exit_code: dice.u8(..5) == 0,
            max_failures: match dice.u8(..4) {
                0 => Some(dice.u32(1..5)),
                _ => None,
            },
            on_running: pick(dice, &["fail", "wait", "adopt"]),
            on_timeout: pick(dice, &["stop", "stop", "leave"]),
            on_cancel: pick(dice, &["stop", "stop", "leave"]),
            timeout: Duration::from_secs(60 * pick(dice, &[3, 3, 3, 4, 6, 15])),
            has_state: dice.u8(..3) > 0,
            vcpus: pick(dice, &[6.0, 6.0, 62.5, 1.0]),
        }
    }
}

impl Event {
    fn of(databases: &[Database], dice: &mut Rng) -> Self {
        let d = dice;
        match d.u8(..20) {
            0..6 => {
                let what = match d.u8(..14) {
                    0 | 1 => Disturbance::Throttle,
                    2 | 3 => Disturbance::ServerError,
                    4 | 5 => Disturbance::DropBefore,
                    6 | 7 => Disturbance::DropAfter,
                    8 | 9 => Disturbance::Hang,
                    10 | 11 => Disturbance::MalformedBody,
                    12 => Disturbance::AccessDenied,
                    _ => Disturbance::ExpiredToken,
                };
                let (after, times) = (d.u32(..50), if d.u8(..14) == 0 { u32::MAX } else { d.u32(1..6) });
                Self::Call { operation: pick(d, &CALLS), what, after, times }
            }
            6 => Self::Weather { throttle: d.f64() * 0.1, server_error: d.f64() * 0.05 },
            7 => Self::Neighbour(d.f64() * 0.8),
            8 => Self::NoRoom { after: d.u32(..10), times: d.u32(1..8) },
            9 => Self::ListsLag(seconds(d, 1..25)),
            10..13 => {
                let database = databases[d.usize(..databases.len())].name.clone();
                Self::Task { database, fault: task_fault(d) }
            }
            13 | 14 => Self::AnyTask { after: d.u32(..10), fault: task_fault(d) },
            15 => match d.bool() {
                true => Self::EmptyPages { after: d.u32(..10), times: d.u32(1..6) },
                false => Self::RepeatedEvents { after: d.u32(..4), times: d.u32(1..6) },
            },
            _ => Self::Person(Act::of(databases, d)),
        }
    }

    /// The fault of the sandbox that it is, if it is one.
    pub fn fault(&self, is_packed: bool) -> Option<Fault> {
        Some(match self {
            Self::Call { operation, what, after, times } => {
                Fault::call(operation, what.clone()).after(*after).times(*times)
            }
            Self::NoRoom { after, times } => {
                let reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
                Fault::run_task(reason).after(*after).times(*times)
            }
            Self::Task { database, fault } if !is_packed => {
                Fault::task(fault.clone()).for_environment("DATABASE_NAME", database)
            }
            Self::Task { fault, .. } => Fault::task(fault.clone()),
            Self::AnyTask { after, fault } => Fault::task(fault.clone()).after(*after),
            Self::EmptyPages { after, times } => Fault::empty_page().after(*after).times(*times),
            Self::RepeatedEvents { after, times } => Fault::repeated_events().after(*after).times(*times),
            Self::Weather { .. } | Self::Neighbour(_) | Self::ListsLag(_) | Self::Person(_) => return None,
        })
    }

    /// Whether it can change the answer of a call, or that there is one.
    pub fn is_of_calls(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Weather { .. } | Self::Neighbour(_))
    }
}

fn task_fault(d: &mut Rng) -> TaskFault {
    let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";
    match d.u8(..16) {
        0 => TaskFault::FailToStart(reason.into()),
        1 | 2 => TaskFault::OutOfMemory { after: seconds(d, 1..70) },
        3 | 4 => TaskFault::SpotInterruption { after: seconds(d, 1..70) },
        5 => TaskFault::NoExitCode,
        6 => TaskFault::EarlyExitCode,
        7 => TaskFault::LateExitCode,
        8 => TaskFault::StuckIn(pick(d, &["PROVISIONING", "PENDING", "ACTIVATING"]).into()),
        9 => TaskFault::MissingFor { reads: d.u32(1..12) },
        10 => TaskFault::Forgotten,
        11 => TaskFault::StaleReads { by: seconds(d, 1..40) },
        12 => TaskFault::LateLogs { by: seconds(d, 1..4) },
        13 => TaskFault::LateLogs { by: seconds(d, 4..90) },
        _ => TaskFault::OutOfOrderLogs,
    }
}

impl Day {
    pub fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let d = &mut dice;
        let count = match d.u8(..100) {
            0..35 => 1,
            35..80 => d.usize(2..8),
            80..92 => d.usize(8..21),
            92..99 => d.usize(21..32),
            _ => d.usize(40..61),
        };
        let badness = pick(d, &[0, 0, 15, 40, 80]);
        let databases: Vec<Database> = (0..count).map(|number| Database::of(number, badness, d)).collect();
        let mut how = How::of(count, d);
        let number = if d.u8(..5) == 0 { 0 } else { d.usize(1..11) };
        let mut events: Vec<Event> = (0..number).map(|_| Event::of(&databases, d)).collect();
        if let Some(repeats) = events.iter().position(|event| matches!(event, Event::RepeatedEvents { .. })) {
            // A log that is short has one page, unless that is empty.
            events.insert(repeats, Event::EmptyPages { after: d.u32(..4), times: d.u32(1..6) });
        }
        if events.iter().any(|event| matches!(event, Event::EmptyPages { .. })) {
            // FilterLogEvents is called where many tasks run at a time.
            how.lanes = how.lanes.max(16);
        }
        Self { seed, databases, how, events }
    }

    pub fn is_packed(&self) -> bool {
        self.how.packing.is_some()
    }

    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.events.iter().filter_map(|event| match event {
            Event::Person(act) => Some(act),
            _ => None,
        })
    }

    /// When the runs of this job are killed, in their order.
    pub fn kills(&self) -> Vec<Killed> {
        let kills = self.acts().filter_map(|act| match act {
            Act::Kill(killed) => Some(killed.clone()),
            _ => None,
        });
        kills.collect()
    }

    /// How long ECS's lists lag.
    pub fn lag(&self) -> Duration {
        let lags = self.events.iter().filter_map(|event| match event {
            Event::ListsLag(by) => Some(*by),
            _ => None,
        });
        lags.max().unwrap_or_default()
    }

    pub fn disturbs_calls(&self) -> bool {
        self.events.iter().any(Event::is_of_calls)
    }

    /// Long after this time a run of it has no excuse for going on.
    pub fn bound(&self) -> Duration {
        let rounds = self.databases.len().div_ceil(self.how.lanes) + 4;
        let hour = Duration::from_secs(3600);
        (self.how.timeout * 3 + hour) * u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}
