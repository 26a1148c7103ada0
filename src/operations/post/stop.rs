//! Looks for the run's tasks, stops them, and looks again until they have stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt as _;
use tokio::time::{Instant, sleep};

use super::StepState;
use crate::ports::{DesiredStatus, Task, TaskReads, TaskWrites};
use crate::progress::Progress;
use crate::settings::migrates_nothing;

/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long tasks are looked for: a task whose RunTask was under way when the main stage died may show up only now,
/// since ECS's stores take time to agree.
const LATECOMERS: Duration = Duration::from_secs(6);
/// How long tasks may take to end: ECS sends SIGKILL after `stopTimeout`, 30 seconds by default and 120 at most.
const PATIENCE: Duration = Duration::from_secs(75);
/// StopTask calls at the same time.
const AT_ONCE: usize = 20;
const REASON: &str = "stopped by fargate-migrate: the run was cut off";

/// What became of the run's tasks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StopOutcome {
    pub tasks: Vec<Stopped>,
    /// Why tasks may be missing here.
    pub problem: Option<String>,
    /// They migrate nothing.
    pub migrates_nothing: bool,
}

impl StopOutcome {
    /// Tells whether no task is left that should have been stopped.
    pub(super) fn is_done(&self) -> bool {
        self.problem.is_none() && !self.tasks.iter().any(|task| matches!(task.fate, Fate::Refused(_)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    pub arn: String,
    /// What it was told to migrate; absent when ECS does not know the task.
    pub database: Option<String>,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It had ended before the post stage came.
    OverBefore,
    /// Stopped here, and seen to have ended.
    Stopped,
    /// Stopped here; it had not ended when the post stage did.
    Stopping,
    /// StopTask failed.
    Refused(String),
}

/// Stops every task that the step's state names (`arns`), and those that only ECS knows to be the run's.
pub(super) async fn stop_tasks<W: TaskReads + TaskWrites>(
    run: &StepState,
    arns: &[String],
    world: &W,
    progress: &Progress,
) -> Result<StopOutcome> {
    let start = Instant::now();
    let mut tasks: BTreeMap<String, Stopped> = BTreeMap::new();
    let mut problem;
    loop {
        let known: BTreeSet<String> = arns.iter().chain(tasks.keys()).cloned().collect();
        let known = Vec::from_iter(known);
        let (seen, trouble) = look(run, &known, world).await;
        problem = trouble;
        let mut to_stop = Vec::new();
        for task in seen {
            let before = tasks.get(&task.arn).map(|known| known.fate.clone());
            let fate = match before {
                None | Some(Fate::Refused(_)) if task.ends_by_itself(&run.container) => Fate::OverBefore,
                None | Some(Fate::Refused(_)) => {
                    to_stop.push(task.arn.clone());
                    Fate::Stopping
                }
                Some(Fate::Stopping) if task.is_over() => Fate::Stopped,
                Some(fate) => fate,
            };
            let database = run.databases(&task);
            tasks.insert(task.arn.clone(), Stopped { arn: task.arn, database, fate });
        }
        let refused = futures::stream::iter(to_stop)
            .map(|arn| async move {
                progress.note(&format!("stop task {arn}"));
                let refused = world.stop_task(&run.cluster, &arn, REASON).await.err()?;
                Some((arn, format!("{refused:#}")))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect::<Vec<_>>()
            .await;
        for (arn, why) in refused {
            tasks.entry(arn).and_modify(|task| task.fate = Fate::Refused(why));
        }
        let still_ending = tasks.values().any(|task| task.fate == Fate::Stopping);
        let enough = if still_ending { PATIENCE } else { LATECOMERS };
        if start.elapsed() >= enough {
            break;
        }
        sleep(INTERVAL).await;
    }
    let migrates_nothing = migrates_nothing(Some(&run.started_by));
    Ok(StopOutcome { tasks: tasks.into_values().collect(), problem, migrates_nothing })
}

/// Looks at the run's tasks as they are now. One of two ways to find them may be closed, such as by a policy: then
/// the text says why tasks may be missing.
async fn look(run: &StepState, known: &[String], world: &impl TaskReads) -> (Vec<Task>, Option<String>) {
    let mut problem = None;
    let mut tasks: BTreeMap<String, Task> = BTreeMap::new();
    match world.describe_tasks(&run.cluster, known).await {
        Ok(described) => tasks.extend(described.into_iter().map(|task| (task.arn.clone(), task))),
        Err(error) => {
            problem = Some(format!("{error:#}"));
            // They are stopped all the same: StopTask is harmless for a task that has ended.
            let unseen = |arn: &String| (arn.clone(), Task { arn: arn.clone(), ..Task::default() });
            tasks.extend(known.iter().map(unseen));
        }
    }
    match world.tasks_of_family(&run.cluster, &run.family, DesiredStatus::Running).await {
        Ok(running) => {
            let ours = running.into_iter().filter(|task| run.has_started(task));
            tasks.extend(ours.map(|task| (task.arn.clone(), task)));
        }
        Err(error) => problem = Some(format!("{error:#}")),
    }
    (tasks.into_values().collect(), problem)
}
