//! ECS: task definitions as raw JSON, tasks as [`Task`].

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::{
    self, AssignPublicIp, AwsVpcConfiguration, ContainerOverride, KeyValuePair, LaunchType,
    NetworkConfiguration, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskOverride,
};
use futures::future::try_join_all;
use serde_json::Value;

use super::aws_error::{self, failed, incomplete};
use super::throttling;
use crate::failure::{Failure, listed};
use crate::ports::{Call, DESCRIBE_TASKS_BATCH, DesiredStatus, Launch, Network, RunTask, Task};

mod raw;
mod shapes;

/// StopTask is called when a job is being cancelled: GitHub's runner leaves ten seconds in all.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

pub fn client(config: &SdkConfig) -> Client {
    Client::from_conf(
        aws_sdk_ecs::config::Builder::from(config).retry_classifier(throttling::NotRetried).build(),
    )
}

/// DescribeTaskDefinition with tags, as the JSON that AWS sent: the SDK's types drop fields that they do not know.
pub async fn describe_task_definition(client: &Client, name: &str) -> Result<Option<Value>> {
    let doing = format!("describe task definition {name}");
    let body = raw::Captured::default();
    let answer = client
        .describe_task_definition()
        .task_definition(name)
        .include(TaskDefinitionField::Tags)
        .customize()
        .interceptor(body.clone())
        .send()
        .await;
    match answer {
        Ok(_) => body.json().with_context(|| doing).map(Some),
        // "Unable to describe task definition." is all that ECS says of one that does not exist.
        Err(error) if aws_error::code(&error) == Some("ClientException") => Ok(None),
        Err(error) => Err(failed(Call::DESCRIBE_TASK_DEFINITION, &doing, error)),
    }
}

pub async fn families_like(client: &Client, name: &str) -> Result<Vec<String>> {
    let family = name.rsplit('/').next().unwrap_or(name).split(':').next().unwrap_or(name);
    let start: String = family.chars().take_while(|c| !matches!(c, '-' | '_')).collect();
    for prefix in [Some(start).filter(|start| !start.is_empty()), None] {
        let answer = client
            .list_task_definition_families()
            .set_family_prefix(prefix)
            .status(TaskDefinitionFamilyStatus::Active)
            .send()
            .await
            .map_err(|error| {
                failed(Call::LIST_TASK_DEFINITION_FAMILIES, "list task definition families", error)
            })?;
        let families = answer.families.unwrap_or_default();
        if !families.is_empty() {
            return Ok(families);
        }
    }
    Ok(Vec::new())
}

/// RegisterTaskDefinition with exactly `document`.
pub async fn register_task_definition(client: &Client, document: &Value) -> Result<String> {
    let family = document["family"].as_str().unwrap_or_default();
    let doing = format!("register a revision of task definition {family}");
    let answer = client
        .register_task_definition()
        .family(family)
        .customize()
        .interceptor(raw::Replaced::new(document)?)
        .send()
        .await
        .map_err(|error| failed(Call::REGISTER_TASK_DEFINITION, &doing, error))?;
    answer
        .task_definition
        .and_then(|definition| definition.task_definition_arn)
        .ok_or_else(|| incomplete(Call::REGISTER_TASK_DEFINITION, &doing, "taskDefinitionArn"))
}

pub async fn check_cluster(client: &Client, region: &str, name: &str) -> Result<()> {
    let doing = format!("describe cluster {name}");
    let answer = client
        .describe_clusters()
        .clusters(name)
        .send()
        .await
        .map_err(|error| failed(Call::DESCRIBE_CLUSTERS, &doing, error))?;
    match answer.clusters().first().and_then(|cluster| cluster.status()) {
        Some("ACTIVE") => Ok(()),
        Some(status) => Err(Failure::input(format!("cluster {name} is {status}, not ACTIVE")).into()),
        None => {
            let failure = Failure::input(format!("cluster {name} does not exist in {region}"));
            Err(match clusters(client).await {
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

async fn clusters(client: &Client) -> Result<Vec<String>> {
    let answer = client
        .list_clusters()
        .send()
        .await
        .map_err(|error| failed(Call::LIST_CLUSTERS, "list clusters", error))?;
    Ok(answer.cluster_arns().iter().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned()).collect())
}

pub async fn network_of_service(client: &Client, cluster: &str, service: &str) -> Result<Network> {
    let doing = format!("describe service {service} of cluster {cluster}");
    let answer = client
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .map_err(|error| failed(Call::DESCRIBE_SERVICES, &doing, error))?;
    let Some(found) = answer.services().iter().find(|found| found.status() != Some("INACTIVE")) else {
        return Err(Failure::input(format!("service {service} does not exist in cluster {cluster}"))
            .hint("check --network-from-service, or pass --subnets and --security-groups")
            .into());
    };
    let Some(vpc) = found.network_configuration().and_then(NetworkConfiguration::awsvpc_configuration) else {
        return Err(Failure::input(format!(
            "service {service} does not run in awsvpc mode: it has no subnets"
        ))
        .hint("pass --subnets and --security-groups")
        .into());
    };
    Ok(Network {
        subnets: vpc.subnets().to_vec(),
        security_groups: vpc.security_groups().to_vec(),
        assign_public_ip: vpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
    })
}

/// ListTasks by family, to its last page.
pub async fn list_tasks(
    client: &Client,
    cluster: &str,
    family: &str,
    wanted: DesiredStatus,
) -> Result<Vec<String>> {
    let status = match wanted {
        DesiredStatus::Running => types::DesiredStatus::Running,
        DesiredStatus::Stopped => types::DesiredStatus::Stopped,
    };
    let doing = format!("list tasks of family {family} in cluster {cluster}");
    let mut arns = Vec::new();
    let request = client.list_tasks().cluster(cluster).family(family).desired_status(status);
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(Call::LIST_TASKS, &doing, error))?;
        arns.extend(page.task_arns.unwrap_or_default());
    }
    Ok(arns)
}

pub async fn describe_tasks(client: &Client, cluster: &str, arns: &[String]) -> Result<Vec<Task>> {
    let batches = arns.chunks(DESCRIBE_TASKS_BATCH).map(async |batch| {
        let doing = format!("describe {} tasks of cluster {cluster}", batch.len());
        let answer = client
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(batch.to_vec()))
            .send()
            .await
            .map_err(|error| failed(Call::DESCRIBE_TASKS, &doing, error))?;
        let asked: HashSet<&String> = batch.iter().collect();
        let tasks = answer.tasks.unwrap_or_default().iter().map(shapes::task).collect::<Vec<_>>();
        anyhow::Ok(tasks.into_iter().filter(move |task| asked.contains(&task.arn)).collect::<Vec<_>>())
    });
    Ok(try_join_all(batches).await?.into_iter().flatten().collect())
}

pub async fn run_task(client: &Client, request: &RunTask) -> Result<Launch> {
    let doing = format!("run task {} in cluster {}", request.task_definition, request.cluster);
    let network = &request.network;
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.clone()))
        .set_security_groups((!network.security_groups.is_empty()).then(|| network.security_groups.clone()))
        .assign_public_ip(if network.assign_public_ip {
            AssignPublicIp::Enabled
        } else {
            AssignPublicIp::Disabled
        })
        .build()?;
    let environment = request
        .environment
        .iter()
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build())
        .collect();
    let container = ContainerOverride::builder()
        .name(&request.container)
        .set_environment(Some(environment))
        .set_command(request.command.clone())
        .build();
    let answer = client
        .run_task()
        .cluster(&request.cluster)
        .task_definition(&request.task_definition)
        .launch_type(LaunchType::Fargate)
        .count(1)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
        .overrides(TaskOverride::builder().container_overrides(container).build())
        .started_by(&request.started_by)
        .client_token(&request.client_token)
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            if let Some(RunTaskError::ConflictException(conflict)) = error.as_service_error() {
                return Ok(Launch::Conflict { tasks: conflict.resource_ids().to_vec() });
            }
            return Err(failed(Call::RUN_TASK, &doing, error));
        }
    };
    if let Some(task) = answer.tasks().first() {
        return Ok(Launch::Started(Box::new(shapes::task(task))));
    }
    match answer.failures().first() {
        Some(failure) => Ok(Launch::Refused {
            reason: failure.reason().unwrap_or("no reason given").to_owned(),
            detail: failure.detail().map(str::to_owned),
        }),
        None => Err(incomplete(Call::RUN_TASK, &doing, "task and no failure")),
    }
}

pub async fn stop_task(client: &Client, cluster: &str, arn: &str, reason: &str) -> Result<()> {
    let deadline = TimeoutConfig::builder().operation_timeout(STOP_TIMEOUT).build();
    let answer = client
        .stop_task()
        .cluster(cluster)
        .task(arn)
        .reason(reason)
        .customize()
        .config_override(aws_sdk_ecs::config::Builder::new().timeout_config(deadline))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        // "The referenced task was not found.": it has ended already.
        Err(error) if aws_error::code(&error) == Some("InvalidParameterException") => Ok(()),
        Err(error) => Err(failed(Call::STOP_TASK, &format!("stop task {arn}"), error)),
    }
}
