//! Tasks of the family, and what they are told: by their overrides, and by the revisions that they run.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt as _;
use tokio::time::sleep;

use crate::plan::{Observed, Orders, Reading};
use crate::ports::{DefinitionReads, DesiredStatus, ServiceSeen, Task, TaskReads};
use crate::settings::{RunIdentity, Settings};
use crate::task_definition::TaskDefinition;

/// Looks at tasks that ECS lists and does not describe: its stores take seconds to agree.
pub(crate) const LOOKS: usize = 5;
/// The pause between two of them.
pub(crate) const PAUSE: Duration = Duration::from_secs(3);
/// Revisions that are read at the same time.
const AT_ONCE: usize = 4;

/// What a plan is made from of the tasks of a family.
pub(super) struct FamilyTasks {
    /// Those that may migrate something now.
    pub may_work: Vec<Task>,
    /// Those of this run that have ended or will.
    pub finished: Vec<Task>,
    /// The services whose tasks are of the family.
    pub services: BTreeSet<String>,
}

impl FamilyTasks {
    pub(super) fn extend(&mut self, more: Self) {
        self.may_work.extend(more.may_work);
        self.finished.extend(more.finished);
        self.services.extend(more.services);
    }
}

/// Finds the tasks of the family that may migrate something now, and those of this run that have ended or will. A
/// task of a service is not a migration: it serves what was migrated.
///
/// ECS lists a task as one that is to be STOPPED as soon as StopTask was called, and its container has up to 120 s
/// left. Those are asked for last: a task that is stopped in between is in one of the two lists. A task that ECS
/// lists and, look after look, does not describe is one of which nothing is known.
pub(super) async fn tasks(
    cluster: &str,
    run: &RunIdentity,
    reads: &impl TaskReads,
    family: &str,
) -> Result<FamilyTasks> {
    for look in 1.. {
        let (running, unseen) = seen(reads, cluster, family, DesiredStatus::Running).await?;
        let (stopped, unseen_stopped) = seen(reads, cluster, family, DesiredStatus::Stopped).await?;
        let services = running.iter().chain(&stopped).filter_map(|task| task.service.clone()).collect();
        let seen_later: HashSet<&str> = stopped.iter().map(|task| task.arn.as_str()).collect();
        let unseen: HashSet<String> = unseen
            .into_iter()
            .chain(unseen_stopped)
            .filter(|arn| !seen_later.contains(arn.as_str()))
            .collect();
        if !unseen.is_empty() && look < LOOKS {
            sleep(PAUSE).await;
            continue;
        }
        let running = running.into_iter().filter(|task| !seen_later.contains(task.arn.as_str()));
        let unknown = unseen.into_iter().map(|arn| Task { arn, ..Task::default() });
        let may_work = running.chain(stopped.iter().cloned()).filter(|task| !task.is_over()).chain(unknown);
        let may_work = may_work.filter(|task| task.service.is_none()).collect();
        return Ok(FamilyTasks { may_work, finished: of_the_run(stopped, run), services });
    }
    unreachable!("the last look returns")
}

/// Looks for a service that runs the family, among the tasks of the family in the cluster; `seen` is one that is
/// known already.
pub(crate) async fn service_of_family(
    reads: &impl TaskReads,
    cluster: &str,
    family: &str,
    seen: Option<ServiceSeen>,
) -> Result<Option<String>> {
    let tasks_of = async |wanted| reads.tasks_of_family(cluster, family, wanted).await;
    let tasks = [tasks_of(DesiredStatus::Running).await?, tasks_of(DesiredStatus::Stopped).await?].concat();
    let services = tasks.into_iter().filter_map(|task| task.service).collect();
    Ok(service(&services, seen, family))
}

/// Returns a service that runs the family: the one that the network is taken from, or one whose tasks are of it.
/// Other services are not known: to list a cluster's services would need calls and permissions of their own.
pub(super) fn service(
    services: &BTreeSet<String>,
    seen: Option<ServiceSeen>,
    family: &str,
) -> Option<String> {
    let seen = seen.filter(|service| service.families.iter().any(|of| of == family));
    seen.map(|service| service.name).or_else(|| services.first().cloned())
}

/// Returns the tasks that ECS describes, and the ARNs of those that it only lists.
async fn seen(
    reads: &impl TaskReads,
    cluster: &str,
    family: &str,
    wanted: DesiredStatus,
) -> Result<(Vec<Task>, Vec<String>)> {
    let listed = reads.list_tasks(cluster, family, wanted).await?;
    let described = reads.describe_tasks(cluster, &listed).await?;
    let known: HashSet<&str> = described.iter().map(|task| task.arn.as_str()).collect();
    let unseen = listed.into_iter().filter(|arn| !known.contains(arn.as_str())).collect();
    Ok((described, unseen))
}

/// Keeps the tasks of this run. A run from a terminal has no name before it starts, so it has no past.
fn of_the_run(stopped: Vec<Task>, run: &RunIdentity) -> Vec<Task> {
    let is_ours =
        |task: &Task| run.may_have_a_past && task.started_by.as_deref() == Some(run.started_by.as_str());
    stopped.into_iter().filter(is_ours).collect()
}

/// Reads the revisions of these tasks that are not known yet: each as it was read, or why it could not be.
pub(crate) async fn read_revisions(
    reading: &Reading<'_>,
    tasks: &[Task],
    reads: &impl DefinitionReads,
) -> Vec<(String, Result<TaskDefinition, String>)> {
    let read = |arn: String| async move {
        let read = match reads.describe_task_definition(&arn).await {
            Ok(Some(document)) => {
                TaskDefinition::from_json(document, &arn).map_err(|failure| failure.message)
            }
            Ok(None) => Err("ECS does not know it".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        };
        (arn, read)
    };
    futures::stream::iter(reading.unread(tasks)).map(read).buffer_unordered(AT_ONCE).collect().await
}

/// Reads the revisions without which it cannot be told what the observed tasks migrate.
///
/// # Errors
/// The container to migrate with is not in the task definition.
pub(crate) async fn observe_revisions(
    settings: &Settings,
    observed: &mut Observed,
    reads: &impl DefinitionReads,
) -> Result<()> {
    let Observed { base, running, finished, past, .. } = &*observed;
    let reading = Reading {
        container: base.migration_container(settings.container.as_deref())?,
        variable: &settings.task.common.database_variable,
        started_by: &settings.common.run.started_by,
        revision: None,
        orders: &Orders::default(),
        revisions: &observed.revisions,
    };
    let tasks: Vec<Task> = running.iter().chain(finished).chain(&past.tasks).cloned().collect();
    let read = read_revisions(&reading, &tasks, reads).await;
    observed.revisions.read(read);
    Ok(())
}
