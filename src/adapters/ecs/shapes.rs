//! The SDK's shapes as those of [`crate::ports`], and back.

use anyhow::Result;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    self, AssignPublicIp, AwsVpcConfiguration, ContainerOverride, KeyValuePair, NetworkConfiguration, Tag,
    TaskOverride,
};
use jiff::Timestamp;

use crate::ports::{self, Container, Network, Overrides, RunTask, Task};

pub(super) fn network(network: &Network) -> Result<NetworkConfiguration> {
    let public = if network.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.clone()))
        .set_security_groups((!network.security_groups.is_empty()).then(|| network.security_groups.clone()))
        .assign_public_ip(public)
        .build()?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
}

pub(super) fn overrides(wanted: &RunTask) -> TaskOverride {
    let variable = |(name, value): &(String, String)| KeyValuePair::builder().name(name).value(value).build();
    let container = ContainerOverride::builder()
        .name(&wanted.container)
        .set_environment(Some(wanted.environment.iter().map(variable).collect()))
        .set_command(wanted.command.clone())
        .build();
    TaskOverride::builder().container_overrides(container).build()
}

pub(super) fn tags(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

pub(super) fn task(task: types::Task) -> Task {
    Task {
        arn: task.task_arn.unwrap_or_default(),
        last_status: task.last_status.as_deref().unwrap_or_default().into(),
        desired_status: task.desired_status.as_deref().unwrap_or_default().into(),
        stop_code: task.stop_code.map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason,
        containers: task.containers.unwrap_or_default().into_iter().map(container).collect(),
        started_by: task.started_by,
        service: task.group.and_then(|group| Some(group.strip_prefix("service:")?.to_owned())),
        task_definition: task.task_definition_arn,
        overrides: task.overrides.map(overridden),
        created_at: time(task.created_at),
        pull_started_at: time(task.pull_started_at),
        pull_stopped_at: time(task.pull_stopped_at),
        started_at: time(task.started_at),
        execution_stopped_at: time(task.execution_stopped_at),
        stopped_at: time(task.stopped_at),
        outlived: false,
    }
}

fn container(container: types::Container) -> Container {
    Container {
        name: container.name.unwrap_or_default(),
        is_stopped: container.last_status.as_deref() == Some("STOPPED"),
        exit_code: container.exit_code,
        reason: container.reason,
        image_digest: container.image_digest,
        health: container.health_status.map(|status| status.as_str().to_owned()),
    }
}

fn overridden(overrides: types::TaskOverride) -> Overrides {
    let containers = overrides.container_overrides.unwrap_or_default().into_iter();
    Overrides { containers: containers.map(container_override).collect(), task_role: overrides.task_role_arn }
}

fn container_override(told: ContainerOverride) -> ports::ContainerOverride {
    let pairs = told.environment.unwrap_or_default().into_iter();
    let files = told.environment_files.unwrap_or_default().into_iter();
    ports::ContainerOverride {
        name: told.name.unwrap_or_default(),
        command: told.command.filter(|words| !words.is_empty()),
        environment: pairs
            .map(|pair| (pair.name.unwrap_or_default(), pair.value.unwrap_or_default()))
            .collect(),
        environment_files: files.map(|file| file.value).collect(),
    }
}

pub(super) fn time(value: Option<DateTime>) -> Option<Timestamp> {
    value.and_then(|time| Timestamp::from_millisecond(time.to_millis().ok()?).ok())
}
