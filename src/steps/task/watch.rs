//! Watch: one reader of DescribeTasks for all tasks of a run, up to 100 of them a call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::FEW;
use crate::failure::{is_throttled, is_transient};
use crate::ports::{DESCRIBE_TASKS_BATCH, Task, TaskReads};

/// The pause between two looks at up to [`FEW`] tasks: half of it, on average, is how late an end is seen.
const INTERVAL: Duration = Duration::from_secs(1);
/// The pause between two looks at more: a thousand tasks are five calls a second of ECS's twenty.
const FLEET_INTERVAL: Duration = Duration::from_secs(2);
/// DescribeTasks calls under way at a time: an answer has a hundred tasks, and a megabyte while it is read.
const AT_ONCE: usize = 2;
/// ECS answers MISSING for a new task until its stores agree, which takes seconds; AWS asks for patience of minutes.
const MISSING_GRACE: Duration = Duration::from_secs(120);
/// How long DescribeTasks may fail before the tasks count as lost. A throttled DescribeTasks works, and is waited for
/// until `--timeout`.
const BLIND_GRACE: Duration = Duration::from_secs(300);

/// What was last seen of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sight {
    Seen(Box<Task>),
    /// It cannot be followed any more, and may still run: why.
    Lost(String),
}

/// Waits until the task is as wanted; returns it as it then was, or why it cannot be followed any more.
pub(crate) async fn until(
    sight: &mut watch::Receiver<Sight>,
    wanted: impl Fn(&Task) -> bool,
) -> Result<Task, String> {
    loop {
        match &*sight.borrow_and_update() {
            Sight::Seen(task) if wanted(task) => return Ok((**task).clone()),
            Sight::Seen(_) => {}
            Sight::Lost(why) => return Err(why.clone()),
        }
        if sight.changed().await.is_err() {
            return Err("nobody watches it any more".into());
        }
    }
}

pub(crate) struct Watch<'a, R> {
    reads: &'a R,
    cluster: &'a str,
    tasks: RefCell<HashMap<String, Watched>>,
    blind_since: RefCell<Option<Instant>>,
    /// There is another task to look at.
    more: Notify,
}

struct Watched {
    sight: watch::Sender<Sight>,
    /// When ECS last knew the task.
    known_at: Instant,
    /// It is watched until it is STOPPED, whoever follows it: until then it holds its vCPUs.
    is_held: bool,
}

impl<'a, R: TaskReads> Watch<'a, R> {
    pub(crate) fn new(reads: &'a R, cluster: &'a str) -> Self {
        Self {
            reads,
            cluster,
            tasks: RefCell::default(),
            blind_since: RefCell::default(),
            more: Notify::new(),
        }
    }

    /// Follows a task from what RunTask said of it. Several may follow the same one.
    pub(crate) fn follow(&self, task: &Task) -> watch::Receiver<Sight> {
        if let Some(watched) = self.tasks.borrow().get(&task.arn) {
            return watched.sight.subscribe();
        }
        let (sight, receiver) = watch::channel(Sight::Seen(Box::new(task.clone())));
        let watched = Watched { sight, known_at: Instant::now(), is_held: false };
        self.tasks.borrow_mut().insert(task.arn.clone(), watched);
        self.more.notify_one();
        receiver
    }

    /// Watches a task until it is STOPPED, whoever follows it.
    pub(crate) fn hold(&self, task: &Task) {
        drop(self.follow(task));
        self.each(std::slice::from_ref(&task.arn), |_, watched| watched.is_held = true);
    }

    /// Reads until the future is dropped. Calls `stopped` for each task that is held and has STOPPED.
    pub(crate) async fn run(&self, stopped: impl Fn(&str)) {
        let mut looked_at = Instant::now();
        loop {
            let more = self.more.notified();
            let count = self.arns().len();
            if count == 0 {
                more.await;
                looked_at = Instant::now();
                continue;
            }
            let interval = if count <= FEW { INTERVAL } else { FLEET_INTERVAL };
            sleep_until(looked_at + interval).await;
            looked_at = Instant::now();
            let arns = self.arns();
            let batches = futures::stream::iter(arns.chunks(DESCRIBE_TASKS_BATCH));
            batches.for_each_concurrent(AT_ONCE, |batch| self.look(batch, &stopped)).await;
        }
    }

    /// Returns the tasks to look at. Forgets those that are over, or that nothing holds or follows.
    fn arns(&self) -> Vec<String> {
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|_, watched| {
            let is_over = match &*watched.sight.borrow() {
                Sight::Seen(task) => task.is_stopped(),
                Sight::Lost(_) => true,
            };
            !is_over && (watched.is_held || watched.sight.receiver_count() > 0)
        });
        tasks.keys().cloned().collect()
    }

    async fn look(&self, arns: &[String], stopped: &impl Fn(&str)) {
        match self.reads.describe_tasks(self.cluster, arns).await {
            Ok(tasks) => {
                *self.blind_since.borrow_mut() = None;
                self.seen(arns, tasks, stopped);
            }
            Err(error) => {
                if is_throttled(&error) {
                    return;
                }
                let since = *self.blind_since.borrow_mut().get_or_insert_with(Instant::now);
                if !is_transient(&error) || since.elapsed() >= BLIND_GRACE {
                    let why = format!("{error:#}");
                    self.each(arns, |_, watched| drop(watched.sight.send_replace(Sight::Lost(why.clone()))));
                }
            }
        }
    }

    fn seen(&self, asked: &[String], found: Vec<Task>, stopped: &impl Fn(&str)) {
        let mut tasks = self.tasks.borrow_mut();
        let now = Instant::now();
        for task in found {
            if let Some(watched) = tasks.get_mut(&task.arn) {
                watched.known_at = now;
                if watched.is_held && task.is_stopped() {
                    stopped(&task.arn);
                }
                watched.sight.send_if_modified(|sight| {
                    let new = Sight::Seen(Box::new(task));
                    let modified = *sight != new;
                    *sight = new;
                    modified
                });
            }
        }
        drop(tasks);
        self.each(asked, |arn, watched| {
            if now - watched.known_at >= MISSING_GRACE {
                watched.sight.send_replace(Sight::Lost(format!("ECS does not know task {arn} (any more)")));
            }
        });
    }

    /// Changes those of the tasks that are still watched.
    fn each(&self, arns: &[String], change: impl Fn(&str, &mut Watched)) {
        let mut tasks = self.tasks.borrow_mut();
        for arn in arns {
            if let Some(watched) = tasks.get_mut(arn) {
                change(arn, watched);
            }
        }
    }
}
