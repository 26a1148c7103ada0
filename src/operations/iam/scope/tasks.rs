//! Pure: what task definitions say of the tasks that are made from them.

use std::collections::BTreeSet;

use super::{Blanks, registry_of};
use crate::ecr_registry::EcrRegistry;
use crate::image_reference::ImageReference;
use crate::task_definition::{Logs, TaskDefinition};

/// Where the tasks are.
pub(super) struct Place<'a> {
    pub partition: &'a str,
    pub region: &'a str,
    pub account: &'a str,
}

/// Roles and log groups of tasks that are started, or that a service starts.
#[derive(Default)]
pub(super) struct Tasks {
    /// ARNs.
    pub roles: BTreeSet<String>,
    /// Region and log group.
    pub log_groups: BTreeSet<(String, String)>,
}

/// What a person has to fill in where a task definition is not known.
pub(super) struct Unknown {
    pub execution_role: &'static str,
    pub task_role: &'static str,
    pub log_group: &'static str,
    pub how: &'static str,
}

impl Tasks {
    pub(super) fn of(
        definitions: Option<&[TaskDefinition]>,
        place: &Place<'_>,
        unknown: &Unknown,
        blanks: &mut Blanks,
    ) -> Self {
        let role = |name: &str| match name.starts_with("arn:") {
            true => name.to_owned(),
            false => format!("arn:{}:iam::{}:role/{name}", place.partition, place.account),
        };
        match definitions {
            Some(definitions) => Self {
                roles: definitions.iter().flat_map(TaskDefinition::roles).map(role).collect(),
                log_groups: definitions.iter().flat_map(|one| log_groups(one, place.region)).collect(),
            },
            None => {
                let mut blank = |name| blanks.fill(None, name, unknown.how);
                Self {
                    roles: [unknown.execution_role, unknown.task_role].map(|name| role(&blank(name))).into(),
                    log_groups: [(place.region.to_owned(), blank(unknown.log_group))].into(),
                }
            }
        }
    }
}

/// Returns region and log group of all containers: when a task did not end well, a page of each is read.
fn log_groups(definition: &TaskDefinition, region: &str) -> BTreeSet<(String, String)> {
    let logs = definition.container_names().into_iter().map(|container| definition.logs(container));
    logs.filter_map(|logs| match logs {
        Logs::Awslogs { region: own, group, .. } => Some((own.unwrap_or_else(|| region.to_owned()), group)),
        _ => None,
    })
    .collect()
}

/// Lists the repositories in ECR of all containers, each once.
pub(super) fn repositories(definitions: &[TaskDefinition]) -> Vec<(EcrRegistry, String)> {
    let images = definitions
        .iter()
        .flat_map(|one| one.container_names().into_iter().filter_map(|container| one.image(container)));
    let mut all = Vec::new();
    for image in images {
        let named =
            registry_of(image).map(|registry| (registry, ImageReference::parse(image).path.to_owned()));
        all.extend(named.filter(|named| !all.contains(named)));
    }
    all
}

/// Tells whether revisions of it are registered with tags.
pub(super) fn is_tagged(definition: &TaskDefinition) -> bool {
    definition.register_input().get("tags").is_some()
}
