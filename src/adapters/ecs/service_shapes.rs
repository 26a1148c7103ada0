//! The SDK's shapes of services as those of [`crate::ports`].

use std::time::Duration;

use aws_sdk_ecs::types::{
    self, DeploymentControllerType, DeploymentStrategy, ResourceManagementType,
    ServiceDeploymentRollbackMonitorsStatus,
};
use jiff::Timestamp;
use serde_json::Value;

use super::shapes::time;
use crate::ports::{
    BreakerSeen, Controller, Deployment, DeploymentRules, HookDetail, RevisionImage, RevisionTasks,
    RollbackSeen, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceEvent, ServiceRevision,
    Strategy,
};

pub(super) fn service(service: types::Service) -> Service {
    Service {
        name: service.service_name.unwrap_or_default(),
        arn: service.service_arn.unwrap_or_default(),
        status: service.status.unwrap_or_default(),
        controller: service.deployment_controller.map(|one| controller(&one.r#type)).unwrap_or_default(),
        is_express: service.resource_management_type == Some(ResourceManagementType::Ecs),
        task_definition: service.task_definition,
        desired: service.desired_count,
        running: service.running_count,
        pending: service.pending_count,
        rules: service.deployment_configuration.map(rules).unwrap_or_default(),
        deployments: service.deployments.unwrap_or_default().into_iter().map(deployment).collect(),
        events: service.events.unwrap_or_default().into_iter().map(event).collect(),
    }
}

fn controller(kind: &DeploymentControllerType) -> Controller {
    match kind {
        DeploymentControllerType::Ecs => Controller::Ecs,
        DeploymentControllerType::CodeDeploy => Controller::CodeDeploy,
        DeploymentControllerType::External => Controller::External,
        other => Controller::Other(other.as_str().to_owned()),
    }
}

fn rules(rules: types::DeploymentConfiguration) -> DeploymentRules {
    let breaker = rules.deployment_circuit_breaker;
    let alarms = rules.alarms.filter(|alarms| alarms.enable);
    let (linear, canary) = (rules.linear_configuration, rules.canary_configuration);
    DeploymentRules {
        strategy: match rules.strategy {
            None | Some(DeploymentStrategy::Rolling) => Strategy::Rolling,
            Some(DeploymentStrategy::BlueGreen) => Strategy::BlueGreen,
            // What AWS takes where the service says nothing (LinearConfiguration, CanaryConfiguration).
            Some(DeploymentStrategy::Linear) => Strategy::Linear {
                step_percent: linear.as_ref().and_then(|one| one.step_percent).unwrap_or(10.0),
                step_bake: minutes(linear.and_then(|one| one.step_bake_time_in_minutes).unwrap_or(6)),
            },
            Some(DeploymentStrategy::Canary) => Strategy::Canary {
                percent: canary.as_ref().and_then(|one| one.canary_percent).unwrap_or(5.0),
                bake: minutes(canary.and_then(|one| one.canary_bake_time_in_minutes).unwrap_or(10)),
            },
            Some(other) => Strategy::Other(other.as_str().to_owned()),
        },
        minimum_healthy: rules.minimum_healthy_percent,
        maximum: rules.maximum_percent,
        breaker: breaker.as_ref().is_some_and(|breaker| breaker.enable),
        breaker_rolls_back: breaker.is_some_and(|breaker| breaker.enable && breaker.rollback),
        alarms_roll_back: alarms.as_ref().is_some_and(|alarms| alarms.rollback),
        alarms: alarms.map(|alarms| alarms.alarm_names).unwrap_or_default(),
        bake: minutes(rules.bake_time_in_minutes.unwrap_or_default()),
        early_success: rules.early_success_criteria.is_some_and(|criteria| criteria.enable),
        has_hooks: rules.lifecycle_hooks.is_some_and(|hooks| !hooks.is_empty()),
    }
}

fn minutes(count: i32) -> Duration {
    Duration::from_secs(60 * u64::try_from(count).unwrap_or_default())
}

fn deployment(deployment: types::Deployment) -> Deployment {
    Deployment {
        id: deployment.id.unwrap_or_default(),
        status: deployment.status.unwrap_or_default(),
        task_definition: deployment.task_definition,
        rollout: deployment.rollout_state.map(|state| state.as_str().to_owned()),
        reason: deployment.rollout_state_reason,
        desired: deployment.desired_count,
        running: deployment.running_count,
        pending: deployment.pending_count,
        failed_tasks: deployment.failed_tasks,
        created_at: time(deployment.created_at),
    }
}

fn event(event: types::ServiceEvent) -> ServiceEvent {
    ServiceEvent {
        id: event.id.unwrap_or_default(),
        created_at: time(event.created_at),
        message: event.message.unwrap_or_default(),
    }
}

pub(super) fn brief(brief: types::ServiceDeploymentBrief) -> ServiceDeploymentBrief {
    ServiceDeploymentBrief {
        arn: brief.service_deployment_arn.unwrap_or_default(),
        status: brief.status.map(|status| status.as_str().into()).unwrap_or_default(),
        target: brief.target_service_revision_arn,
        created_at: time(brief.created_at),
        finished_at: time(brief.finished_at),
    }
}

pub(super) fn service_deployment(one: types::ServiceDeployment) -> ServiceDeployment {
    let triggered = |status: &Option<ServiceDeploymentRollbackMonitorsStatus>| {
        *status == Some(ServiceDeploymentRollbackMonitorsStatus::Triggered)
    };
    let alarms = one.alarms.filter(|alarms| triggered(&alarms.status));
    ServiceDeployment {
        arn: one.service_deployment_arn.unwrap_or_default(),
        status: one.status.map(|status| status.as_str().into()).unwrap_or_default(),
        reason: one.status_reason,
        target: one.target_service_revision.map(revision_tasks),
        sources: one.source_service_revisions.unwrap_or_default().into_iter().map(revision_tasks).collect(),
        stage: one.lifecycle_stage.map(|stage| stage.as_str().to_owned()),
        hooks: one.lifecycle_hook_details.unwrap_or_default().into_iter().map(hook).collect(),
        rollback: one.rollback.map(|rollback| RollbackSeen {
            reason: rollback.reason,
            started_at: time(rollback.started_at),
            to: rollback.service_revision_arn,
        }),
        breaker: one.deployment_circuit_breaker.map(|breaker| BreakerSeen {
            triggered: triggered(&breaker.status),
            failures: breaker.failure_count,
            threshold: breaker.threshold,
        }),
        triggered_alarms: alarms.map(|alarms| alarms.triggered_alarm_names.unwrap_or_default()),
        rules: one.deployment_configuration.map(rules).unwrap_or_default(),
        created_at: time(one.created_at),
        started_at: time(one.started_at),
        finished_at: time(one.finished_at),
        stopped_at: time(one.stopped_at),
        updated_at: time(one.updated_at),
    }
}

fn revision_tasks(summary: types::ServiceRevisionSummary) -> RevisionTasks {
    RevisionTasks {
        arn: summary.arn.unwrap_or_default(),
        requested: summary.requested_task_count,
        running: summary.running_task_count,
        pending: summary.pending_task_count,
        traffic: summary.requested_production_traffic_weight,
    }
}

fn hook(hook: types::DeploymentLifecycleHookDetail) -> HookDetail {
    HookDetail {
        id: hook.hook_id.unwrap_or_default(),
        kind: hook.target_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        status: hook.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        expires_at: time(hook.expires_at),
        timeout_action: hook.timeout_action.map(|action| action.as_str().to_owned()),
    }
}

/// The members of `serviceRevisions[]` that a run reads, and those that name the revision itself.
const READ: [&str; 6] =
    ["serviceRevisionArn", "serviceArn", "clusterArn", "taskDefinition", "containerImages", "createdAt"];

/// Reads `serviceRevisions[]`. Returns `None` where the answer has no list.
pub(super) fn service_revisions(mut body: Value) -> Option<Vec<ServiceRevision>> {
    let Value::Array(revisions) = body["serviceRevisions"].take() else { return None };
    Some(revisions.into_iter().map(service_revision).collect())
}

fn service_revision(mut revision: Value) -> ServiceRevision {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let image = |image: &Value| RevisionImage {
        container: text(&image["containerName"]),
        image: text(&image["image"]),
        digest: image["imageDigest"].as_str().map(str::to_owned),
    };
    let seen = ServiceRevision {
        arn: text(&revision["serviceRevisionArn"]),
        task_definition: text(&revision["taskDefinition"]),
        images: revision["containerImages"].as_array().into_iter().flatten().map(image).collect(),
        created_at: revision["createdAt"].as_f64().and_then(seconds),
        settings: Value::Null,
    };
    if let Some(members) = revision.as_object_mut() {
        members.retain(|name, value| !READ.contains(&name.as_str()) && !value.is_null());
    }
    ServiceRevision { settings: revision, ..seen }
}

/// Reads a time of AWS JSON 1.1: seconds since the Unix epoch, with a fraction.
fn seconds(seconds: f64) -> Option<Timestamp> {
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(duration).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_revision_keeps_what_nobody_knows_of() {
        let body = json!({"serviceRevisions": [{
            "serviceRevisionArn": "arn:aws:ecs:us-east-1:1:service-revision/c/web/7",
            "serviceArn": "arn:aws:ecs:us-east-1:1:service/c/web",
            "clusterArn": "arn:aws:ecs:us-east-1:1:cluster/c",
            "taskDefinition": "arn:aws:ecs:us-east-1:1:task-definition/web:3",
            "containerImages": [{"containerName": "web", "image": "app:1", "imageDigest": "sha256:1"},
                {"containerName": "proxy", "image": "proxy:2"}],
            "createdAt": 1_764_000_000.25,
            "platformVersion": "1.4.0",
            "ofTomorrow": {"a": 1},
            "volumeConfigurations": null,
        }], "failures": []});
        let revisions = service_revisions(body).expect("a list");
        let [one] = &revisions[..] else { panic!("{revisions:?}") };
        assert_eq!(one.settings, json!({"platformVersion": "1.4.0", "ofTomorrow": {"a": 1}}));
        assert_eq!(one.created_at.map(|at| at.as_millisecond()), Some(1_764_000_000_250));
        let digests: Vec<_> = one.images.iter().map(|image| image.digest.as_deref()).collect();
        assert_eq!(digests, [Some("sha256:1"), None]);
        assert_eq!(service_revisions(json!({"failures": []})), None);
    }
}
