//! What the plan of a rollback is made from.

use jiff::Timestamp;

use super::goal::Goal;
use super::history::ServiceHistory;
use super::images::{ContainerImage, Looked};
use crate::ports::{Account, ServiceRevision};
use crate::task_definition::TaskDefinition;

#[derive(Debug, Clone)]
pub(crate) struct ObservedBack {
    pub account: Account,
    /// In the order in which they were asked for.
    pub services: Vec<ObservedService>,
}

#[derive(Debug, Clone)]
pub(crate) struct ObservedService {
    pub history: ServiceHistory,
    /// What it runs; absent where ECS no longer has its task definition.
    pub current: Option<TaskDefinition>,
    /// What it goes back to.
    pub back: Option<TaskDefinition>,
    /// Tags of what it runs, by digest, as far as ECR shows them.
    pub tags: Vec<(String, Vec<String>)>,
    /// Absent where ECS takes back what is under way.
    pub goal: Option<ObservedGoal>,
}

#[derive(Debug, Clone)]
pub(crate) struct ObservedGoal {
    pub goal: Goal,
    /// What a person may have meant as well, where it is the same image.
    pub also: Option<String>,
    /// The service revision; absent for one that no recorded deployment has made.
    pub ran: Option<ServiceRevision>,
    pub definition: TaskDefinition,
    pub registered_at: Option<Timestamp>,
    /// The family's newest revision.
    pub newest: Option<TaskDefinition>,
    pub images: Vec<ContainerImage>,
    pub looked: Looked,
}
