//! Amazon ECS: clusters, task definitions, tasks and services.

mod clusters;
mod definition_defaults;
mod definition_rules;
mod placement;
mod run_task;
mod run_task_rules;
mod service_deployments;
mod services;
mod tags;
pub mod task;
mod task_definitions;
mod tasks;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::answer::{Answer, AwsError};
use crate::figures::TaskFigures;
use crate::region::Region;
use crate::service::{self, Service};
use crate::world::World;

pub(crate) use clusters::creation;
pub(crate) use run_task::launch_for_service;
pub(crate) use services::{ManagedBy, as_they_are as services_as_they_are, create as create_service};
pub use task::{Stop, Task};
pub use task_definitions::Revision;
pub(crate) use task_definitions::restore;

/// The function that starts the life of a task that RunTask has created, by its id; the receiver hears StopTask.
pub type Spawner = fn(&Arc<World>, &Arc<Region>, String, watch::Receiver<Option<Stop>>);

/// The ECS resources of one Region.
#[derive(Default)]
pub struct Ecs(Mutex<State>);

#[derive(Default)]
pub(crate) struct State {
    pub clusters: BTreeMap<String, clusters::Cluster>,
    pub families: BTreeMap<String, task_definitions::Family>,
    /// By task id, with the order in which they were started.
    pub tasks: BTreeMap<u64, Task>,
    pub numbers: HashMap<String, u64>,
    /// By cluster name and client token.
    pub tokens: HashMap<(String, String), run_task::Launch>,
    pub services: BTreeMap<service::Key, Service>,
    /// Tasks that are not STOPPED, and their CPU units: 1,024 are a vCPU.
    pub open: usize,
    pub cpu_units: u64,
    /// The most that were ever open.
    pub peak: usize,
    pub refused_launches: u64,
}

impl Ecs {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a task, and counts its version up as ECS does.
    pub(crate) fn change<T>(&self, task_id: &str, change: impl FnOnce(&mut Task) -> T) -> Option<T> {
        let mut state = self.state();
        let task = state.task_mut(task_id)?;
        task.version += 1;
        let changed = change(task);
        task.tell_its_service();
        Some(changed)
    }

    /// Makes the last change of a task, with what else changes at that moment. A STOPPED task does not change.
    pub(crate) fn stopped(&self, task_id: &str, now: i64, also: impl FnOnce(&mut Task)) {
        let mut state = self.state();
        let Some(task) = state.task_mut(task_id).filter(|task| !task.is_stopped()) else { return };
        task.version += 1;
        task.last_status = "STOPPED";
        task.times.stopped = Some(now);
        also(task);
        task.tell_its_service();
        let units = task.cpu_units();
        state.open -= 1;
        state.cpu_units -= units;
    }
}

impl State {
    pub fn task(&self, task_id: &str) -> Option<&Task> {
        self.tasks.get(self.numbers.get(task_id)?)
    }

    /// Adds a task that has just been created.
    pub fn add(&mut self, task: Task) {
        let number = self.tasks.len() as u64;
        self.numbers.insert(task.id.clone(), number);
        self.cpu_units += task.cpu_units();
        self.open += 1;
        self.peak = self.peak.max(self.open);
        self.tasks.insert(number, task);
    }

    pub fn figures(&self) -> TaskFigures {
        TaskFigures { started: self.tasks.len(), peak: self.peak, refused: self.refused_launches }
    }

    pub fn task_mut(&mut self, task_id: &str) -> Option<&mut Task> {
        self.tasks.get_mut(self.numbers.get(task_id)?)
    }
}

/// Answers an operation of `AmazonEC2ContainerServiceV20141113`.
pub fn handle(world: &Arc<World>, region: &Arc<Region>, operation: &str, input: &Value) -> Answer {
    match operation {
        "RegisterTaskDefinition" => task_definitions::register(world, region, input),
        "DescribeTaskDefinition" => task_definitions::describe(region, input),
        "DeregisterTaskDefinition" => task_definitions::deregister(world, region, input),
        "ListTaskDefinitions" => task_definitions::list(region, input),
        "ListTaskDefinitionFamilies" => task_definitions::list_families(region, input),
        "CreateCluster" => clusters::create(region, input),
        "DescribeClusters" => clusters::describe(region, input),
        "ListClusters" => clusters::list(region, input),
        "RunTask" => run_task::run(world, region, input),
        "DescribeTasks" => tasks::describe(world, region, input),
        "ListTasks" => tasks::list(world, region, input),
        "StopTask" => tasks::stop(region, input),
        "CreateService" => create_service(world, region, input, ManagedBy::Customer),
        "UpdateService" => services::update(world, region, input),
        "DeleteService" => services::delete(world, region, input),
        "DescribeServices" => services::describe(world, region, input),
        "ListServices" => services::list(region, input),
        "ListServiceDeployments" => service_deployments::list(world, region, input),
        "DescribeServiceDeployments" => service_deployments::describe(world, region, input),
        "DescribeServiceRevisions" => service_deployments::describe_revisions(region, input),
        "ContinueServiceDeployment" => service_deployments::proceed(world, region, input),
        "StopServiceDeployment" => service_deployments::stop(world, region, input),
        "TagResource" => tags::tag(region, input),
        "UntagResource" => tags::untag(region, input),
        "ListTagsForResource" => tags::list(region, input),
        _ => Err(AwsError::unknown_operation()),
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("InvalidParameterException", message)
}

pub(crate) fn client_error(message: impl Into<String>) -> AwsError {
    AwsError::client("ClientException", message)
}

/// Returns the strings of a list; an absent list is an empty one.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}

/// Reads `maxResults`, which ECS lets be 1 to 100; 100 without it.
pub(crate) fn max_results(input: &Value) -> Result<usize, AwsError> {
    match input["maxResults"].as_u64() {
        None => Ok(100),
        Some(size @ 1..=100) => Ok(usize::try_from(size).unwrap_or(100)),
        Some(_) => Err(invalid("maxResults should be between 1 and 100")),
    }
}

/// Returns the last segment of an ARN, or a plain name.
pub(crate) fn short_name(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}
