//! What a service runs, and its deployments.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Image;
use crate::arn;
use crate::plan::UnderWay;
use crate::ports::{
    DeploymentStatus, RevisionImage, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceRevision,
    Task, TaskStatus,
};

/// Deployments of a service that are shown, at most.
pub(crate) const NEWEST: usize = 3;

/// A service that exists.
#[derive(Debug, Clone)]
pub struct SeenService {
    pub service: Service,
    /// # Errors
    /// Says why its tasks are not known.
    pub tasks: Result<SeenTasks, String>,
    /// The newest that are over, the newest first.
    ///
    /// # Errors
    /// Says why they are not known.
    pub deployments: Result<Vec<Ended>, String>,
    pub rollout: Option<Rollout>,
}

/// The running tasks of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTasks {
    pub running: usize,
    /// By the containers' own health checks.
    pub healthy: usize,
    pub unhealthy: usize,
    pub images: Vec<RunningImage>,
}

/// The images that task definitions name, by the definition's ARN.
///
/// # Errors
/// Says why they are not known.
pub(crate) type Named = HashMap<String, Result<Vec<RevisionImage>, String>>;

/// An image that a container of running tasks has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningImage {
    pub container: String,
    /// Without a reference, ECS has added the container, or `unread` says why the reference is not known.
    pub image: Image,
    /// How many tasks run it.
    pub tasks: usize,
}

/// A deployment that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub deployment: String,
    /// In ECS's words.
    pub status: String,
    /// `family:revision`.
    ///
    /// # Errors
    /// Says why it is not known.
    pub task_definition: Result<String, String>,
    pub at: Option<Timestamp>,
    /// Why it did not succeed, where ECS has a reason; none for one that succeeded.
    ///
    /// # Errors
    /// Says why it is not known.
    pub reason: Result<Option<String>, String>,
}

/// A deployment that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// `deployment ecs-svc/1 (IN_PROGRESS) of web:4`.
    pub what: String,
    /// # Errors
    /// Says why its progress is not known.
    pub progress: Result<Progress, String>,
}

/// The progress of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// `lifecycleStage`; a rolling deployment has none.
    pub stage: Option<String>,
    /// The hook that it is paused at.
    pub paused_at: Option<String>,
    /// Tasks of the new revision: how many run, and how many are wanted.
    pub tasks: Option<(i32, i32)>,
}

/// A container, the digest that it runs, and its image as the task definition names it, if it does.
type Runs<'a> = (&'a str, Option<&'a str>, Result<Option<&'a str>, &'a str>);

impl SeenTasks {
    /// Counts the tasks that run and that ECS wants. `named` has the images of task definitions, which tell a
    /// container's repository.
    ///
    /// # Errors
    /// ECS counts running tasks, and none of them was seen.
    pub(crate) fn new(service: &Service, tasks: &[Task], named: &Named) -> Result<Self, String> {
        let running: Vec<&Task> = tasks
            .iter()
            .filter(|task| task.last_status == TaskStatus::Running && !task.is_told_to_stop())
            .collect();
        if running.is_empty() && service.running > 0 {
            return Err(format!("ECS counts {} running tasks of it, and none was seen", service.running));
        }
        let mut seen = Self { running: running.len(), ..Self::default() };
        let mut found: BTreeMap<Runs<'_>, usize> = BTreeMap::new();
        for task in running {
            let is = |health: &str| task.containers.iter().any(|one| one.health.as_deref() == Some(health));
            match () {
                () if is("UNHEALTHY") => seen.unhealthy += 1,
                () if is("HEALTHY") => seen.healthy += 1,
                () => {}
            }
            let images = images_of(task, named);
            for container in &task.containers {
                let of = |image: &&RevisionImage| image.container == container.name;
                let reference = images.map(|images| images.iter().find(of).map(|one| one.image.as_str()));
                let image = (container.name.as_str(), container.image_digest.as_deref(), reference);
                *found.entry(image).or_default() += 1;
            }
        }
        let image = |((container, digest, reference), tasks): (Runs<'_>, usize)| {
            let unread = reference.err().map(str::to_owned);
            let reference = reference.ok().flatten().map(str::to_owned);
            let image = Image { reference, digest: digest.map(str::to_owned), unread, ..Image::default() };
            RunningImage { container: container.to_owned(), image, tasks }
        };
        seen.images = found.into_iter().map(image).collect();
        Ok(seen)
    }
}

/// Returns the images that the task definition of a task names.
///
/// # Errors
/// Says why they are not known.
fn images_of<'a>(task: &Task, named: &'a Named) -> Result<&'a [RevisionImage], &'a str> {
    match task.task_definition.as_ref().and_then(|arn| named.get(arn)) {
        Some(images) => images.as_deref().map_err(String::as_str),
        None => Err("ECS does not say which task definition its task has"),
    }
}

impl Ended {
    pub(crate) fn new(
        brief: &ServiceDeploymentBrief,
        described: &Result<Vec<ServiceDeployment>, String>,
        revisions: &Result<Vec<ServiceRevision>, String>,
    ) -> Self {
        let task_definition = revisions.as_ref().map_err(Clone::clone).and_then(|revisions| {
            let of = brief.target.as_ref().and_then(|arn| revisions.iter().find(|one| one.arn == *arn));
            let of = of.ok_or("ECS does not describe its service revision")?;
            Ok(arn::name(&of.task_definition).to_owned())
        });
        let reason = match brief.status {
            DeploymentStatus::Successful => Ok(None),
            _ => whole(&brief.arn, described).map(|whole| whole.reason.clone()),
        };
        Self {
            deployment: arn::name(&brief.arn).to_owned(),
            status: brief.status.name().to_owned(),
            task_definition,
            at: brief.finished_at.or(brief.created_at),
            reason,
        }
    }
}

impl Rollout {
    /// Makes the rollout of a deployment that is under way. `listed` are the deployments of its service.
    pub(crate) fn new(
        under_way: &UnderWay,
        listed: &Result<Vec<ServiceDeploymentBrief>, String>,
        described: &Result<Vec<ServiceDeployment>, String>,
    ) -> Self {
        let progress = listed.as_ref().map_err(Clone::clone).and_then(|listed| {
            match listed.iter().find(|brief| arn::name(&brief.arn) == under_way.deployment) {
                Some(brief) => whole(&brief.arn, described).map(Progress::of),
                // The tasks before it drain, or ECS has not listed it yet: only DescribeServices shows it.
                None => Err("ECS lists no service deployment of it".to_owned()),
            }
        });
        Self { what: under_way.words(), progress }
    }
}

impl Progress {
    fn of(described: &ServiceDeployment) -> Self {
        Self {
            stage: described.stage.clone(),
            paused_at: described.pause().map(|hook| hook.id.clone()),
            tasks: described.target.as_ref().map(|target| (target.running, target.requested)),
        }
    }
}

/// Finds a deployment with what its brief does not say.
///
/// # Errors
/// Says why it is not described.
fn whole<'a>(
    arn: &str,
    described: &'a Result<Vec<ServiceDeployment>, String>,
) -> Result<&'a ServiceDeployment, String> {
    let described = described.as_ref().map_err(Clone::clone)?;
    described.iter().find(|one| one.arn == arn).ok_or_else(|| "ECS does not describe it".to_owned())
}
