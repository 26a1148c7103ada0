//! What ECS and Fargate do with the execution role, and cannot do without.

use serde_json::{Map, Value};

use super::{Broken, Judged, given, objects, shown, text};
use crate::task_definition::ecr;

/// Requires the role for images. ECS: "Fargate requires task definition to have execution role ARN to support ECR
/// images."
pub(super) fn of_ecr_images(judged: &Judged<'_>) -> Option<Broken> {
    let in_ecr = |container: &Map<String, Value>| text(container, "image").is_some_and(ecr::has_image);
    without_role(judged, "takes its image from ECR", "pulls images from ECR", in_ecr)
}

/// Requires the role for credentials. ECS: "Private repository authentication requires that the task definition
/// specify a value for executionRoleArn."
pub(super) fn of_private_registries(judged: &Judged<'_>) -> Option<Broken> {
    let has = |container: &Map<String, Value>| given(container, "repositoryCredentials");
    without_role(judged, "has repositoryCredentials", "reads the registry's credentials", has)
}

/// Requires the role for secrets. ECS: "When you are specifying container secrets, you must also specify a value for
/// 'executionRoleArn'." The secrets of a log driver are read with the same role (ECS developer guide, "Task execution
/// IAM role").
pub(super) fn of_secrets(judged: &Judged<'_>) -> Option<Broken> {
    let of_logs = |container: &Map<String, Value>| {
        let logs = container.get("logConfiguration").and_then(Value::as_object);
        logs.is_some_and(|logs| objects(logs, "secretOptions").next().is_some())
    };
    let has =
        |container: &Map<String, Value>| objects(container, "secrets").next().is_some() || of_logs(container);
    without_role(judged, "takes variables or options from secrets", "reads secrets", has)
}

/// Requires the role for files: "The Amazon ECS task execution role is required to use this feature" (ECS developer
/// guide, environment files).
pub(super) fn of_environment_files(judged: &Judged<'_>) -> Option<Broken> {
    let has = |container: &Map<String, Value>| objects(container, "environmentFiles").next().is_some();
    without_role(judged, "has environmentFiles", "reads them from S3", has)
}

/// Requires the role for logs. ECS: "Fargate requires task definition to have execution role ARN to support log
/// driver awslogs."
pub(super) fn of_awslogs(judged: &Judged<'_>) -> Option<Broken> {
    let has = |container: &Map<String, Value>| {
        container.get("logConfiguration").and_then(|logs| logs.get("logDriver")?.as_str()) == Some("awslogs")
    };
    without_role(judged, "logs to CloudWatch Logs", "writes logs", has)
}

fn without_role(
    judged: &Judged<'_>,
    what: &str,
    why: &str,
    needs: impl Fn(&Map<String, Value>) -> bool,
) -> Option<Broken> {
    if judged.has_role() {
        return None;
    }
    let container = judged.containers.iter().find(|container| needs(container))?;
    Some(Broken {
        what: format!("has no executionRoleArn, and its container {} {what}", shown(container)),
        fix: format!(
            "set executionRoleArn to a role that ecs-tasks.amazonaws.com may assume and that has \
             AmazonECSTaskExecutionRolePolicy: with it Fargate {why}"
        ),
    })
}
