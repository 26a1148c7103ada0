//! What people do meanwhile: they cancel, kill and resume the run, start another one elsewhere, stop a task, or start
//! one by hand.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use sandbox::seed;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::account::Account;
use crate::day::seconds;
use crate::image::Database;

/// When a run is killed.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    After(Duration),
    /// As soon as ECS has started so many tasks more, before the run hears of the last one.
    Started(usize),
}

/// SIGKILL, and another run of the same job after a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Killed {
    pub when: When,
    pub pause: Duration,
    /// The last line of the state file is cut in its middle.
    pub cuts: bool,
}

/// What somebody does; times since the first run's start.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Cancel(Duration),
    Kill(Killed),
    /// Another run of the same job so long after the end of the last one.
    Resume(Duration),
    /// A run of another machine, over every nth database.
    AnotherRun {
        after: Duration,
        every: usize,
        on_running: &'static str,
        lanes: usize,
        packing: usize,
    },
    /// StopTask of one of the tasks that run.
    StopTask {
        after: Duration,
        which: usize,
    },
    /// A task for this database; its container may be started again after an exit.
    ByHand {
        after: Duration,
        database: String,
        restarts: bool,
    },
}

impl Act {
    pub fn of(databases: &[Database], d: &mut Rng) -> Self {
        match d.u8(..10) {
            0 | 1 => Self::Cancel(seconds(d, 1..240)),
            2 | 3 => Self::Kill(Killed {
                when: match d.bool() {
                    true => When::After(seconds(d, 0..200)),
                    false => When::Started(d.usize(1..7)),
                },
                pause: if d.bool() { Duration::ZERO } else { seconds(d, 1..300) },
                cuts: d.u8(..4) == 0,
            }),
            4 => Self::Resume(seconds(d, 1..300)),
            5 | 6 => Self::AnotherRun {
                after: seconds(d, 0..400),
                every: d.usize(1..4),
                on_running: ["fail", "wait", "adopt"][d.usize(..3)],
                lanes: d.usize(1..6),
                packing: if d.bool() { 1 } else { d.usize(2..5) },
            },
            7 | 8 => Self::StopTask { after: seconds(d, 10..240), which: d.usize(..60) },
            _ => Self::ByHand {
                after: seconds(d, 0..200),
                database: databases[d.usize(..databases.len())].name.clone(),
                restarts: d.u8(..4) == 0,
            },
        }
    }

    fn at(&self) -> Option<Duration> {
        match self {
            Self::StopTask { after, .. } | Self::ByHand { after, .. } => Some(*after),
            Self::Cancel(_) | Self::Kill(_) | Self::Resume(_) | Self::AnotherRun { .. } => None,
        }
    }
}

/// What they have done.
#[derive(Debug, Default)]
pub struct Done {
    /// Acts that came to pass, by their place in the day.
    pub acts: RefCell<Vec<usize>>,
    /// ARNs of tasks that somebody has stopped.
    pub stopped: RefCell<Vec<String>>,
}

/// Does at its time all that no run does, and returns never.
pub async fn act(account: &Account, done: &Done) {
    let began = Instant::now();
    let events = account.day.events.iter().enumerate();
    let mut timed: Vec<(Duration, usize, &Act)> = events
        .filter_map(|(index, event)| match event {
            crate::day::Event::Person(act) => act.at().map(|at| (at, index, act)),
            _ => None,
        })
        .collect();
    timed.sort_by_key(|(at, ..)| *at);
    for (at, index, act) in timed {
        sleep_until(began + at).await;
        let did = match act {
            Act::StopTask { which, .. } => stop(account, *which, done),
            Act::ByHand { database, restarts, .. } => start(account, database, *restarts),
            _ => false,
        };
        if did {
            done.acts.borrow_mut().push(index);
        }
    }
    std::future::pending().await
}

fn stop(account: &Account, which: usize, done: &Done) -> bool {
    let tasks = account.sandbox.tasks();
    let running: Vec<_> = tasks.iter().filter(|task| task["desiredStatus"] == "RUNNING").collect();
    let Some(task) = running.get(which % running.len().max(1)) else { return false };
    let arn = task["taskArn"].as_str().unwrap_or_default().to_owned();
    let input = json!({"cluster": seed::CLUSTER, "task": arn, "reason": "it was in the way"});
    done.stopped.borrow_mut().push(arn);
    account.sandbox.ask("StopTask", &input).is_ok()
}

fn start(account: &Account, database: &str, restarts: bool) -> bool {
    let revision = if restarts { &account.restarting } else { seed::TASK_FAMILY };
    let input = json!({
        "cluster": seed::CLUSTER,
        "taskDefinition": revision,
        "launchType": "FARGATE",
        "startedBy": "hand",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        "overrides": {"containerOverrides": [{"name": "migration", "environment": [
            {"name": "DATABASE_NAME", "value": database}, {"name": "DATABASE_NAMES", "value": ""},
        ]}]},
    });
    account.sandbox.run_task(&input).is_ok_and(|answer| answer["tasks"][0].is_object())
}
