//! Watch: one reader of DescribeTasks for all tasks of a run, up to 100 of them a call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::failure::is_transient;
use crate::ports::{Reads, Task};

/// A task's end is noticed within this time. A batch of 100 tasks more makes it longer by the same time, which keeps
/// the calls far below DescribeTasks' 20 a second (ECS API throttling, "cluster resource read").
const CADENCE: Duration = Duration::from_secs(1);
/// ECS answers MISSING for a new task until its stores agree, which takes seconds; AWS asks for patience of minutes.
const MISSING_GRACE: Duration = Duration::from_secs(120);
/// How long DescribeTasks may fail before we say that we have lost sight of the tasks.
const BLIND_GRACE: Duration = Duration::from_secs(300);

/// What was last seen of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    Seen(Box<Task>),
    /// It can not be followed any more, and may still run: why.
    Lost(String),
}

pub struct Watch<'a, R> {
    reads: &'a R,
    cluster: &'a str,
    tasks: RefCell<HashMap<String, Watched>>,
}

struct Watched {
    sight: watch::Sender<Sight>,
    /// When ECS last knew the task.
    known_at: Instant,
}

impl<'a, R: Reads> Watch<'a, R> {
    pub fn new(reads: &'a R, cluster: &'a str) -> Self {
        Self { reads, cluster, tasks: RefCell::default() }
    }

    /// Follows a task from what RunTask said of it.
    pub fn follow(&self, task: &Task) -> watch::Receiver<Sight> {
        let (sight, receiver) = watch::channel(Sight::Seen(Box::new(task.clone())));
        self.tasks.borrow_mut().insert(task.arn.clone(), Watched { sight, known_at: Instant::now() });
        receiver
    }

    /// Reads for ever.
    pub async fn run(&self) {
        let mut blind_since = None;
        loop {
            let arns = self.open();
            sleep(CADENCE * u32::try_from(arns.len() / 100 + 1).unwrap_or(u32::MAX)).await;
            if arns.is_empty() {
                continue;
            }
            match self.reads.describe_tasks(self.cluster, &arns).await {
                Ok(tasks) => {
                    blind_since = None;
                    self.seen(&arns, tasks);
                }
                Err(error) => {
                    let since = *blind_since.get_or_insert_with(Instant::now);
                    if !is_transient(&error) || since.elapsed() >= BLIND_GRACE {
                        self.lost(&arns, &format!("{error:#}"));
                    }
                }
            }
        }
    }

    /// The tasks that somebody follows and that have not ended. Whoever has stopped following is forgotten.
    fn open(&self) -> Vec<String> {
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|_, watched| {
            let ended = match &*watched.sight.borrow() {
                Sight::Seen(task) => task.is_stopped(),
                Sight::Lost(_) => true,
            };
            !ended && watched.sight.receiver_count() > 0
        });
        tasks.keys().cloned().collect()
    }

    fn seen(&self, asked: &[String], found: Vec<Task>) {
        let mut tasks = self.tasks.borrow_mut();
        let now = Instant::now();
        for task in found {
            if let Some(watched) = tasks.get_mut(&task.arn) {
                watched.known_at = now;
                watched.sight.send_if_modified(|sight| {
                    let new = Sight::Seen(Box::new(task));
                    let modified = *sight != new;
                    *sight = new;
                    modified
                });
            }
        }
        for arn in asked {
            if let Some(watched) = tasks.get(arn)
                && now - watched.known_at >= MISSING_GRACE
            {
                watched.sight.send_replace(Sight::Lost(format!("ECS does not know task {arn} (any more)")));
            }
        }
    }

    fn lost(&self, asked: &[String], why: &str) {
        let tasks = self.tasks.borrow();
        for watched in asked.iter().filter_map(|arn| tasks.get(arn)) {
            watched.sight.send_replace(Sight::Lost(why.to_owned()));
        }
    }
}
