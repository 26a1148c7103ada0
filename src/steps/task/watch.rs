//! Watch: one reader of DescribeTasks for all tasks of a run, up to 100 of them a call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use self::cadence::Cadence;
use crate::failure::{is_throttled, is_transient};
use crate::ports::{DESCRIBE_TASKS_BATCH, Task, TaskReads};

mod cadence;

/// ECS answers MISSING for a new task until its stores agree, which takes seconds; AWS asks for patience of minutes.
const MISSING_GRACE: Duration = Duration::from_secs(120);
/// How long DescribeTasks may fail before we say that we have lost sight of the tasks. One that is throttled works, and
/// is waited for until `--timeout`.
const BLIND_GRACE: Duration = Duration::from_secs(300);

/// What was last seen of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sight {
    Seen(Box<Task>),
    /// It can not be followed any more, and may still run: why.
    Lost(String),
}

/// Waits until the task is as wanted; answers it as it then was, or why it can not be followed any more.
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
    cadence: RefCell<Cadence>,
    blind_since: RefCell<Option<Instant>>,
    /// There is another task to look at.
    more: Notify,
}

struct Watched {
    sight: watch::Sender<Sight>,
    since: Instant,
    /// When ECS last knew the task.
    known_at: Instant,
    due: Instant,
}

impl<'a, R: TaskReads> Watch<'a, R> {
    pub(crate) fn new(reads: &'a R, cluster: &'a str) -> Self {
        Self {
            reads,
            cluster,
            tasks: RefCell::default(),
            cadence: RefCell::default(),
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
        let now = Instant::now();
        let due = now + cadence::after(task, Duration::ZERO);
        self.tasks.borrow_mut().insert(task.arn.clone(), Watched { sight, since: now, known_at: now, due });
        self.more.notify_one();
        receiver
    }

    /// Reads for ever.
    pub(crate) async fn run(&self) {
        let mut looked_at = Instant::now();
        loop {
            let more = self.more.notified();
            let Some((first_due, count)) = self.next() else {
                more.await;
                continue;
            };
            let gap = self.cadence.borrow().between_looks(count);
            tokio::select! {
                () = sleep_until(first_due.max(looked_at + gap)) => {}
                // It may be due before the others are.
                () = more => continue,
            }
            looked_at = Instant::now();
            join_all(self.due(gap).iter().map(|batch| self.look(batch))).await;
        }
    }

    /// When the next task is due, and how many there are. What has ended or is followed by nobody is forgotten.
    fn next(&self) -> Option<(Instant, usize)> {
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|_, watched| {
            let ended = match &*watched.sight.borrow() {
                Sight::Seen(task) => task.is_stopped(),
                Sight::Lost(_) => true,
            };
            !ended && watched.sight.receiver_count() > 0
        });
        Some((tasks.values().map(|watched| watched.due).min()?, tasks.len()))
    }

    /// The tasks to look at now, in batches: those that are due before the next look, and as many of the others as fit
    /// into the last batch.
    fn due(&self, gap: Duration) -> Vec<Vec<String>> {
        let tasks = self.tasks.borrow();
        let mut by_due: Vec<(Instant, &String)> =
            tasks.iter().map(|(arn, watched)| (watched.due, arn)).collect();
        by_due.sort_unstable();
        let soon = Instant::now() + gap / 2;
        let due = by_due.iter().take_while(|(at, _)| *at <= soon).count();
        by_due.truncate(due.div_ceil(DESCRIBE_TASKS_BATCH) * DESCRIBE_TASKS_BATCH);
        by_due
            .chunks(DESCRIBE_TASKS_BATCH)
            .map(|batch| batch.iter().map(|(_, arn)| (*arn).clone()).collect())
            .collect()
    }

    async fn look(&self, arns: &[String]) {
        match self.reads.describe_tasks(self.cluster, arns).await {
            Ok(tasks) => {
                *self.blind_since.borrow_mut() = None;
                self.seen(arns, tasks);
            }
            Err(error) => {
                self.due_later(arns);
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

    fn seen(&self, asked: &[String], found: Vec<Task>) {
        let mut tasks = self.tasks.borrow_mut();
        let now = Instant::now();
        for task in found {
            if let Some(watched) = tasks.get_mut(&task.arn) {
                watched.known_at = now;
                if task.is_stopped() {
                    self.cadence.borrow_mut().ended_after(watched.since.elapsed());
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
        self.due_later(asked);
        self.each(asked, |arn, watched| {
            if now - watched.known_at >= MISSING_GRACE {
                watched.sight.send_replace(Sight::Lost(format!("ECS does not know task {arn} (any more)")));
            }
        });
    }

    fn due_later(&self, asked: &[String]) {
        self.each(asked, |_, watched| {
            if let Sight::Seen(task) = &*watched.sight.borrow() {
                watched.due = Instant::now() + cadence::after(task, watched.since.elapsed());
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
