//! ECS: task definitions as raw JSON, tasks as [`Task`].

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use aws_sdk_ecs::operation::list_tasks::builders::ListTasksFluentBuilder;
use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::{self, LaunchType, PropagateTags};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use futures::future::try_join_all;

use super::aws_error::{incomplete, passing_failure, unless_said};
use super::call_log::CallLog;
use super::{Aws, throttling};
use crate::arn;
use crate::failure::{Failure, listed};
use crate::ports::{
    Call, DESCRIBE_TASKS_BATCH, DesiredStatus, Launch, NoRoom, RunTask, Task, TaskReads, TaskWrites,
};
use crate::words::counted;

mod definitions;
#[cfg(test)]
mod lists;
mod raw;
mod service_shapes;
mod services;
mod shapes;

/// StopTask is called when a job is being cancelled: GitHub's runner leaves ten seconds in all.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) fn client(config: &SdkConfig) -> Client {
    Client::from_conf(
        aws_sdk_ecs::config::Builder::from(config)
            .retry_classifier(throttling::NotRetried)
            .interceptor(CallLog)
            .build(),
    )
}

impl TaskReads for Aws {
    async fn check_cluster(&self, name: &str) -> Result<()> {
        let (doing, region) = (format!("describe cluster {name}"), &self.region);
        let described = async || self.ecs.describe_clusters().clusters(name).send().await;
        let answer = self.call(Call::DESCRIBE_CLUSTERS, &doing, described).await?;
        match answer.clusters().first().and_then(|cluster| cluster.status()) {
            Some("ACTIVE") => Ok(()),
            Some(status) => Err(Failure::input(format!("cluster {name} is {status}, not ACTIVE")).into()),
            None => {
                let failure = Failure::input(format!("cluster {name} does not exist in {region}"));
                Err(match self.clusters().await {
                    Ok(names) if names.is_empty() => failure.hint(format!(
                        "there is no cluster in {region}: check --region and the credentials' account"
                    )),
                    Ok(names) => failure.hint(format!("clusters that exist: {}", listed(&names))),
                    Err(_) => failure.hint("check --cluster and --region"),
                }
                .into())
            }
        }
    }

    /// Lists the ARNs of a family's tasks, to the last page of ListTasks.
    async fn list_tasks(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<String>> {
        let doing = format!("list tasks of family {family} in cluster {cluster}");
        let listed = self.ecs.list_tasks().cluster(cluster).family(family);
        self.task_arns(listed, wanted, &doing).await
    }

    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>> {
        let batches = arns.chunks(DESCRIBE_TASKS_BATCH).map(async |batch| {
            let doing = format!("describe {} of cluster {cluster}", counted(batch.len(), "task"));
            let described = async || {
                let request = self.ecs.describe_tasks().cluster(cluster);
                request.set_tasks(Some(batch.to_vec())).send().await
            };
            let answer = self.call(Call::DESCRIBE_TASKS, &doing, described).await?;
            let asked: HashSet<&String> = batch.iter().collect();
            let tasks = answer.tasks.ok_or_else(|| incomplete(Call::DESCRIBE_TASKS, &doing, "tasks"))?;
            let tasks = tasks.into_iter().map(shapes::task);
            anyhow::Ok(tasks.filter(|task| asked.contains(&task.arn)).collect::<Vec<_>>())
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }
}

/// Tells whether an exception has a reason that AWS otherwise gives in RunTask's failures[]. An exception of the
/// server's (5xx) leaves open whether a task was started.
fn lacks_room(error: &SdkError<RunTaskError, HttpResponse>, refusal: &RunTaskError) -> bool {
    let is_refusal = error.raw_response().is_some_and(|answer| answer.status().is_client_error());
    is_refusal && refusal.message().is_some_and(|message| NoRoom::of(message).is_some())
}

impl Aws {
    /// Lists the ARNs of tasks, to the last page of ListTasks.
    async fn task_arns(
        &self,
        request: ListTasksFluentBuilder,
        wanted: DesiredStatus,
        doing: &str,
    ) -> Result<Vec<String>> {
        let status = match wanted {
            DesiredStatus::Running => types::DesiredStatus::Running,
            DesiredStatus::Stopped => types::DesiredStatus::Stopped,
        };
        let request = request.desired_status(status);
        let (mut arns, mut token) = (Vec::new(), None);
        loop {
            let page = async || request.clone().set_next_token(token.clone()).send().await;
            let page = self.call(Call::LIST_TASKS, doing, page).await?;
            // An absent list is not an empty one: the tasks that it would name may migrate a database.
            arns.extend(page.task_arns.ok_or_else(|| incomplete(Call::LIST_TASKS, doing, "taskArns"))?);
            let before = std::mem::replace(&mut token, page.next_token.filter(|token| !token.is_empty()));
            if token.is_none() {
                return Ok(arns);
            }
            if token == before {
                return Err(incomplete(Call::LIST_TASKS, doing, "other page, and says that there is one"));
            }
        }
    }

    async fn clusters(&self) -> Result<Vec<String>> {
        let listed = async || self.ecs.list_clusters().send().await;
        let answer = self.call(Call::LIST_CLUSTERS, "list clusters", listed).await?;
        Ok(answer.cluster_arns().iter().map(|cluster| arn::name(cluster).to_owned()).collect())
    }
}

impl TaskWrites for Aws {
    async fn run_task_turn(&self) {
        self.rates.turn(Call::RUN_TASK).await;
    }

    async fn run_task(&self, wanted: &RunTask) -> Result<Launch> {
        let doing = format!("run task {} in cluster {}", wanted.task_definition, wanted.cluster);
        let request = self
            .ecs
            .run_task()
            .cluster(&wanted.cluster)
            .task_definition(&wanted.task_definition)
            .launch_type(LaunchType::Fargate)
            .count(1)
            .network_configuration(shapes::network(&wanted.network)?)
            .overrides(shapes::overrides(wanted))
            .set_tags((!wanted.tags.is_empty()).then(|| shapes::tags(&wanted.tags)))
            .set_propagate_tags(wanted.propagate_tags.then_some(PropagateTags::TaskDefinition))
            .set_enable_ecs_managed_tags(wanted.managed_tags.then_some(true))
            .started_by(&wanted.started_by)
            .client_token(&wanted.client_token);
        let run = async || match request.clone().send().await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => match error.as_service_error() {
                Some(RunTaskError::ConflictException(conflict)) => {
                    Ok(Err(Launch::Conflict { tasks: conflict.resource_ids().to_vec() }))
                }
                Some(refusal) if lacks_room(&error, refusal) => {
                    let reason = refusal.message().unwrap_or_default().to_owned();
                    Ok(Err(Launch::Refused { reason, detail: None }))
                }
                _ => Err(error),
            },
        };
        let answer = match self.call_once(Call::RUN_TASK, &doing, run).await? {
            Ok(answer) => answer,
            Err(launch) => return Ok(launch),
        };
        if let Some(task) = answer.tasks.unwrap_or_default().into_iter().next() {
            return Ok(Launch::Started(Box::new(shapes::task(task))));
        }
        match answer.failures.unwrap_or_default().into_iter().next() {
            Some(failure) => {
                let reason = failure.reason.unwrap_or_else(|| "no reason given".to_owned());
                match passing_failure(Call::RUN_TASK, &doing, &reason) {
                    Some(failure) if NoRoom::of(&reason).is_none() => Err(failure.into()),
                    _ => Ok(Launch::Refused { reason, detail: failure.detail }),
                }
            }
            None => Err(incomplete(Call::RUN_TASK, &doing, "task and no failure")),
        }
    }

    async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<()> {
        let stop = async || {
            let deadline = TimeoutConfig::builder().operation_timeout(STOP_TIMEOUT).build();
            let config = aws_sdk_ecs::config::Builder::new().timeout_config(deadline);
            let request = self.ecs.stop_task().cluster(cluster).task(arn).reason(reason);
            // "The referenced task was not found.": it has ended already.
            let stopped = request.customize().config_override(config).send().await;
            unless_said("InvalidParameterException", &["not found"], stopped)
        };
        self.call(Call::STOP_TASK, &format!("stop task {arn}"), stop).await.map(|_| ())
    }
}
