//! The RunTask call of a pack, and where the logs of its task will be.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Orders, Plan, Told};
use crate::cli;
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;
use crate::hex::hex;
use crate::ports::{LogGroup, LogStream, RunTask, Task};
use crate::task_definition::{Logs, TaskDefinition};

/// Characters of RunTask's `overrides`, JSON punctuation included (RunTask).
pub(crate) const MAX_OVERRIDES: usize = 8192;

impl Plan {
    /// Makes the RunTask call of a pack. `attempt` counts from 0, and another attempt is another task.
    pub fn run_task(&self, revision: &str, databases: &[DatabaseName], attempt: u32) -> RunTask {
        let told = self.told(databases);
        let databases = told.environment(&self.task.common.database_variable);
        let environment = environment(&self.base, &self.container, &self.task, Some(&told));
        let mut request = RunTask {
            cluster: self.cluster.clone(),
            task_definition: revision.to_owned(),
            container: self.container.clone(),
            environment,
            command: self.task.command.as_deref().cloned(),
            network: self.network.clone(),
            tags: self.task.common.task_tag.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            propagate_tags: self.task.common.propagate_tags,
            managed_tags: self.task.common.ecs_managed_tags,
            started_by: self.started_by.clone(),
            client_token: String::new(),
        };
        let orders = Orders::of(&request.overrides(), &self.container, &self.task.common.database_variable);
        request.client_token = client_token(&self.started_by, &databases, &orders, revision, attempt);
        request
    }

    /// Returns where the log of a task's container is; none when it is not in CloudWatch Logs.
    pub fn log_stream(&self, container: &str, task: &Task) -> Option<LogStream> {
        let own_region = self.account.as_ref().map(|account| account.region.as_str());
        log_stream(&self.base, own_region, container, task)
    }

    /// Returns where the logs of this container are in all tasks; none as in [`Plan::log_stream`].
    pub fn log_group(&self, container: &str) -> Option<LogGroup> {
        let any = self.log_stream(container, &Task::default())?;
        let LogStream { region, group, name: stream_prefix } = any;
        Some(LogGroup { region, name: group, stream_prefix })
    }

    /// Counts the characters that are left for a list of names.
    pub(super) fn room(&self) -> usize {
        // The last name of a list has no comma after it.
        (MAX_OVERRIDES + 1).saturating_sub(self.overrides_length(&[]))
    }

    fn overrides_length(&self, databases: &[DatabaseName]) -> usize {
        let input = run_task_input(&self.run_task(self.family(), databases, 0));
        input["overrides"].to_string().chars().count()
    }

    pub(super) fn overrides_fit(&self) -> Result<(), Failure> {
        // A pack that only follows a task starts none.
        let started = self.packs.iter().filter(|pack| self.may_start(pack));
        let Some(length) = started.map(|pack| self.overrides_length(&pack.databases)).max() else {
            return Ok(());
        };
        if length <= MAX_OVERRIDES {
            return Ok(());
        }
        Err(Failure::input(format!(
            "RunTask's overrides would have {length} characters; ECS takes {MAX_OVERRIDES}"
        ))
        .hint("shorten --env and --command; large values belong into a secret or a file in S3"))
    }
}

/// Returns the variables that a task is told; those that name its databases come first.
pub(super) fn environment(
    base: &TaskDefinition,
    container: &str,
    task: &cli::TaskFlags,
    told: Option<&Told>,
) -> Vec<(String, String)> {
    let mut environment =
        told.map(|told| told.environment(&task.common.database_variable)).unwrap_or_default();
    // A list in the task definition or in its files would name other databases.
    let list = list_variable(&task.common.database_variable);
    let has_list = base.environment(container, &list).is_some_and(|list| !list.is_empty());
    let [files, _] = base.variables_from_elsewhere(container);
    if matches!(told, Some(Told::One(_))) && (has_list || files.is_some()) {
        environment.push((list, String::new()));
    }
    environment.extend(task.common.env.iter().map(|pair| (pair.name.to_string(), pair.value.clone())));
    environment
}

/// Returns where the log of a task's container is, by its definition; none when it is not in CloudWatch Logs, or in a
/// region that is not known.
pub(crate) fn log_stream(
    definition: &TaskDefinition,
    own_region: Option<&str>,
    container: &str,
    task: &Task,
) -> Option<LogStream> {
    let Logs::Awslogs { region, group, stream_prefix, .. } = definition.logs(container) else {
        return None;
    };
    Some(LogStream {
        region: region.or_else(|| own_region.map(str::to_owned))?,
        group,
        name: format!("{stream_prefix}/{container}/{}", task.id()),
    })
}

/// Derives the client token. For the same run, revision and all that a task is told it is the same, and so is ECS's
/// task: a retry, or a second process of the run, cannot start a second migration. A later step of the job that tells
/// a task another command, other variables or a list has another token, and does not get the earlier step's task.
fn client_token(
    started_by: &str,
    databases: &[(String, String)],
    orders: &Orders,
    revision: &str,
    attempt: u32,
) -> String {
    let databases = json!(databases).to_string();
    let mut hash = Sha256::new();
    for part in [started_by, &databases, &orders.digest(), revision, &attempt.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    // 60 characters: RunTask takes 64.
    hex(&hash.finalize()[..30])
}

/// Returns the JSON of a RunTask call, as `aws ecs run-task --cli-input-json` takes it.
pub(crate) fn run_task_input(request: &RunTask) -> Value {
    let mut container = json!({
        "name": request.container,
        "environment": request
            .environment
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect::<Vec<_>>(),
    });
    if let Some(command) = &request.command {
        container["command"] = json!(command);
    }
    let network = &request.network;
    let mut vpc = json!({"subnets": network.subnets});
    if !network.security_groups.is_empty() {
        vpc["securityGroups"] = json!(network.security_groups);
    }
    vpc["assignPublicIp"] = json!(if network.assign_public_ip { "ENABLED" } else { "DISABLED" });
    let mut input = json!({
        "cluster": request.cluster,
        "taskDefinition": request.task_definition,
        "launchType": "FARGATE",
        "count": 1,
        "networkConfiguration": {"awsvpcConfiguration": vpc},
        "overrides": {"containerOverrides": [container]},
        "startedBy": request.started_by,
        "clientToken": request.client_token,
    });
    if !request.tags.is_empty() {
        let tag = |(key, value): &(String, String)| json!({"key": key, "value": value});
        input["tags"] = request.tags.iter().map(tag).collect();
    }
    if request.propagate_tags {
        input["propagateTags"] = json!("TASK_DEFINITION");
    }
    if request.managed_tags {
        input["enableECSManagedTags"] = json!(true);
    }
    input
}
