//! The RunTask call of a pack, and where the logs of its task will be.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Orders, Plan};
use crate::database_name::{DatabaseName, list_variable};
use crate::failure::Failure;
use crate::hex::hex;
use crate::ports::{LogGroup, LogStream, RunTask, Task};
use crate::task_definition::Logs;

/// Characters of RunTask's `overrides`, JSON punctuation included (RunTask).
pub(crate) const MAX_OVERRIDES: usize = 8192;

impl Plan {
    /// The RunTask call of a pack; `attempt` counts from 0, and another attempt is another task.
    pub fn run_task(&self, revision: &str, databases: &[DatabaseName], attempt: u32) -> RunTask {
        let told = self.told(databases);
        let mut environment = told.environment(&self.task.database_variable);
        let databases = environment.clone();
        // A list of the task definition's own, or of its files, would be another answer to the same question.
        let list = list_variable(&self.task.database_variable);
        let has_list = self.base.environment(&self.container, &list).is_some_and(|list| !list.is_empty());
        let [files, _] = self.base.variables_from_elsewhere(&self.container);
        if !self.packed && (has_list || files.is_some()) {
            environment.push((list, String::new()));
        }
        environment.extend(self.task.env.iter().map(|pair| (pair.name.to_string(), pair.value.clone())));
        let mut request = RunTask {
            cluster: self.cluster.clone(),
            task_definition: revision.to_owned(),
            container: self.container.clone(),
            environment,
            command: self.task.command.as_deref().cloned(),
            network: self.network.clone(),
            tags: self.task.task_tag.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            propagate_tags: self.task.propagate_tags,
            managed_tags: self.task.ecs_managed_tags,
            started_by: self.started_by.clone(),
            client_token: String::new(),
        };
        let orders = Orders::of(&request.overrides(), &self.container, &self.task.database_variable);
        request.client_token = client_token(&self.started_by, &databases, &orders, revision, attempt);
        request
    }

    /// Where a container's log of a task is; none when it is not in CloudWatch Logs.
    pub fn log_stream(&self, container: &str, task: &Task) -> Option<LogStream> {
        let Logs::Awslogs { region, group, stream_prefix, .. } = self.base.logs(container) else {
            return None;
        };
        let own_region = || self.account.as_ref().map(|account| account.region.clone());
        Some(LogStream {
            region: region.or_else(own_region)?,
            group,
            name: format!("{stream_prefix}/{container}/{}", task.id()),
        })
    }

    /// Where a container's logs of all tasks are; none as in [`Plan::log_stream`].
    pub fn log_group(&self, container: &str) -> Option<LogGroup> {
        let any = self.log_stream(container, &Task::default())?;
        let LogStream { region, group, name: stream_prefix } = any;
        Some(LogGroup { region, name: group, stream_prefix })
    }

    /// Characters that are left for a list of names.
    pub(super) fn room(&self) -> usize {
        // The last name of a list has no comma after it.
        (MAX_OVERRIDES + 1).saturating_sub(self.overrides_length(&[]))
    }

    fn overrides_length(&self, databases: &[DatabaseName]) -> usize {
        let input = run_task_input(&self.run_task(self.family(), databases, 0));
        input["overrides"].to_string().chars().count()
    }

    pub(super) fn overrides_fit(&self) -> Result<(), Failure> {
        // One that only follows a task is never told to another.
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

/// The same run, revision and all that a task is told give the same token, and ECS the same task: a retry, or a second
/// process of the same run, cannot start a second migration. A later step of the job that tells a task another command,
/// other variables or a list has another token, and is not handed the task of the step before it.
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

/// The JSON of a RunTask call, as `aws ecs run-task --cli-input-json` takes it.
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
