//! What a task definition has when it is read back, beyond what was registered.

use serde_json::{Map, Value, json};

use super::definition_rules::{cpu_units, is_fit_for_fargate, mebibytes};

/// Adds the members that ECS fills in, and writes cpu and memory as integers. Nothing that was given is lost.
pub(super) fn complete(document: &mut Map<String, Value>) {
    if let Some(containers) = document.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            complete_container(container);
        }
    }
    for member in ["volumes", "placementConstraints"] {
        fill(document, member, json!([]));
    }
    let cpu = document.get("cpu").and_then(cpu_units).map(|units| units.to_string());
    let memory = document.get("memory").and_then(mebibytes).map(|size| size.to_string());
    for (member, value) in [("cpu", cpu), ("memory", memory)] {
        if let Some(value) = value {
            document.insert(member.into(), value.into());
        }
    }
    document.insert("requiresAttributes".into(), requires_attributes(document));
    document.insert("compatibilities".into(), compatibilities(document));
}

fn complete_container(container: &mut Map<String, Value>) {
    fill(container, "cpu", json!(0));
    fill(container, "essential", json!(true));
    for member in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
        fill(container, member, json!([]));
    }
}

fn fill(object: &mut Map<String, Value>, member: &str, default: Value) {
    if object.get(member).is_none_or(Value::is_null) {
        object.insert(member.into(), default);
    }
}

/// Returns the compatibilities. FARGATE is one for a task definition that could run there, asked for or not.
fn compatibilities(document: &Map<String, Value>) -> Value {
    if is_fit_for_fargate(&Value::Object(document.clone())) {
        json!(["EC2", "FARGATE"])
    } else {
        json!(["EC2"])
    }
}

fn requires_attributes(document: &Map<String, Value>) -> Value {
    let empty = Vec::new();
    let containers = document.get("containerDefinitions").and_then(Value::as_array).unwrap_or(&empty);
    let uses = |test: fn(&Value) -> bool| containers.iter().any(test);
    let awslogs = uses(|container| container["logConfiguration"]["logDriver"] == "awslogs");
    let secrets = uses(|container| container["secrets"].as_array().is_some_and(|list| !list.is_empty()));
    let ecr = uses(|container| container["image"].as_str().is_some_and(|image| image.contains(".dkr.ecr.")));
    let execution_role = document.contains_key("executionRoleArn");
    let mut names = Vec::new();
    if awslogs {
        names.push("com.amazonaws.ecs.capability.logging-driver.awslogs");
    }
    if awslogs && execution_role {
        names.push("ecs.capability.execution-role-awslogs");
    }
    if ecr {
        names.push("com.amazonaws.ecs.capability.ecr-auth");
    }
    if document.contains_key("taskRoleArn") {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    if ecr && execution_role {
        names.push("ecs.capability.execution-role-ecr-pull");
    }
    if secrets {
        names.push("ecs.capability.secrets.asm.environment-variables");
    }
    if document.get("networkMode").is_some_and(|mode| mode == "awsvpc") {
        names.push("ecs.capability.task-eni");
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}
